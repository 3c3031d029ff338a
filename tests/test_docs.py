"""What the documents show is what the code does."""

import inspect
import re
import shlex
import socket
from pathlib import Path
from typing import Any

import pytest

from otel_etw import ETWMetricExporter, transports
from otel_etw.encoding.frames import Frames
from otel_etw.settings import VARIABLES
from otel_etw.transports import etw
from otel_etw.transports.etw import CODES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def code_blocks(document: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)


def test_readme_example_for_tests_runs() -> None:
    lines = code_blocks(README)[0].splitlines()
    setup = "\n".join(line for line in lines if line.startswith("from opentelemetry"))
    names: dict[str, Any] = {}
    exec(setup + "\n" + code_blocks(README)[1], names)
    names["provider"].shutdown()


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


def test_links_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "bench/README.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_transport_of_the_documentation_works(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    exec(code_blocks((ROOT / "docs/transports.md").read_text(encoding="utf-8"))[0], names)
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
