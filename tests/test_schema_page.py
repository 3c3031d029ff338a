"""docs/schema.md: its tables are the schema's, and its queries do what stands beside them."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from otel_etw.captures.columns.schema import COLUMNS, EXEMPLAR, Column, Type
from otel_etw.captures.columns.xxh64 import xxh64
from tests.support.command_line import run
from tests.support.etl_files import EtlWriter
from tests.support.markdown import blocks, document

PAGE = "docs/schema.md"
TYPES = {
    "u": "string", "b": "bool", "i": "int32", "l": "int64", "S": "uint16", "I": "uint32",
    "L": "uint64", "g": "double", "tsn:UTC": "timestamp (ns, UTC)", "+s": "struct",
}  # fmt: skip


def name_of(kind: Type) -> str:
    if kind.format == "+l":
        return f"list of {name_of(kind.children[0].type)}"
    return f"{'dictionary of ' if kind.is_dictionary else ''}{TYPES[kind.format]}"


def table(heading: str) -> list[tuple[str, str, bool]]:
    """Name, type and whether it may be null, of each row of the table below a heading."""
    section = re.split(r"^## ", document(PAGE), flags=re.MULTILINE)
    (text,) = (each for each in section if each.startswith(f"{heading}\n"))
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| ?(.*?) ?\| .+ \|$", text, re.MULTILINE)
    return [(name, kind, null == "yes") for name, kind, null in rows]


def described(columns: tuple[Column, ...]) -> list[tuple[str, str, bool]]:
    return [(column.name, name_of(column.type), column.is_nullable) for column in columns]


def test_the_page_has_all_columns_in_their_order() -> None:
    assert table("Columns") == described(COLUMNS)
    assert table("Exemplars") == described(EXEMPLAR)


# The queries -------------------------------------------------------------------------------------

SECOND = 10**9
START = 1_700_000_000 * SECOND


def request(minute: int) -> ExportMetricsServiceRequest:
    """One export: a gauge, a cumulative counter, and a delta histogram of two routes."""
    message = ExportMetricsServiceRequest()
    resource_metrics = message.resource_metrics.add()
    resource_metrics.resource.attributes.add(key="service.name").value.string_value = "shop"
    metrics = resource_metrics.scope_metrics.add().metrics
    time = START + minute * 60 * SECOND
    gauge = metrics.add(name="queue.length").gauge.data_points
    gauge.add(as_int=7 - minute, time_unix_nano=time)
    counter = metrics.add(name="orders").sum
    counter.is_monotonic = True
    counter.aggregation_temporality = 2
    counter.data_points.add(
        as_int=100 + 30 * minute, time_unix_nano=time, start_time_unix_nano=START
    )
    _durations(metrics.add(name="http.server.request.duration", unit="s"), time)
    return message


def _durations(metric: Metric, time: int) -> None:
    metric.histogram.aggregation_temporality = 1
    for route, count, total in (("/cart", 4, 2.0), ("/api", 10, 1.0)):
        point = metric.histogram.data_points.add(count=count, sum=total, time_unix_nano=time)
        point.explicit_bounds[:] = [0.1]
        point.bucket_counts[:] = [count, 0]
        point.attributes.add(key="http.route").value.string_value = route


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``metrics.parquet`` from an ``.etl``, in which the queries run."""
    writer = EtlWriter()
    for minute in range(3):
        time = writer.reference + minute * 60 * writer.frequency
        writer.frame(time, request(minute).SerializeToString(), process=4242)
    (tmp_path / "trace.etl").write_bytes(writer.file().data)
    monkeypatch.chdir(tmp_path)
    (line,) = (block.text for block in blocks(PAGE, "sh"))
    result = run(*shlex.split(line)[1:])
    assert (result.exit_code, result.output) == (0, "")
    assert pq.read_metadata("metrics.parquet").num_rows == 12
    return tmp_path


def parquet_name(kind: pa.DataType) -> str:
    """A type as the page names it."""
    if pa.types.is_list(kind):
        return f"list of {parquet_name(kind.value_type)}"
    if pa.types.is_dictionary(kind):
        return f"dictionary of {kind.value_type}"
    if pa.types.is_timestamp(kind):
        return f"timestamp ({kind.unit}, {kind.tz})"
    return "struct" if pa.types.is_struct(kind) else str(kind)


def test_what_convert_writes_has_the_columns_of_the_page(folder: Path) -> None:
    """The page is what is promised to stay, so a change of one of both is seen here."""
    schema = pq.read_schema("metrics.parquet")
    found = [(field.name, parquet_name(field.type), field.nullable) for field in schema]
    assert found == table("Columns")
    exemplar = schema.field("Exemplars").type.value_type
    assert [(field.name, parquet_name(field.type), field.nullable) for field in exemplar] == table(
        "Exemplars"
    )
    quantile = schema.field("ValueAtQuantiles").type.value_type
    assert [(field.name, str(field.type)) for field in quantile] == [
        *(("Quantile", "double"), ("Value", "double"))
    ]


def test_the_queries_of_duckdb(folder: Path) -> None:
    newest, mean = (block.text for block in blocks(PAGE, "sql"))
    rows = duckdb.sql(newest).fetchall()
    assert [row[:3] for row in rows] == [("orders", "{}", 160.0), ("queue.length", "{}", 5.0)]
    assert duckdb.sql(mean).fetchall() == [("/api", 30, 0.1), ("/cart", 12, 0.5)]


def test_the_programs_use_columns_that_exist(folder: Path) -> None:
    """They are run where their library is installed."""
    programs = {
        re.findall(r"^import (\w+)", block.text)[0]: block.text for block in blocks(PAGE, "python")
    }
    assert set(programs) == {"polars", "pandas"}
    columns = {column.name for column in COLUMNS}
    for library, text in programs.items():
        assert set(re.findall(r'"([A-Z]\w+)"', text)) <= columns
        names: dict[str, object] = {}
        code = compile(text, PAGE, "exec")
        if find_spec(library):
            exec(code, names)
            shown = str(names["rates" if library == "polars" else "written"])
            assert ("0.5" if library == "polars" else "4242") in shown


def test_the_series_id_is_what_the_page_says(folder: Path) -> None:
    text = document(PAGE)
    text = text[text.index("It is XXH64") : text.index("64 bits tell")]
    names = re.findall(r"`([A-Z]\w+)`", text)
    assert len(names) == 12
    rows = pq.read_table(folder / "metrics.parquet").to_pylist()
    for row in rows:
        texts = [row[name] for name in names]
        texts = ["" if t is None else str(t).lower() if isinstance(t, bool) else t for t in texts]
        hashes = b"".join(xxh64(t.encode()).to_bytes(8, "little") for t in texts)
        assert row["SeriesId"] == xxh64(hashes)
    assert len({row["SeriesId"] for row in rows}) == 4
