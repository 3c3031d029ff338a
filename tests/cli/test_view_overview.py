"""``view``: the overview, by metric, one line a series."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from otel_etw.cli.fitting import width
from tests.support.command_line import TIME, capture, every_kind, gauge, process, run
from tests.support.overviews import BEGIN, exports


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(*arguments: object) -> list[str]:
    """The lines of the overview in UTC, without the file's name."""
    result = run("view", "--utc", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()[1:]


def test_a_capture_of_one_service(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        *exports(
            {
                ("http.requests", "counter", "{request}"): {
                    "route=/api, method=GET": [10, 20, 40, 80],
                    "route=/, method=GET": [5, 5, 5, 5],
                },
                ("memory.used", "gauge", "By"): {"": [1 << 20, 2 << 20, 3 << 20, 5 << 19]},
                ("queue", "up-down", "{item}"): {"": [5_000, 4_000, 1_234, 12_345]},
                ("sent", "delta", "By"): {"host=a": [512, 1024, 0, 512]},
                ("duration", "histogram", "s"): {"route=/api": [10, 20, 40, 80]},
            }
        ),
    )
    lines = run("view", "--utc", path).stdout.splitlines()
    assert lines == [
        str(path),
        "2023-11-14 22:13:20 to 22:13:50 UTC (30 s), 24 points, 6 series of 5 metrics",
        "service.name=shop, host.name=web-1, scope lib",
        "",
        "http.requests  sum, cumulative, {request}  What http.requests is",
        "  method=GET, route=/api        80  2.333/s       ▃▅▅▅▅█████",
        "  method=GET, route=/            5      0/s       ▁▁▁▁▁▁▁▁▁▁",
        "",
        "memory.used  gauge, By  What memory.used is",
        "                          2.5 MiB  +1.5 MiB  ▁▁▁▁▁▅▅▅▅█████▇",
        "",
        "queue  sum, cumulative, up-down, {item}  What queue is",
        "                             12,345  +7,345  ▃▃▃▃▃▂▂▂▂▁▁▁▁▁█",
        "",
        "sent  sum, delta, By  What sent is",
        "  host=a                    512 B  51.2 B/s  ▅█████▁▁▁▁▅▅▅▅▅",
        "",
        "duration  histogram, cumulative, s  What duration is",
        "  route=/api",
        "    80  2.333/s  p50 100 ms  p90 180 ms  p99 198 ms       ▃▅▅▅▅█████",
    ]


def test_deltas_have_a_total_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    path = capture(tmp_path / "m.pb", *exports({("sent", "delta", "By"): {"": [512, 0, 1536]}}))
    assert shown(path)[4].strip().split("  ")[:3] == ["1.5 KiB", "68.3 B/s", "total 2 KiB"]


def test_several_services_are_told_apart(tmp_path: Path) -> None:
    requests = ("http.requests", "counter", "{request}")
    path = capture(
        tmp_path / "m.pb",
        *exports({requests: {"": [1, 2]}, ("memory", "gauge", "By"): {"": [1, 1]}}),
        *exports({requests: {"": [3, 4]}, ("orders", "delta", "1"): {"": [7, 7]}}, service="pay"),
    )
    assert shown(path)[1:] == [
        "host.name=web-1, scope lib",
        "",
        "http.requests  sum, cumulative, {request}  What http.requests is",
        "  from service.name=shop",
        "     2  0.1/s                     █",
        "  from service.name=pay",
        "     4  0.1/s                     █",
        "",
        "from service.name=shop",
        "memory  gauge, By  What memory is",
        "    1 B  +0 B  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁",
        "",
        "from service.name=pay",
        "orders  sum, delta, 1  What orders is",
        "     7  0.7/s  ████████████████████",
    ]


def test_what_several_services_have_in_common_is_said_once(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        *exports({("a", "gauge", "1"): {"": [1]}, ("b", "gauge", "1"): {"": [2]}}),
        *exports({("c", "gauge", "1"): {"": [3]}, ("a", "gauge", "1"): {"": [4]}}, service="pay"),
        *exports({("d", "gauge", "1"): {"": [5]}}, service="pay"),
        *exports({("e", "gauge", "1"): {"": [6]}}, service="pay", scope="other"),
    )
    assert shown(path) == [
        "2023-11-14 22:13:20 UTC, 6 points, 6 series of 5 metrics",
        "host.name=web-1",
        "",
        "a  gauge, 1  What a is",
        "  from service.name=shop, scope lib",
        "    1",
        "  from service.name=pay, scope lib",
        "    4",
        "",
        "from service.name=shop, scope lib",
        "b  gauge, 1  What b is",
        "    2",
        "",
        "from service.name=pay, scope lib",
        "c  gauge, 1  What c is",
        "    3",
        "",
        "d  gauge, 1  What d is",
        "    5",
        "",
        "from service.name=pay, scope other",
        "e  gauge, 1  What e is",
        "    6",
    ]


def test_each_kind_of_point(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", every_kind())
    assert shown(path)[3:] == [
        "int  gauge",
        "                                                                      9.22e+18",
        "",
        "nan  gauge",
        "                                                                           NaN",
        "",
        "inf  gauge",
        "                                                                     -Infinity",
        "",
        "sum  sum, delta, By  bytes",
        '  bytes={"base64": "AP8="}, list=[9007199254740993],          0.1 B  0.00166 B/s',
        "  nothing=null",
        "",
        "histogram  histogram, cumulative",
        "                                                   4    p50 10  p90 18  p99 19.8",
        "",
        "exponential  exponential histogram",
        "                                            3    p50 3.364  p90 5.098  p99 5.598",
        "",
        "summary  summary",
        "                                                                    9    p99 4.5",
        "",
        "gone  gauge",
        "                                                                      no value",
    ]


def test_long_lists_are_cut_and_the_rest_is_counted(tmp_path: Path) -> None:
    many = {f"key=n{number:02}": [number] for number in range(25)}
    path = capture(
        tmp_path / "m.pb",
        *exports({("m", "gauge", "1"): many, ("few", "gauge", "1"): dict(list(many.items())[:11])}),
    )
    lines = shown(path)
    start = lines.index("m  gauge, 1  What m is")
    assert [line.split()[0] for line in lines[start + 1 : start + 11]] == list(many)[:10]
    assert lines[start + 11] == "  … 15 more series (--all)"
    # A line that says that one more is not shown would take its place.
    assert sum("key=" in line for line in lines[start + 12 :]) == 11
    assert not any("more" in line for line in lines[start + 12 :])
    everything = shown(path, "--all")
    assert sum("key=" in line for line in everything) == 25 + 11
    assert not any("more" in line for line in everything)


def test_many_metrics_are_cut_and_counted(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb", *exports({(f"m.{n:03}", "gauge", "1"): {"": [n]} for n in range(203)})
    )
    lines = shown(path)
    assert lines[-1] == "… 3 more metrics (--all)"
    assert sum(line.startswith("m.") for line in lines) == 200
    assert sum(line.startswith("m.") for line in shown(path, "--all")) == 203


def test_very_many_series_are_all_shown(tmp_path: Path) -> None:
    series = {f"key=n{number}": [number] for number in range(4_500)}
    path = capture(tmp_path / "m.pb", *exports({("m", "gauge", "1"): series}))
    lines = [line.split() for line in shown(path, "--all") if "key=" in line]
    assert lines == [[f"key=n{n}", f"{n:,}"] for n in range(4_500)]


def test_long_attributes_are_wrapped_and_cut_unless_all_is_wanted(tmp_path: Path) -> None:
    attributes = ", ".join(f"key{n:02}={'v' * 20}" for n in range(30))
    path = capture(tmp_path / "m.pb", *exports({("m", "gauge", "1"): {attributes: [1]}}))
    lines = shown(path)
    assert max(map(len, lines)) <= 80
    assert sum("key" in line for line in lines) == 3
    assert lines[-1].endswith("…")
    text = "".join(line.strip() for line in shown(path, "--all"))
    assert all(f"key{n:02}={'v' * 20}" in text for n in range(30))


def test_a_long_description_is_cut_unless_all_is_wanted(tmp_path: Path) -> None:
    message = gauge(1)
    metric = message.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.description = "word " * 50 + "end"
    path = capture(tmp_path / "m.pb", message)
    line = shown(path)[4]
    assert line.startswith("  word word")
    assert line.endswith("…")
    assert len(line) <= 80
    assert " ".join(" ".join(shown(path, "--all")).split()).count("word") == 50


def test_a_series_that_ended_says_when(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        *exports({("m", "gauge", "1"): {"k=a": [1] * 20, "k=b": [1, 2], "k=c": [3] * 19}}),
    )
    lines = shown(path)
    assert "k=a " in lines[4]
    assert "k=b, (last 22:13:30)" in lines[5]
    # One export less is no long time.
    assert "k=c " in lines[6]


def test_a_gap_shows_in_the_sparkline(tmp_path: Path) -> None:
    metric = ("m", "gauge", "1")
    path = capture(
        tmp_path / "m.pb",
        *exports({metric: {"": [1, 2]}}),
        *exports({metric: {"": [3, 4]}}, begin=BEGIN + 150),
    )
    assert shown(path)[4] == "    4  +3  ▁▃               ▆█"


def test_what_was_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from otel_etw.captures import columns

    few = columns.Overview
    monkeypatch.setattr(columns, "Overview", lambda: few(max_series=2))
    series = {f"key={number}": [number, number] for number in range(5)}
    path = capture(tmp_path / "m.pb", *exports({("m", "gauge", "1"): series}))
    lines = shown(path)
    assert " ".join(lines[-2:]) == (
        "Not shown: 6 points of further series, for which there was no room: choose by "
        "--name or --attribute, or list the --points."
    )


def test_nothing_that_matches_is_said(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1), gauge(2))
    for options in ((), ("--points",), ("--last",)):
        result = run("view", path, "--name", "other", *options)
        assert (result.stdout, result.exit_code) == ("None of 2 points matches.\n", 0)


def test_filters_and_last_hold_for_the_overview(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        *exports(
            {("a", "counter", "1"): {"k=a": [1, 2], "k=b": [3, 4]}, ("b", "gauge", "1"): {"": [5]}}
        ),
    )
    lines = shown(path, "--name", "a", "--attribute", "k=b", "--last")
    assert lines[0] == "2023-11-14 22:13:30 UTC, 1 point, 1 series of 1 metric"
    assert lines[-1].split() == ["k=b", "4"]


def test_times_are_local_unless_utc_is_asked_for(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", *exports({("m", "gauge", "1"): {"": [1, 2]}}))
    # POSIX: so far west of Greenwich, a minus for east.
    environment = {**os.environ, "TZ": "TST-05:30"}
    local = process("view", path, env=environment).stdout.splitlines()[1]
    assert local.startswith("2023-11-15 03:43:20 to 03:43:30 +05:30 (10 s), ")
    utc = process("view", "--utc", path, env=environment).stdout.splitlines()[1]
    assert utc.startswith("2023-11-14 22:13:20 to 22:13:30 UTC (10 s), ")
    points = process("view", "--points", path, env=environment).stdout.splitlines()
    assert points[2:4] == ["  2023-11-15 +05:30", f"  03:43:20.000{'':18}  {1:>2}"]


def test_a_capture_over_midnight_has_both_dates(tmp_path: Path) -> None:
    messages = [gauge(n, time=(BEGIN + n * 86_400) * 10**9, key=str(n)) for n in range(3)]
    lines = shown(capture(tmp_path / "m.pb", *messages))
    assert lines[0].startswith("2023-11-14 22:13:20 to 2023-11-16 22:13:20 UTC (2d 00h), ")
    assert "(last 2023-11-14 22:13:20)" in " ".join(lines)


def test_points_without_a_time(tmp_path: Path) -> None:
    lines = shown(capture(tmp_path / "m.pb", gauge(1, time=0)))
    assert lines[0] == "at unknown times, 1 point, 1 series of 1 metric"


def test_several_files_are_one_overview(tmp_path: Path) -> None:
    files = [capture(tmp_path / f"{n}.pb", gauge(n, time=TIME + n)) for n in range(2)]
    lines = run("view", "--utc", *files).stdout.splitlines()
    assert all(str(file) in "".join(lines) for file in files)
    assert "1 series of 1 metric" in " ".join(lines)


@pytest.mark.parametrize("columns", ["10", "40", "60", "80", "1000"])
@pytest.mark.parametrize("options", [(), ("--all",)])
def test_lines_are_no_wider_than_what_is_there(
    tmp_path: Path, columns: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    attributes = {"世界" * 20: "\U0001f600" * 30, "plain": "x" * 50}
    path = capture(
        tmp_path / "m.pb",
        every_kind(),
        gauge(1, "名前" * 40, attributes=attributes),
        *exports(
            {
                ("duration", "histogram", "s"): {"route=/api, method=GET": [10, 20]},
                ("sent", "delta", "By"): {f"host={'a' * 30}": [10**12, 10**9]},
            }
        ),
    )
    lines = shown(path, *options)
    assert max(map(width, lines)) <= max(int(columns), 40)


def test_columns_are_aligned_by_what_a_terminal_shows(tmp_path: Path) -> None:
    names = ["plain", "世界", "\U0001f600", "e\u0301", "\u2764\ufe0f", "\u1112\u1161\u11ab"]
    # Columns that a terminal takes for each name, as Unicode says.
    assert [width(name) for name in names] == [5, 4, 2, 1, 2, 2]
    series = {f"key={name}": [7] for name in names}
    path = capture(tmp_path / "m.pb", *exports({("m", "gauge", "1"): series}))
    lines = shown(path)[4:]
    assert {width(line) for line in lines} == {width(lines[0])}
    assert all(line.endswith("  7") for line in lines)


def test_the_terminal_is_not_acted_on(tmp_path: Path) -> None:
    message = gauge(
        1, name="a\x1b[31mred\x07", key="b\r\nc\x9b\u202e\u2028", attributes={"[b]x[/b]": ":smile:"}
    )
    metric = message.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.unit, metric.description = "By\x1b[0m", "first\nsecond\x07 [link=x]y[/]"
    output = "\n".join(shown(capture(tmp_path / "m.pb", message), "--all"))
    assert r"a\x1b[31mred\x07" in output
    assert r"By\x1b[0m" in output
    assert r"first\nsecond\x07 [link=x]y[/]" in output
    assert r'key="b\r\nc\u009b\u202e\u2028"' in output
    assert '[b]x[/b]=":smile:"' in output
    assert all(character.isprintable() or character == "\n" for character in output)


def test_right_to_left_text_is_isolated(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", *exports({("שלום", "gauge", "1"): {"key=שלום": [1, 2]}}))
    lines = shown(path)
    assert lines[3].startswith("\u2068שלום\u2069  gauge, 1")
    assert "  \u2068key=שלום\u2069 " in lines[4]


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "cp932", "cp1255", "utf-8"])
def test_a_console_of_few_characters_shows_the_rest(tmp_path: Path, encoding: str) -> None:
    series = {"key=Grüße 世界 \U0001f600 שלום": [1, 2, 3]} | {f"k={n}": [n] for n in range(20)}
    path = capture(tmp_path / "m.pb", *exports({("m", "gauge", "Cel"): series}))
    for options in ((), ("--points",)):
        result = process(
            *("view", path, *options),
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            errors="replace",
        )
        assert (result.returncode, result.stderr) == (0, "")
    overview = process(
        "view", path, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ).stdout
    assert "... 11 more series (--all)" in overview
    assert "__" in overview
    assert r"Gr\xfc\xdfe" in overview
