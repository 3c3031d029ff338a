"""``view --format``: the same points as a table, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
)

from otel_etw import captures
from otel_etw.captures import Frame
from otel_etw.captures.columns import CSV_COLUMNS
from otel_etw.cli.table import width
from otel_etw.cli.texts import printable
from tests.support.command_line import (
    ISO,
    START,
    TIME,
    capture,
    gauge,
    process,
    records,
    request,
    run,
)
from tests.support.data import COLLECTOR


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """One point of every kind, with the values that forms treat apart."""
    message, scope_metrics = request()
    common: dict[str, Any] = {"start_time_unix_nano": START, "time_unix_nano": TIME}
    metrics = scope_metrics.metrics
    metrics.add(name="int").gauge.data_points.add(as_int=2**63 - 1, **common)
    metrics.add(name="nan").gauge.data_points.add(as_double=math.nan, **common)
    metrics.add(name="inf").gauge.data_points.add(as_double=-math.inf, **common)
    total = metrics.add(name="sum", unit="By", description="bytes").sum
    total.aggregation_temporality, total.is_monotonic = AGGREGATION_TEMPORALITY_DELTA, True
    point = total.data_points.add(as_double=0.1, **common)
    point.attributes.add(key="bytes").value.bytes_value = b"\0\xff"
    point.attributes.add(key="nothing").value.SetInParent()
    point.attributes.add(key="list").value.array_value.values.add().int_value = 2**53 + 1
    exemplar = point.exemplars.add(as_int=7, time_unix_nano=TIME - 1)
    exemplar.trace_id, exemplar.span_id = bytes(range(16)), bytes(range(8))
    histogram = metrics.add(name="histogram").histogram
    histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    histogram.data_points.add(
        count=4,
        sum=50.0,
        min=5,
        max=20,
        bucket_counts=[2, 2, 0],
        explicit_bounds=[10, 30],
        **common,
    )
    exponential = metrics.add(name="exponential").exponential_histogram
    point_e = exponential.data_points.add(count=3, zero_count=1, scale=1, **common)
    point_e.positive.offset = 3
    point_e.positive.bucket_counts.extend([1, 1])
    summary = metrics.add(name="summary").summary.data_points.add(count=9, sum=1, **common)
    summary.quantile_values.add(quantile=0.99, value=4.5)
    metrics.add(name="gone").gauge.data_points.add(flags=1, **common)
    return capture(tmp_path / "m.pb", message)


def test_the_table_says_the_essentials(everything: Path) -> None:
    result = run("view", everything)
    assert result.exit_code == 0
    header, _, *rows = result.stdout.rstrip().splitlines()
    assert header.split() == ["metric", "kind", "unit", "attributes", "value", "time"]
    shown = {row.split()[0]: row for row in rows}
    assert list(shown) == [
        *("int", "nan", "inf", "sum", "histogram", "exponential", "summary", "gone")
    ]
    assert "9223372036854775807" in shown["int"]
    assert "NaN" in shown["nan"]
    assert "-Infinity" in shown["inf"]
    assert "sum, delta" in shown["sum"]
    assert 'bytes={"base64": "AP8="}, nothing=null, list=[9007199254740993]' in shown["sum"]
    assert "count=4 sum=50.0 min=5.0 max=20.0 p50~10 p90~18 p99~19.8" in shown["histogram"]
    assert "count=3 p50~" in shown["exponential"]
    assert "count=9 sum=1.0 q0.99=4.5" in shown["summary"]
    assert "no value" in shown["gone"]
    assert all(row.endswith(ISO) for row in rows)


def test_the_wide_table_has_start_scope_and_resource(everything: Path) -> None:
    header, _, first, *_ = run("view", everything, "--wide").stdout.splitlines()
    assert header.split()[-3:] == ["start", "scope", "resource"]
    assert "2023-11-14T22:13:20.000000000Z" in first
    assert first.endswith("lib 2.0  service.name=tests")


def test_the_table_cuts_nothing_off(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, name="n" * 300, long="v" * 500))
    assert f"{'n' * 300}  gauge  1     long={'v' * 500}  1" in run("view", path).stdout


def test_many_points_are_shown_all(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", *(gauge(n, name=f"m.{n:04}") for n in range(2500)))
    rows = [text for text in run("view", path).stdout.splitlines() if text.startswith("m.")]
    assert [row.split()[0] for row in rows] == [f"m.{n:04}" for n in range(2500)]


def test_several_files_are_shown_in_order_each_with_its_name(tmp_path: Path) -> None:
    first = capture(tmp_path / "b.pb", gauge(1, name="first"))
    second = capture(tmp_path / "a.pb", gauge(2, name="second"))
    lines = run("view", first, second).stdout.splitlines()
    assert [text.split()[0] for text in lines if text] == [
        *(f"{first}:", "metric", lines[2].split()[0], "first"),
        *(f"{second}:", "metric", lines[2].split()[0], "second"),
    ]


def test_the_terminal_is_not_acted_on(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        gauge(
            1,
            name="a\x1b[31mred\x07",
            key="b\r\nc\x9b\u202e\u2028\u200bd",
            attributes={"caf\u00e9": "x y"},
        ),
    )
    output = run("view", path).stdout
    assert r"a\x1b[31mred\x07" in output
    assert r'key="b\r\nc\u009b\u202e\u2028\u200bd"' in output
    assert 'caf\u00e9="x y"' in output
    assert all(character.isprintable() or character == "\n" for character in output)


@pytest.mark.parametrize("text", ["plain", "Gr\u00fc\u00dfe \u4e16\u754c \U0001f600", "a\\b"])
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("text", ["1", "true", "null", "a,b", "a=b", "", " ", "NaN", '"'])
def test_strings_that_look_like_something_else_are_quoted(tmp_path: Path, text: str) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, key=text))
    assert f"key={json.dumps(text)}" in run("view", path).stdout


def test_json_lines_tell_all_there_is(everything: Path) -> None:
    lines = records(run("view", everything, "--format", "jsonl"))
    found = {record["metric"]: record for record in lines}
    assert found["int"]["value"] == 2**63 - 1
    assert found["nan"]["value"] == "NaN"
    assert found["inf"]["value"] == "-Infinity"
    assert found["sum"] == {
        "file": str(everything),
        "offset": 0,
        "metric": "sum",
        "kind": "sum",
        "unit": "By",
        "description": "bytes",
        "metadata": {},
        "temporality": "delta",
        "monotonic": True,
        "attributes": {"bytes": {"base64": "AP8="}, "nothing": None, "list": [2**53 + 1]},
        "scope": {
            "name": "lib",
            "version": "2.0",
            "attributes": {"pool": "main"},
            "schema_url": "https://example.org/s",
            "dropped_attributes_count": 0,
        },
        "resource": {
            "attributes": {"service.name": "tests"},
            "schema_url": "https://example.org/r",
            "dropped_attributes_count": 0,
        },
        "start": "2023-11-14T22:13:20.000000000Z",
        "time": ISO,
        "flags": 0,
        "value": 0.1,
        "exemplars": [
            {
                "value": 7,
                "time": "2023-11-14T22:14:20.123456788Z",
                "trace_id": "000102030405060708090a0b0c0d0e0f",
                "span_id": "0001020304050607",
                "attributes": {},
            }
        ],
    }
    assert found["histogram"]["bucket_counts"] == [2, 2, 0]
    assert found["histogram"]["bounds"] == [10.0, 30.0]
    assert found["histogram"]["estimates"] == {"p50": 10.0, "p90": 18.0, "p99": 19.8}
    assert found["exponential"]["positive"] == {"offset": 3, "counts": [1, 1]}
    assert found["exponential"]["scale"] == 1
    assert "min" not in found["exponential"]
    assert found["summary"]["quantiles"] == [[0.99, 4.5]]
    assert found["gone"]["flags"] == 1
    assert "value" not in found["gone"]


def test_json_is_one_array_of_the_same_objects(everything: Path) -> None:
    lines = records(run("view", everything, "--format", "jsonl"))
    assert json.loads(run("view", everything, "--format", "json").stdout) == lines
    nothing = run("view", everything, "--format", "json", "--name", "none")
    assert json.loads(nothing.stdout) == []


def test_csv_has_a_row_a_point_and_the_same_columns_always(everything: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("view", everything, "--format", "csv").stdout)))
    assert list(rows[0]) == list(CSV_COLUMNS)
    found = {row["metric"]: row for row in rows}
    assert len(found) == len(rows) == 8
    assert found["int"]["value"] == "9223372036854775807"
    assert found["nan"]["value"] == "NaN"
    assert (found["sum"]["monotonic"], found["sum"]["temporality"]) == ("true", "delta")
    assert json.loads(found["sum"]["attributes"])["bytes"] == {"base64": "AP8="}
    assert found["sum"]["exemplars"] == "1"
    assert (found["histogram"]["count"], found["histogram"]["p90"]) == ("4", "18.0")
    assert (found["int"]["count"], found["int"]["p90"]) == ("", "")
    assert found["gone"]["value"] == ""
    assert (found["sum"]["start"], found["sum"]["time"]) == (
        "2023-11-14T22:13:20.000000000Z",
        ISO,
    )
    assert json.loads(found["sum"]["resource"]) == {"service.name": "tests"}
    header = run("view", everything, "--format", "csv", "--name", "none").stdout
    assert header == ",".join(CSV_COLUMNS) + "\n"


def test_columns_are_aligned_by_what_a_terminal_shows(tmp_path: Path) -> None:
    names = ["plain", "\u4e16\u754c", "\U0001f600", "e\u0301", "\u2764\ufe0f", "\u1112\u1161\u11ab"]
    path = capture(tmp_path / "m.pb", *(gauge(1, name=name) for name in names))
    rows = run("view", path).stdout.splitlines()[2:8]
    # Columns that a terminal takes for each name, as Unicode says.
    taken = [5, 4, 2, 1, 2, 2]
    starts = [row.index("gauge") for row in rows]
    assert [
        start - len(name) + columns
        for start, name, columns in zip(starts, names, taken, strict=True)
    ] == [8] * 6
    assert [width(name) for name in names] == taken


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_cells_act_on_nothing(tmp_path: Path) -> None:
    """Neither on a terminal, nor in a spreadsheet."""
    names = ["=1+2", "+1", "-1", "@SUM(A1)", "a\x1b[31m\r\nb", "-", "a=1"]
    path = capture(tmp_path / "m.pb", *(gauge(-5, name=name, k="=1\x07") for name in names))
    text = run("view", path, "--format", "csv").stdout
    assert all(character.isprintable() or character == "\n" for character in text)
    rows = csv_rows(text)
    shown = ["'=1+2", "'+1", "'-1", "'@SUM(A1)", r"a\x1b[31m\r\nb", "-", "a=1"]
    assert [row["metric"] for row in rows] == shown
    assert {row["value"] for row in rows} == {"-5"}
    assert json.loads(rows[0]["attributes"]) == {"k": "=1\x07"}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_in_csv_is_json_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, key="\u4e16\u754c \U0001f600 caf\u00e9"))
    result = subprocess.run(
        [sys.executable, "-m", "otel_etw", "view", path, "--format", "csv"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        timeout=60,
        check=True,
    )
    (row,) = csv_rows(result.stdout.decode(encoding))
    assert json.loads(row["attributes"]) == {"key": "\u4e16\u754c \U0001f600 caf\u00e9"}


PARSE: dict[str, Callable[[str], list[dict[str, Any]]]] = {
    "jsonl": lambda text: [json.loads(row) for row in text.splitlines()],
    "json": json.loads,
    "csv": lambda text: list(csv.DictReader(io.StringIO(text))),
}


@pytest.mark.parametrize("name", ["proto.pb", "json.jsonl"])
def test_every_form_has_every_point_of_a_collectors_file(name: str) -> None:
    path = COLLECTOR / name
    read = [
        point.metric
        for item in captures.open(path)
        if isinstance(item, Frame)
        for point in captures.points(item.request)
    ]
    assert len(read) == 36
    table = run("view", path).stdout.rstrip().splitlines()[2:]
    assert [row.split()[0] for row in table] == read
    for form in PARSE:
        result = run("view", path, "--format", form)
        assert result.exit_code == 0
        found = PARSE[form](result.stdout)
        assert [record["metric"] for record in found] == read


def test_one_long_cell_does_not_widen_the_table(tmp_path: Path) -> None:
    long = "x" * 100_000
    messages = [gauge(n) for n in range(500)]
    path = capture(tmp_path / "m.pb", *messages, gauge(7, key=long))
    output = run("view", path).stdout
    assert long in output
    assert len(output) < len(long) + 502 * 400
    lines = output.splitlines()
    assert len({line.index("2023-11-14") for line in lines[2:502]}) == 1


def test_what_an_encoding_lacks_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, name="Gr\u00fc\u00dfe", key="\u4e16"), gauge(2))
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    lines = process("view", path, env=narrow).stdout.splitlines()[:4]
    assert r"Gr\xfc\xdfe" in lines[2]
    assert r"\u4e16" in lines[2]
    assert lines[2].index("gauge") == lines[3].index("gauge") == lines[0].index("kind")
    assert lines[2].index("2023-11-14") == lines[3].index("2023-11-14") == lines[0].index("time")
