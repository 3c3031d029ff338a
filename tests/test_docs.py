"""What the documents show is what the code does."""

import inspect
import re
import shlex
import socket
from typing import Any

import pytest

from otel_etw import ETWMetricExporter, transports
from otel_etw.encoding.frames import Frames
from otel_etw.settings import VARIABLES
from otel_etw.transports import etw
from otel_etw.transports.etw import CODES
from tests.markdown import ROOT, blocks, document

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
        (code, name, etw.explain(code)[0]) for code, (name, _) in CODES.items()
    ]
