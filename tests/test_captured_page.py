"""The page for who has captured something: its commands run, and its tables are true."""

from __future__ import annotations

import json
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.command_line import capture, gauge, run
from tests.support.etl_files import EPOCH, EtlWriter, event
from tests.support.markdown import blocks, document

PAGE = "docs/captured.md"
COMMANDS = [
    line
    for block in blocks(PAGE, "sh")
    for line in block.text.splitlines()
    if line.startswith("otel-etw ")
]
SECOND = 10**9
START = 1_795_600_800 * SECOND  # 2026-11-25 10:00 UTC


def trace() -> bytes:
    """The capture of the page."""
    start = EPOCH + START // 100
    writer = EtlWriter(start=start, end=start + 60 * 10**7, lost_events=41)
    for second in range(6):
        name = "http.server.request.duration" if second % 3 else "queue.length"
        route = f"/{second % 3}" if second % 3 == 2 else f"/{second}"
        message = gauge(second, name=name, time=START + second * SECOND, route=route)
        time = writer.reference + second * writer.frequency
        writer.frame(time, message.SerializeToString(), second % 2)
    writer.add(event(writer.reference, b"", event_id=55))
    return writer.file().data


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files of the page; nobody waits for more of them."""
    (tmp_path / "trace.etl").write_bytes(trace())
    for number, name in enumerate(("metrics.pb", "m-1.pb", "m.pb")):
        capture(tmp_path / name, gauge(number))
    monkeypatch.chdir(tmp_path)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("otel_etw.cli.reading"), "sleep", interrupt)
    return tmp_path


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(folder: Path, command: str) -> None:
    # As a shell does it, in the current folder.
    words = [
        str(file)
        for word in shlex.split(command.partition(" | ")[0])
        for file in [*Path().glob(word)] or [word]
    ]
    result = run(*words[1:])
    assert result.exit_code == (130 if "--follow" in words else 0), result.output


def test_the_sample_of_info_is_what_it_prints(folder: Path) -> None:
    """But for the width, at which the page breaks lines."""
    (sample,) = [block.text for block in blocks(PAGE, "text")]
    printed = run("info", "trace.etl", "--utc").stdout
    assert sample.split() == printed.split()


def test_the_keys_of_info_are_all_there(folder: Path) -> None:
    table = document(PAGE).split("| key | what |")[1].split("\n\n")[0]
    cells = re.findall(r"^\| (`.*?`) \| (.*?) \|", table, re.MULTILINE)
    found = json.loads(run("info", "trace.etl", "--format", "json").stdout)
    assert [key for keys, _ in cells for key in re.findall(r"`(\w+)`", keys)] == list(found)
    meanings = dict(cells)
    for key in ("`session`", "`buffers`", "`events`", "`processes`", "`metrics`", "`records`"):
        inside = found[key.strip("`")]
        members = inside[0] if isinstance(inside, list) else inside
        assert re.findall(r"`(\w+)`", meanings[key]) == list(members)
