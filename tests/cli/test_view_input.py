"""``view``'s files: damaged, missing, compressed, foreign, and growing ones; and its exit codes."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import capture, framed, gauge, process, run
from tests.support.etl_files import EtlWriter, bare_event, event


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "m.pb"
    path.write_bytes(framed(gauge(1)) + b"garbage\n" + framed(gauge(2)) + framed(gauge(3))[:-7])
    return path


def test_damage_is_named_the_rest_shown_and_the_exit_code_is_1(damaged: Path) -> None:
    result = run("view", damaged, "--format", "jsonl", "--stats")
    assert [json.loads(text)["value"] for text in result.stdout.splitlines()] == [1, 2]
    whole, torn = len(framed(gauge(1))), len(framed(gauge(3))) - 7
    garbage, end, stats = result.stderr.splitlines()
    assert garbage.startswith(f"otel-etw: {damaged}: damaged at byte {whole}, 8 bytes: ")
    assert f"damaged at byte {2 * whole + 8}, {torn} bytes: a torn frame" in end
    assert stats == f"otel-etw: {damaged}: 2 frames, 2 points, 2 damages of {8 + torn} bytes"
    assert result.exit_code == 1


def test_without_damage_nothing_is_said(tmp_path: Path) -> None:
    result = run("view", capture(tmp_path / "m.pb", gauge(1)))
    assert (result.stderr, result.exit_code) == ("", 0)


def test_statistics_say_how_much_was_left_out(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1), gauge(2, name="h"))
    assert run("view", path, "--name", "h", "--stats").stderr == (
        f"otel-etw: {path}: 2 frames, 2 points, 1 shown, 0 damages\n"
    )


def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_it(
    tmp_path: Path, damaged: Path
) -> None:
    (tmp_path / "notes.txt").write_text("hello, world")
    good = capture(tmp_path / "good.pb", gauge(5))
    result = run(
        "view", tmp_path / "absent", damaged, tmp_path / "notes.txt", good, "--format", "jsonl"
    )
    assert [json.loads(text)["value"] for text in result.stdout.splitlines()] == [1, 2, 5]
    assert f"otel-etw: {tmp_path / 'absent'}: " in result.stderr
    assert "notes.txt: its content is no capture" in result.stderr
    assert result.exit_code == 2


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "m.pb").touch()
    result = run("view", tmp_path / "m.pb")
    told = f"otel-etw: {tmp_path / 'm.pb'}: no metrics are in it; otel-etw info says what is\n"
    assert (result.stdout, result.stderr, result.exit_code) == ("", told, 0)


def test_lines_of_spans_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text('{"resourceSpans":[]}\n{"resourceSpans":[]}\n{"resourceLogs":[]}\n')
    result = run("view", path)
    assert result.stderr.splitlines() == [
        f"otel-etw: {path}: ignored spans: 2 lines",
        f"otel-etw: {path}: ignored log records: 1 line",
    ]
    assert result.exit_code == 0


def test_events_that_are_ignored_are_no_lines(tmp_path: Path) -> None:
    writer = EtlWriter()
    for event_id in (55, 55, 65534):
        writer.add(event(writer.reference, b"", event_id=event_id))
    path = tmp_path / "m.etl"
    path.write_bytes(writer.file().data)
    assert run("view", path).stderr.splitlines() == [
        f"otel-etw: {path}: ignored events 55 in Geneva's own format: 2 events",
        f"otel-etw: {path}: ignored events 65534 with the manifest of an EventSource: 1 event",
    ]


def test_messages_do_not_act_on_the_terminal_either(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"resourceMetrics":[{"scopeMetrics":"\x9b\\u001b]0;title\\u0007"}]}')
    result = run("view", path)
    assert "title" in result.stderr
    assert result.stderr.rstrip().isprintable()
    assert result.exit_code == 1
    assert "\x1b" not in run("view", tmp_path / "a\x1b[0mb").stderr


def test_standard_input(tmp_path: Path) -> None:
    data = gzip.compress(framed(gauge(1), gauge(2)))
    result = run("view", "-", "--format", "csv", stdin=data)
    assert result.exit_code == 0
    assert [row.split(",")[0] for row in result.stdout.splitlines()[1:]] == ["-", "-"]
    assert "standard input: its content" in run("view", "-", stdin=b"hello").stderr


def test_a_log_of_windows_is_shown_with_what_its_session_lost(tmp_path: Path) -> None:
    writer = EtlWriter(lost_events=41)
    for number in (1, 2):
        payload = gauge(number).SerializeToString()
        writer.frame(writer.reference + number, payload, number)
    writer.add(bare_event(writer.reference, b"\xff\xff", process=77))
    (tmp_path / "m.etl").write_bytes(writer.file().data)
    result = run("view", "--format", "jsonl", tmp_path / "m.etl")
    assert result.exit_code == 1
    assert [json.loads(line)["value"] for line in result.stdout.splitlines()] == [1, 2]
    lost, damaged = result.stderr.splitlines()
    assert "m.etl: 41 events were lost while it was recorded. Likely cause: its buffers" in lost
    assert "m.etl: damaged at byte" in damaged
    assert "event 81 of process 77: its protobuf" in damaged


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["view"], "FILE"),
        (["view", "m", "--format", "xml"], "jsonl"),
        (["view", "m", "-f", "--format", "json"], "jsonl"),
        (["view", "m", "-f", "--last"], "--last"),
        (["view", "-", "-f"], "regular files"),
        (["vew"], "vew"),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens to files at each pause of ``--follow``; at the end comes Ctrl-C."""
    happenings: list[Callable[[], object]] = []

    def sleep(seconds: float) -> None:
        if not happenings:
            raise KeyboardInterrupt
        happenings.pop(0)()

    monkeypatch.setattr(import_module("otel_etw.cli.reading"), "sleep", sleep)
    return happenings


def appending(path: Path, data: bytes) -> Callable[[], object]:
    return lambda: path.write_bytes(path.read_bytes() + data)


def test_following_shows_what_comes(tmp_path: Path, pauses: list[Callable[[], object]]) -> None:
    path = capture(tmp_path / "m.pb", gauge(1))
    data = framed(gauge(2), gauge(3))
    pauses += [appending(path, data[:50]), appending(path, data[50:]), lambda: None]
    result = run("view", path, "--follow", "--format", "jsonl", "--stats")
    assert [json.loads(text)["value"] for text in result.stdout.splitlines()] == [1, 2, 3]
    assert result.stderr == f"otel-etw: {path}: 3 frames, 3 points, 0 damages\n"
    assert result.exit_code == 130


def test_following_goes_on_in_the_file_that_takes_the_place(
    tmp_path: Path, pauses: list[Callable[[], object]]
) -> None:
    path = capture(tmp_path / "m.pb", gauge(1))
    new = capture(tmp_path / "new", gauge(2))
    pauses += [
        lambda: path.rename(tmp_path / "m-1.pb"),
        lambda: new.rename(path),
        lambda: None,
        appending(path, framed(gauge(3))),
    ]
    result = run("view", path, "-f", "--format", "jsonl")
    assert [json.loads(text)["value"] for text in result.stdout.splitlines()] == [1, 2, 3]


def test_the_log_of_a_running_session_is_followed(
    tmp_path: Path, pauses: list[Callable[[], object]]
) -> None:
    path = tmp_path / "m.etl"

    def log(**options: Any) -> bytes:
        writer = EtlWriter(**options)
        for number in (1, 2, 3):
            writer.frame(writer.reference + number, gauge(number).SerializeToString())
            writer.flush()
        return writer.file().data

    running, ended = log(unfinished=True), log(lost_events=4)
    size = EtlWriter().buffer_size
    path.write_bytes(running[: 2 * size].ljust(5 * size, b"\0"))
    pauses += [
        lambda: path.write_bytes(running[: 3 * size - 50].ljust(5 * size, b"\0")),
        lambda: path.write_bytes(running[: 3 * size].ljust(5 * size, b"\0")),
        lambda: path.write_bytes(running.ljust(5 * size, b"\0")),
        lambda: path.write_bytes(ended),
    ]
    result = run("view", path, "--follow", "--format", "jsonl", "--stats")
    assert [json.loads(text)["value"] for text in result.stdout.splitlines()] == [1, 2, 3]
    unfinished, end, lost, stats = result.stderr.splitlines()
    assert "its session had not ended" in unfinished
    assert end == f"otel-etw: {path}: its session has ended"
    assert lost.startswith(f"otel-etw: {path}: 4 events were lost while it was recorded.")
    assert stats == f"otel-etw: {path}: 3 frames, 3 points, 0 damages"
    assert result.exit_code == 130


def test_several_files_are_followed_in_turn(
    tmp_path: Path, pauses: list[Callable[[], object]]
) -> None:
    first = capture(tmp_path / "a.pb", gauge(1))
    second = capture(tmp_path / "b.pb", gauge(2))
    pauses += [appending(second, framed(gauge(3))), appending(first, framed(gauge(4)))]
    result = run("view", first, second, tmp_path / "absent", "-f", "--format", "jsonl")
    assert [json.loads(text)["value"] for text in result.stdout.splitlines()] == [1, 2, 3, 4]
    assert "absent: " in result.stderr


def test_following_nothing_ends(tmp_path: Path) -> None:
    result = run("view", "-f", tmp_path / "absent")
    assert result.exit_code == 2


def test_points_that_are_followed_go_on_below_the_ones_before(
    tmp_path: Path, pauses: list[Callable[[], object]]
) -> None:
    path = capture(tmp_path / "m.pb", gauge(1))
    pauses += [appending(path, framed(gauge(2))), appending(path, framed(gauge(3, name="h")))]
    lines = run("view", path, "-f", "--utc").stdout.splitlines()
    assert lines[1:] == [
        "g  gauge, 1",
        "  2023-11-14 UTC",
        "  22:14:20.123                     1",
        "                                   2",
        "h  gauge, 1",
        "  22:14:20.123                     3",
    ]


def test_exit_codes_of_the_process(tmp_path: Path, damaged: Path) -> None:
    good = capture(tmp_path / "good.pb", gauge(1))
    assert [process("view", path).returncode for path in (good, damaged, tmp_path)] == [0, 1, 2]


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", *(gauge(n) for n in range(20_000)))
    with subprocess.Popen(
        [sys.executable, "-m", "otel_etw", "view", path, "--format", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as viewer:
        assert viewer.stdout
        assert viewer.stderr
        assert json.loads(viewer.stdout.readline())["value"] == 0
        viewer.stdout.close()
        assert viewer.stderr.read() == b""
        assert viewer.wait(30) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_is_quiet(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1))
    with subprocess.Popen(
        [sys.executable, "-m", "otel_etw", "view", path, "-f", "--format", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as viewer:
        assert viewer.stdout
        assert viewer.stderr
        viewer.stdout.readline()
        os.kill(viewer.pid, signal.SIGINT)
        assert viewer.wait(30) == 130
        assert viewer.stderr.read() == b""


def test_a_console_that_lacks_characters_shows_the_rest(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, name="Grüße", key="世界"))
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    table = process("view", path, env=narrow)
    assert (table.returncode, table.stderr) == (0, "")
    assert r"Gr\xfc\xdfe" in table.stdout
    lines = process("view", path, "--format", "jsonl", env=narrow).stdout
    assert lines.isascii()
    assert json.loads(lines)["attributes"] == {"key": "世界"}
