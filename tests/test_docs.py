"""What the documents show is what the code does."""

import inspect
import math
import re
import shlex
import socket
from typing import Any

import pytest

from otel_etw import ETWMetricExporter, FileTransport, InMemoryTransport, transports
from otel_etw.encoding.frames import Frames
from otel_etw.limits import FRAME_MAXIMUM
from otel_etw.settings import VARIABLES
from otel_etw.transports import etw
from otel_etw.transports.etw_codes import CODES, explain
from tests.support.markdown import ROOT, blocks, document

README = document("README.md")


def test_readme_names_every_argument() -> None:
    table = README[README.index("## Options") : README.index("### Files")]
    named = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\|(.*?)\|", table, re.MULTILINE))))
    parameters = set(inspect.signature(ETWMetricExporter).parameters)
    assert named == parameters


def test_readme_names_every_variable() -> None:
    for variables in VARIABLES.values():
        for variable in variables:
            assert f"`{variable.removeprefix('OTEL_EXPORTER_ETW_')}`" in README


def test_exporter_docstring_names_every_argument() -> None:
    doc = inspect.getdoc(ETWMetricExporter) or ""
    for parameter in inspect.signature(ETWMetricExporter).parameters:
        assert re.search(rf"\b{parameter}\b.*:", doc), parameter


def test_readme_commands_are_one_line_each() -> None:
    commands = re.findall(r"^    (python3 -m venv .*)$", README, re.MULTILINE)
    assert len(commands) == 2
    demo, tests = commands
    assert shlex.split(demo)[-3:] == [".venv/bin/otel-etw", "view", "otel-etw-demo.pb"]
    assert shlex.split(tests)[-1] == ".venv/bin/pytest"


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings: lower case, hyphens for spaces, no other punctuation."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "bench/README.md"]:
        text = page.read_text(encoding="utf-8")
        for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text):
            target = page.parent / path if path else page
            assert target.exists(), f"{page.name}: {path}"
            if anchor:
                found = anchors(target.read_text(encoding="utf-8"))
                assert anchor in found, f"{page.name}: {path}#{anchor}"


def test_transport_of_the_documentation_works(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    exec(blocks("docs/transports.md", "python")[0].text, names)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.settimeout(30)
        agent.bind(("127.0.0.1", 0))
        monkeypatch.setitem(transports._BUILT_IN, "datagram", "x:y")
        factory = names["DatagramTransport"].from_spec
        monkeypatch.setattr(transports, "_factory", lambda name: factory)
        with transports.open(f"datagram:127.0.0.1:{agent.getsockname()[1]}") as transport:
            delivery = transport.send(Frames([b"one", b"two"], [1, 2]))
            assert [agent.recv(100), agent.recv(100)] == [b"one", b"two"]
            too_large = transport.send(Frames([b"x" * 70_000], [5]))
    assert (delivery.taken, delivery.points) == (2, 3)
    assert [(loss.reason, loss.frames, loss.points) for loss in too_large.losses] == [
        ("refused", 1, 5)
    ]


def test_etw_codes_are_in_their_table() -> None:
    table = (ROOT / "docs/etw.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (ERROR_\w+) \| `(\w+)` \|", table, re.MULTILINE)
    assert [(int(code), name, reason) for code, name, reason in rows] == [
        (code, name, explain(code)[0]) for code, (name, _) in CODES.items()
    ]


def test_readme_has_the_limits_of_the_code() -> None:
    row = re.search(r"^\| `limit` .*$", README, re.MULTILINE)
    assert row
    for bytes_ in (etw.ETW_LIMIT, etw.ETW_LIMIT_MAXIMUM):
        assert f"{bytes_:,}" in row[0]
    assert FileTransport("frames.pb").limit == 1 << 20
    assert "Files: 1 MiB" in row[0]
    assert FileTransport("lines.jsonl").limit == 128 << 10
    assert "JSON lines 128 KiB" in row[0]
    assert FRAME_MAXIMUM == (64 << 20) - 1
    assert "at most 64 MiB" in row[0]
    assert InMemoryTransport().limit is None
    assert "Memory: none" in row[0]


def test_numbers_of_buffers_are_what_their_formula_gives() -> None:
    text = " ".join(document("docs/operating.md").split())
    fit = {size: (size * 1024 - 72) // (etw.ETW_LIMIT + 152) for size in (64, 128, 1024)}
    assert fit == {64: 1, 128: 2, 1024: 17}
    assert "one at `-bs 64`, two at 128, **17 at 1024**" in text
    for size, processors, burst, stalled in ((128, 8, 14, 0), (1024, 16, 120, 60)):
        lowest = 2 * processors + math.ceil(burst / fit[size])
        highest = lowest + max(20, math.ceil(stalled / fit[size]))
        assert f"**`-bs {size} -nb {lowest} {highest}`**" in text
