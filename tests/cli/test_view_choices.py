"""``view``'s filters: which points are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from tests.support.command_line import TIME, capture, gauge, request, run, values
from tests.support.etl_files import EtlWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return capture(
        tmp_path / "m.pb",
        gauge(1, name="http.requests", route="/api", method="GET"),
        gauge(2, name="http.requests", route="/", method="GET"),
        gauge(3, name="http.errors", route="/api"),
        gauge(4, name="HTTP.other"),
        gauge(5, name="db.calls", service="other"),
    )


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], [1, 2, 3, 4, 5]),
        (["--name", "http.*"], [1, 2, 3]),
        (["--name", "http.errors"], [3]),
        (["-n", "db.*", "-n", "*.errors"], [3, 5]),
        (["--name", "http.[er]*s", "--name", "nothing"], [1, 2, 3]),
        (["--attribute", "route"], [1, 2, 3]),
        (["--attribute", "route=/api"], [1, 3]),
        (["-a", "route=/api", "-a", "method=GET"], [1]),
        (["-a", "route=/api", "--name", "*.errors"], [3]),
        (["-a", "service.name=other"], [5]),
        (["-a", "pool=main"], [1, 2, 3, 4, 5]),
        (["-a", "pool="], []),
        (["-a", "rout"], []),
    ],
)
def test_names_and_attributes(path: Path, options: list[str], shown: list[int]) -> None:
    assert values(path, *options) == shown


@pytest.mark.parametrize(
    "asked", ["n=1", "f=0.5", "b=true", "none=null", "l=[1, 2]", "e=a=b", "x=NaN", "s=1"]
)
def test_attributes_of_each_type_are_compared_as_they_are_shown(tmp_path: Path, asked: str) -> None:
    message, scope_metrics = request()
    point = scope_metrics.metrics.add(name="g").gauge.data_points.add(as_int=1)
    attributes = point.attributes
    attributes.add(key="n").value.int_value = 1
    attributes.add(key="f").value.double_value = 0.5
    attributes.add(key="b").value.bool_value = True
    attributes.add(key="none").value.SetInParent()
    numbers = attributes.add(key="l").value.array_value.values
    numbers.add().int_value = 1
    numbers.add().int_value = 2
    attributes.add(key="e").value.string_value = "a=b"
    attributes.add(key="x").value.double_value = float("nan")
    attributes.add(key="s").value.string_value = "1"
    path = capture(tmp_path / "m.pb", message)
    assert values(path, "-a", asked) == [1]
    assert values(path, "-a", asked + "0") == []


SECOND = 1_000_000_000
TIMES = [TIME, TIME + SECOND, TIME + 2 * SECOND]


@pytest.fixture
def times(tmp_path: Path) -> Path:
    return capture(tmp_path / "m.pb", *(gauge(n, time=time) for n, time in enumerate([*TIMES, 0])))


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--since", "2023-11-14T22:14:21.123456789Z"], [1, 2]),
        (["--since", "2023-11-14T22:14:21.12345679Z"], [2]),
        (["--until", "2023-11-14T22:14:21.123456789Z"], [0, 1]),
        (["--until", "2023-11-14T22:14:21.123456788Z"], [0]),
        (["--since", "2023-11-14 22:14:21", "--until", "2023-11-14T22:14:22+00:00"], [1]),
        (["--since", "2023-11-15T03:44:22+0530"], [2]),
        (["--since", "2023-11-14T22:15"], []),
        (["--until", "2023-11-15"], [0, 1, 2]),
    ],
)
def test_times_are_utc_to_the_nanosecond_and_inclusive(
    times: Path, options: list[str], shown: list[int]
) -> None:
    assert values(times, *options) == shown


@pytest.mark.parametrize(
    ("ago", "shown"),
    [("-1s", [1, 2]), ("-0.5s", [2]), ("1m", [0, 1, 2]), ("-2h", [0, 1, 2]), ("-1d", [0, 1, 2])],
)
def test_times_may_be_told_from_now(
    times: Path, ago: str, shown: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_etw.cli.instants._time_ns", lambda: TIMES[2])
    assert values(times, "--since", ago) == shown


def test_a_time_long_ago_is_before_everything(times: Path) -> None:
    assert values(times, "--since", "9" * 400 + "d") == [0, 1, 2, 3]
    assert values(times, "--until", "9" * 400 + ".5h") == []


@pytest.mark.parametrize(
    "text", ["9" * 5000 + "d", "yesterday", "-5", "5 minutes", "2023-13-01", "12:00", "-5w", ""]
)
def test_a_time_that_is_none_is_refused_with_what_is_allowed(times: Path, text: str) -> None:
    result = run("view", times, "--since", text)
    assert result.exit_code == 2
    assert "--since" in result.stderr
    assert "ISO 8601" in result.stderr
    assert "-5m" in result.stderr


def test_the_last_point_of_each_series(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        gauge(1, key="a"),
        gauge(2, key="b"),
        gauge(3, key="a", time=TIME + 1),
        gauge(4, key="b", time=TIME - 1),
        gauge(5, key="a", service="other"),
    )
    assert values(path, "--last") == [2, 3, 5]
    assert values(path, "--last", "-a", "key=a") == [3, 5]


def test_the_last_point_is_looked_for_in_all_files(tmp_path: Path) -> None:
    old = capture(tmp_path / "m-1.pb", gauge(1), gauge(2, name="h"))
    new = capture(tmp_path / "m.pb", gauge(3, time=TIME + 1))
    assert values(old, new, "--last") == [2, 3]
    points = run("view", old, new, "--last", "--points").stdout
    assert points.index(str(old)) < points.index(str(new))


@pytest.mark.parametrize(
    "text", ["\u0663s", "-\u0661\u0660m", "\u0662\u0660\u0662\u0666-11-23", "2026-11-2\u0663"]
)
def test_times_have_ascii_digits(tmp_path: Path, text: str) -> None:
    result = run("view", tmp_path / "m.pb", f"--since={text}")
    assert result.exit_code == 2
    assert "ISO 8601" in result.stderr


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of events of two processes."""
    writer = EtlWriter()
    for number, process in enumerate((101, 102, 101)):
        writer.frame(writer.reference + number, gauge(number).SerializeToString(), process=process)
    (tmp_path / "m.etl").write_bytes(writer.file().data)
    return tmp_path / "m.etl"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], [0, 1, 2]),
        (["--pid", "101"], [0, 2]),
        (["--pid", "101", "--pid", "102"], [0, 1, 2]),
        (["--pid", "7"], []),
        (["--provider", "edc24920-e004-40f6-a8e1-0e6e48f39d84"], [0, 1, 2]),
        (["--provider", "Some-Other-Name"], []),
    ],
)
def test_events_of_a_process_or_a_provider(log: Path, options: list[str], shown: list[int]) -> None:
    assert values(log, *options) == shown
    points = run("view", log, "--points", *options).stdout.splitlines()
    # A point's number stands in these columns.
    assert [int(line[16:]) for line in points if line[16:].strip().isdigit()] == shown
    overview = run("view", log, *options).stdout
    assert (f" {len(shown)} point" in overview) == bool(shown)


def test_series_of_two_processes_are_apart(tmp_path: Path) -> None:
    """The same resource and attributes in both, and counters that grow by 10 a second."""
    writer = EtlWriter()
    for second in range(6):
        for process, begin in ((100, 10_000), (200, 0)):
            message, scope_metrics = request()
            total = scope_metrics.metrics.add(name="c").sum
            total.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            total.is_monotonic = True
            time = TIME + second * 10**9 + process
            total.data_points.add(as_int=begin + 10 * second, time_unix_nano=time)
            ticks = writer.reference + second * writer.frequency + process
            writer.frame(ticks, message.SerializeToString(), process=process)
    path = tmp_path / "m.etl"
    path.write_bytes(writer.file().data)
    head, overview = run("view", path, "--utc").stdout.split("\n\n", 1)
    assert "12 points, 2 series of 1 metric" in head
    assert "process " not in head
    lines = [line.split() for line in overview.splitlines()]
    assert lines[1:5:2] == [["from", "process", "100"], ["from", "process", "200"]]
    assert lines[2][:2] == ["10,050", "10/s"]
    assert lines[4][:2] == ["50", "10/s"]
    one = run("view", path, "--pid", "200", "--utc").stdout
    assert one.split("\n\n")[0].endswith("pool=main), process 200")
    assert "from" not in one
    points = run("view", path, "--last", "--points", "--utc").stdout.splitlines()
    assert [line.split()[-1] for line in points if line.startswith("  22:")] == ["10050", "50"]
    assert values(path, "--last") == [10_050, 50]
