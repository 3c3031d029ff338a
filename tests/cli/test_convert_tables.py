"""``convert`` to Parquet, Arrow, CSV and JSON Lines: every point, read back by other libraries."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from otel_etw.captures.columns import COLUMNS
from tests.support.arrow_fields import SCHEMA
from tests.support.command_line import capture, framed, gauge, process, request, run
from tests.support.converted import READERS, comparable, expected, odd_payloads, tables
from tests.support.data import COLLECTOR
from tests.support.etl_files import EtlWriter

TABLES = list(READERS)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of requests with values that are easy to get wrong."""
    path = tmp_path_factory.mktemp("odd") / "odd.pb"
    path.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in odd_payloads()))
    return path


def converted(output: Path, *arguments: object) -> Path:
    result = run("convert", *arguments, "-o", output)
    assert result.exit_code == 0, result.output
    assert result.output == ""
    return output


def process_bytes(*arguments: object) -> bytes:
    """What the command writes to standard output."""
    return subprocess.run(
        [sys.executable, "-m", "otel_etw", *map(str, arguments)],
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    ).stdout


@pytest.mark.parametrize("ending", TABLES)
def test_every_point_is_in_the_table(ending: str, odd: Path, tmp_path: Path) -> None:
    wanted = expected(odd)
    assert len(wanted) > 500
    assert READERS[ending](converted(tmp_path / f"m.{ending}", odd)) == wanted


@pytest.mark.parametrize("ending", TABLES)
@pytest.mark.parametrize("name", ["proto.pb", "json.jsonl"])
def test_a_collectors_points_are_in_the_table(ending: str, name: str, tmp_path: Path) -> None:
    path = COLLECTOR / name
    found = READERS[ending](converted(tmp_path / f"m.{ending}", path))
    assert found == expected(path)
    assert len(found) == 36


@pytest.mark.parametrize("ending", TABLES)
def test_several_captures_become_one_file(ending: str, odd: Path, tmp_path: Path) -> None:
    paths = [COLLECTOR / "proto.pb", odd, COLLECTOR / "json.jsonl"]
    found = READERS[ending](converted(tmp_path / f"m.{ending}", *paths))
    assert found == expected(*paths)


@pytest.mark.parametrize("ending", TABLES)
def test_events_of_windows_bring_their_columns(ending: str, tmp_path: Path) -> None:
    writer = EtlWriter()
    for number in range(5):
        payload = gauge(number).SerializeToString()
        time = writer.reference + number * 1000
        writer.frame(time, payload, processor=number % 2, process=100 + number, thread=7)
    path = tmp_path / "trace.etl"
    path.write_bytes(writer.file().data)
    found = READERS[ending](converted(tmp_path / f"m.{ending}", path))
    assert found == expected(path)
    assert [row["ProcessId"] for row in found] == [100, 101, 102, 103, 104]
    only = READERS[ending](converted(tmp_path / f"m.{ending}", path, "--pid", 103))
    assert [row["ValueInt"] for row in only] == [3]


def test_the_schemas_are_the_documented_one(tmp_path: Path) -> None:
    """Types, order, and what may be null; texts of Arrow's file are plain strings."""
    path = capture(tmp_path / "m.pb", gauge(1))
    wanted = SCHEMA
    parquet = pq.read_schema(converted(tmp_path / "m.parquet", path)).remove_metadata()
    assert parquet.equals(wanted)
    with pa.ipc.open_file(converted(tmp_path / "m.arrow", path)) as reader:
        plain = [
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in wanted
        ]
        assert reader.schema.equals(pa.schema(plain))
    stream = process_bytes("convert", path, "-o", "-", "--format", "arrow")
    assert pa.ipc.open_stream(stream).schema.equals(wanted)


def test_standard_output_takes_parquet_and_a_stream_of_arrow(odd: Path) -> None:
    stream = process_bytes("convert", odd, "-o", "-", "--format", "arrow")
    assert tables(pa.ipc.open_stream(stream)) == expected(odd)
    parquet = process_bytes("convert", odd, "-o", "-", "--format", "parquet")
    assert tables(pq.ParquetFile(io.BytesIO(parquet)).iter_batches()) == expected(odd)


@pytest.mark.parametrize("ending", TABLES)
def test_a_capture_without_points_is_a_table_without_rows(ending: str, tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1))
    output = converted(tmp_path / f"m.{ending}", path, "--name", "none")
    assert READERS[ending](output) == []
    if ending == "parquet":
        assert pq.read_schema(output).names == [column.name for column in COLUMNS]


@pytest.mark.parametrize("ending", TABLES)
def test_row_groups_and_batches_begin_anew(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More points than one of them holds, with texts that change between them."""
    monkeypatch.setattr("otel_etw.cli.parquet_output._MOST_ROWS", 70_000)
    message, scope_metrics = request()
    points = scope_metrics.metrics.add(name="m").gauge.data_points
    for number in range(1000):
        points.add(as_int=number).attributes.add(key="n").value.string_value = str(number)
    path = capture(tmp_path / "m.pb", *[gauge(1, name="first"), *[message] * 140])
    output = converted(tmp_path / f"m.{ending}", path)
    columns = ["MetricName", "Attributes", "ValueInt"]
    if ending == "parquet":
        file = pq.ParquetFile(output)
        assert file.num_row_groups == 2
        table = file.read(columns)
    else:
        with pa.ipc.open_file(output) as reader:
            assert reader.num_record_batches > 1
            table = reader.read_all().select(columns)
    assert table.num_rows == 140_001
    names, attributes, values = (column.to_pylist() for column in table.columns)
    assert names == ["first"] + ["m"] * 140_000
    assert values == [1, *list(range(1000)) * 140]
    assert attributes[1:] == [f'{{"n": "{number}"}}' for number in range(1000)] * 140


def test_texts_of_any_length_fit_into_an_arrow_file(tmp_path: Path) -> None:
    """They are shared by rows in the batch, and not in the file."""
    message, scope_metrics = request()
    points = scope_metrics.metrics.add(name="m", description="d" * 3_000_000).gauge.data_points
    for number in range(40):
        points.add(as_int=number)
    path = capture(tmp_path / "m.pb", message)
    output = converted(tmp_path / "m.arrow", path)
    with pa.ipc.open_file(output) as reader:
        assert reader.num_record_batches >= 4
        table = reader.read_all()
    assert table.column("ValueInt").to_pylist() == list(range(40))
    assert set(table.column("MetricDescription").to_pylist()) == {"d" * 3_000_000}


def test_filters_choose_rows(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "m.pb",
        *(gauge(n, name=f"m{n % 2}", time=n + 1, route=f"/{n % 3}") for n in range(12)),
    )
    for options, wanted in (
        (["--name", "m1"], [1, 3, 5, 7, 9, 11]),
        (["-a", "route=/2", "-n", "m0"], [2, 8]),
        (["--last"], [6, 7, 8, 9, 10, 11]),
        (["--last", "--name", "m0"], [6, 8, 10]),
    ):
        output = converted(tmp_path / "m.parquet", path, *options)
        values = pq.read_table(output, columns=["ValueInt"]).column(0).to_pylist()
        assert sorted(values) == wanted


# Other engines -----------------------------------------------------------------------------------


def test_duckdb_reads_parquet(odd: Path, tmp_path: Path) -> None:
    output = converted(tmp_path / "m.parquet", odd)
    columns = [
        *("MetricName", "MetricKind", "Attributes", "IsMonotonic", "Value", "ValueInt", "Count"),
        *("ExplicitBounds", "BucketCounts", "ValueAtQuantiles", "SeriesId", "File", "Offset"),
    ]
    chosen = ", ".join(f'"{name}"' for name in columns)
    found = duckdb.sql(f"SELECT {chosen} FROM '{output}'").fetchall()
    rows = [dict(zip(columns, comparable(row), strict=True)) for row in found]
    assert rows == [{name: row[name] for name in columns} for row in expected(odd)]
    nested = duckdb.sql(
        f"SELECT e.TraceId, e.ValueInt FROM (SELECT unnest(Exemplars) e FROM '{output}')"
    ).fetchall()
    assert nested == [
        (each["TraceId"], each["ValueInt"]) for row in expected(odd) for each in row["Exemplars"]
    ]


def test_polars_reads_parquet_and_arrow(odd: Path, tmp_path: Path) -> None:
    """Where it is installed, which it need not be; what it reads, pyarrow reads too."""
    if not find_spec("polars"):
        return
    polars = import_module("polars")

    wanted = [(row["MetricName"], row["ValueInt"], row["SeriesId"]) for row in expected(odd)]
    names = ["MetricName", "ValueInt", "SeriesId"]
    for output, read in (
        (tmp_path / "m.parquet", polars.read_parquet),
        (tmp_path / "m.arrow", polars.read_ipc),
    ):
        assert read(converted(output, odd)).select(names).rows() == wanted


# Text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_text_is_what_view_prints(form: str, odd: Path, tmp_path: Path) -> None:
    output = converted(tmp_path / f"m.{form}", odd, COLLECTOR / "proto.pb")
    viewed = process("view", odd, COLLECTOR / "proto.pb", "--format", form)
    assert output.read_bytes().decode() == viewed.stdout


def number(value: Any) -> float | None:
    """A number as JSON Lines have it."""
    return None if value is None else float(value)


def test_json_lines_have_the_points_of_the_table(odd: Path, tmp_path: Path) -> None:
    records = [
        json.loads(line) for line in converted(tmp_path / "m.jsonl", odd).read_bytes().splitlines()
    ]
    rows = pq.read_table(converted(tmp_path / "m.parquet", odd)).drop_columns(
        ["StartTimeUnix", "TimeUnix", "EventTime", "Exemplars"]
    )
    assert len(records) == rows.num_rows
    for record, row in zip(records, rows.to_pylist(), strict=True):
        assert record["metric"] == row["MetricName"]
        assert record["kind"] == row["MetricKind"]
        assert record["offset"] == row["Offset"]
        assert json.dumps(record["attributes"]) == json.dumps(json.loads(row["Attributes"]))
        exact = row["ValueInt"] if row["ValueInt"] is not None else number(row["Value"])
        assert comparable(_plain(record.get("value"))) == comparable(exact)
        assert record.get("count") == row["Count"]
        assert comparable(_plain(record.get("sum"))) == comparable(number(row["Sum"]))
        assert record.get("bucket_counts") == row["BucketCounts"]


def _plain(value: Any) -> Any:
    """A number for the strings of doubles that JSON cannot say."""
    return float(value) if isinstance(value, str) else value


def test_csv_has_the_points_of_the_table_and_no_formulas(tmp_path: Path) -> None:
    names = ["=1+2", "+1", "-1", "@SUM(A1)", 'a "quoted", name', "two\nlines", "nul\0"]
    path = capture(
        tmp_path / "m.pb",
        *(gauge(2**62 + n, name=name, key="\r\n\t;") for n, name in enumerate(names)),
    )
    output = converted(tmp_path / "m.csv", path)
    rows = list(csv.DictReader(io.StringIO(output.read_bytes().decode(), newline="")))
    assert [row["metric"] for row in rows] == [
        *("'=1+2", "'+1", "'-1", "'@SUM(A1)", 'a "quoted", name', r"two\nlines", r"nul\x00"),
    ]
    assert [int(row["value"]) for row in rows] == [2**62 + n for n in range(len(names))]
    assert duckdb.sql(f"SELECT value FROM '{output}'").fetchall() == [
        (2**62 + n,) for n in range(len(names))
    ]
    parquet = pq.read_table(converted(tmp_path / "m.parquet", path))
    assert parquet.column("MetricName").to_pylist() == names


def test_numbers_beyond_doubles_stay_exact(tmp_path: Path) -> None:
    message, scope_metrics = request()
    metrics = scope_metrics.metrics
    metrics.add(name="int").gauge.data_points.add(as_int=-(2**63), time_unix_nano=2**64 - 1)
    for value in (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308):
        metrics.add(name="double").gauge.data_points.add(as_double=value)
    metrics.add(name="none").gauge.data_points.add()
    metrics.add(name="wide").histogram.data_points.add(count=2**64 - 1, bucket_counts=[2**64 - 1])
    path = capture(tmp_path / "m.pb", message)
    for ending, read in READERS.items():
        found = read(converted(tmp_path / f"m.{ending}", path))
        assert found == expected(path)
        assert found[0]["ValueInt"] == -(2**63)
        assert (found[8]["Count"], found[8]["BucketCounts"]) == (2**64 - 1, [2**64 - 1])
    lines = converted(tmp_path / "m.jsonl", path).read_text("utf-8").splitlines()
    assert [json.loads(line).get("value") for line in lines[:8]] == [
        *(-(2**63), "NaN", "Infinity", "-Infinity", -0.0, 5e-324, 1.7976931348623157e308, None)
    ]


@pytest.mark.parametrize("ending", TABLES)
def test_damage_costs_itself_alone(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(framed(gauge(1)) + b"garbage" + framed(gauge(2)))
    output = tmp_path / f"out.{ending}"
    result = run("convert", path, "-o", output)
    assert result.exit_code == 1
    assert f"{path}: damaged at byte" in result.stderr
    assert [row["ValueInt"] for row in READERS[ending](output)] == [1, 2]
