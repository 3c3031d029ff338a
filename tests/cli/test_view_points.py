"""``view --points``: every point, fitted to the width; what does not change is said once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from otel_etw import captures
from otel_etw.captures import Frame
from otel_etw.captures.texts import json_value
from otel_etw.cli.fitting import width
from otel_etw.cli.texts import printable
from tests.support.command_line import (
    TIME,
    capture,
    every_kind,
    framed,
    gauge,
    process,
    request,
    run,
)
from tests.support.data import COLLECTOR
from tests.support.etl_files import EtlWriter

SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def _a_hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def shown(*arguments: object) -> list[str]:
    """The lines of points in UTC."""
    result = run("view", "--points", "--utc", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_what_does_not_change_is_said_once(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        gauge(1, "size", key="a"),
        gauge(2, "size", key="b"),
        gauge(3, "size", TIME + SECOND, key="a"),
        gauge(4, "other", TIME + SECOND),
        gauge(5, "other", TIME + 86_400 * SECOND),
        gauge(6, "other", TIME + 86_400 * SECOND, service="second"),
    )
    assert shown(path) == [
        "service.name=tests, scope lib 2.0 (pool=main)",
        "size  gauge, 1",
        "  2023-11-14 UTC",
        "  22:14:20.123                     1  key=a",
        "                                   2  key=b",
        "  22:14:21.123                     3  key=a",
        "other  gauge, 1",
        "  22:14:21.123                     4",
        "other  gauge, 1",
        "  2023-11-15 UTC",
        "  22:14:20.123                     5",
        "",
        "service.name=second",
        "other  gauge, 1",
        "  22:14:20.123                     6",
    ]


def test_each_kind_of_point(tmp_path: Path) -> None:
    lines = shown(capture(tmp_path / "m.pb", every_kind()))
    assert lines == [
        "service.name=tests, scope lib 2.0 (pool=main)",
        "int  gauge",
        "  2023-11-14 UTC",
        "  22:14:20.123   9223372036854775807",
        "nan  gauge",
        "  22:14:20.123                   NaN",
        "inf  gauge",
        "  22:14:20.123             -Infinity",
        "sum  sum, delta, By",
        '  22:14:20.123                   0.1  bytes={"base64": "AP8="}, list=[9007199254740993],',
        "                                      nothing=null",
        "histogram  histogram, cumulative",
        "  22:14:20.123  count=4 sum=50.0 min=5.0 max=20.0 p50~10 p90~18 p99~19.8",
        "exponential  exponential histogram",
        "  22:14:20.123  count=3 p50~3.364 p90~5.098 p99~5.598",
        "summary  summary",
        "  22:14:20.123  count=9 sum=1.0 q0.99=4.5",
        "gone  gauge",
        "  22:14:20.123              no value",
    ]


def test_wide_has_start_and_all_digits_of_times_and_every_origin_in_full(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", every_kind(), gauge(1, "g"))
    lines = run("view", "--wide", "--utc", path).stdout.splitlines()
    assert lines[:5] == [
        "service.name=tests, scope lib 2.0 (pool=main), resource schema https://example.org/r,",
        "scope schema https://example.org/s",
        "int  gauge",
        "  2023-11-14 UTC",
        "  22:14:20.123456789  from 22:13:20.000000000   9223372036854775807",
    ]
    # Its beginning is not known.
    assert lines[-1] == f"{'  22:14:20.123456789':66}1"


def test_format_table_is_the_same(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", every_kind())
    assert run("view", "--utc", "--format", "table", path).stdout.splitlines() == shown(path)


def test_a_point_without_a_time(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, time=0), gauge(2))
    assert shown(path)[2:] == [
        "  no time                          1",
        "g  gauge, 1",
        "  2023-11-14 UTC",
        "  22:14:20.123                     2",
    ]


def test_events_say_their_process(tmp_path: Path) -> None:
    writer = EtlWriter()
    for number in (1, 2):
        writer.frame(writer.reference + number, gauge(number).SerializeToString(), number)
    (tmp_path / "m.etl").write_bytes(writer.file().data)
    lines = shown(tmp_path / "m.etl")
    (line,) = (line for line in lines if "process" in line)
    assert line.startswith("service.name=tests, scope lib 2.0 (pool=main), process ")


def test_nothing_is_cut_off_and_all_is_fitted(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, name="n" * 300, long="v" * 500, other="w"))
    lines = shown(path)
    assert max(map(len, lines)) == 100
    text = "".join(line.strip() for line in lines)
    assert "n" * 300 in text
    assert "long=" + "v" * 500 + ", other=w" in text


@pytest.mark.parametrize("columns", ["10", "40", "60", "80", "1000"])
def test_lines_are_no_wider_than_what_is_there(tmp_path: Path, columns: str) -> None:
    attributes = {"世界" * 20: "\U0001f600" * 30, "plain": "x" * 50}
    path = capture(tmp_path / "m.pb", every_kind(), gauge(1, "名前" * 40, attributes=attributes))
    for options in ((), ("--wide",)):
        result = process(
            *("view", "--points", *options, path), env={**os.environ, "COLUMNS": columns}
        )
        assert result.returncode == 0
        assert max(map(width, result.stdout.splitlines())) <= max(int(columns), 40)


def test_where_nobody_says_how_wide_there_are_100_columns(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, long="v" * 500))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    lines = process("view", "--points", path, env=environment).stdout.splitlines()
    assert max(map(len, lines)) == 100


def test_many_points_are_shown_all(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", *(gauge(n, name=f"m.{n:04}") for n in range(2500)))
    names = [line.split()[0] for line in shown(path) if line.startswith("m.")]
    assert names == [f"m.{n:04}" for n in range(2500)]


def test_several_files_are_shown_in_order_each_with_its_name(tmp_path: Path) -> None:
    first = capture(tmp_path / "b.pb", gauge(1, name="first"))
    second = capture(tmp_path / "a.pb", gauge(2, name="second"))
    words = [text.split()[0] for text in shown(first, second) if text]
    origin = "service.name=tests,"
    assert words == [
        *(str(first), origin, "first", "2023-11-14", "22:14:20.123"),
        *(str(second), origin, "second", "22:14:20.123"),
    ]


def test_the_terminal_is_not_acted_on(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        gauge(
            1,
            name="a\x1b[31mred\x07",
            key="b\r\nc\x9b\u202e\u2028\u200bd",
            attributes={"café": "x y", "[bold]x[/]": "[link=x] :smile:"},
        ),
    )
    output = "\n".join(shown(path))
    assert r"a\x1b[31mred\x07" in output
    assert r'key="b\r\nc\u009b\u202e\u2028\u200bd"' in output
    assert 'café="x y"' in output
    assert '[bold]x[/]="[link=x] :smile:"' in output
    assert all(character.isprintable() or character == "\n" for character in output)


def test_right_to_left_text_is_isolated(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, key="שלום", last="x"))
    assert "\u2068key=שלום, last=x\u2069" in shown(path)[-1]


@pytest.mark.parametrize("text", ["plain", "Grüße 世界 \U0001f600", "a\\b"])
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    "text", ["1", "-1.5e3", "true", "null", "a,b", "a=b", "", " ", "NaN", '"', "[1]", '{"a":1}']
)
def test_strings_that_look_like_something_else_are_quoted(tmp_path: Path, text: str) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, key=text))
    assert f"key={json.dumps(text)}" in shown(path)[-1]


@pytest.mark.parametrize("text", ["/api/{id}", "1.2.3", "15ca2bc5-96b1", "a:b", "x[0]", "C:\\x"])
def test_other_strings_are_not(tmp_path: Path, text: str) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, key=text))
    assert shown(path)[-1].endswith(f"  key={text}")


def test_every_point_of_a_collectors_file_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    path = COLLECTOR / "proto.pb"
    read = [
        point
        for item in captures.open(path)
        if isinstance(item, Frame)
        for point in captures.points(item.request)
    ]
    # So wide that each point has one line.
    monkeypatch.setenv("COLUMNS", "1000")
    lines = [line for line in shown(path) if line.startswith("  ") and "UTC" not in line]
    assert len(lines) == len(read) == 36
    for line, point in zip(lines, read, strict=True):
        value = f"count={point.count}" if point.count is not None else json_value(point.value)
        assert point.flags or str(value) in line


def test_what_an_encoding_lacks_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, name="Grüße", key="世" * 20, last="x"))
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    lines = process("view", "--points", path, env=narrow).stdout.splitlines()
    assert r"Gr\xfc\xdfe  gauge, 1" in lines
    assert max(map(len, lines)) <= 100
    assert r"\u4e16" * 5 in lines[-2]


def test_a_collectors_scope_without_a_name(tmp_path: Path) -> None:
    message, scope_metrics = request()
    scope_metrics.scope.Clear()
    message.resource_metrics[0].resource.Clear()
    scope_metrics.metrics.add(name="g").gauge.data_points.add(as_int=1, time_unix_nano=TIME)
    assert shown(capture(tmp_path / "m.pb", message))[0] == "g  gauge"


def test_points_are_shown_before_the_capture_ends() -> None:
    """So memory does not grow with what is read."""
    # More than fill a batch, however large batches are.
    data = framed(*(gauge(n, f"m{n}") for n in range(20_000))) * 5
    with subprocess.Popen(
        [sys.executable, "-m", "otel_etw", "view", "-", "--points"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as viewer:
        assert viewer.stdin
        assert viewer.stdout
        pipe = viewer.stdin

        def write() -> None:
            # It ends before it has read all of it.
            with suppress(BrokenPipeError):
                pipe.write(data)

        # Whoever writes waits for who reads, and the pipe stays open.
        writing = Thread(target=write)
        writing.start()
        shown = b""
        while b"m5000" not in shown:
            shown += viewer.stdout.read(1 << 16)
        assert viewer.poll() is None
        viewer.stdout.close()
        writing.join(30)
        viewer.stdin.close()
        assert viewer.wait(30) == 0
