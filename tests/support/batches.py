"""Batches of points for tests of what takes them: from rows, through pyarrow, and back."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import pyarrow as pa
from hypothesis import strategies as st

from otel_etw.captures.columns import COLUMNS
from otel_etw.captures.columns.reference import Batch, Row, row_values
from otel_etw.captures.items import Event
from otel_etw.captures.points import Buckets, Exemplar, Point, Resource, Scope
from tests.support.arrow_fields import SCHEMA, arrow_type

__all__ = ["LAYOUTS", "ROWS", "any_row", "contents", "gauge_row", "pyarrow_batch", "row_contents"]


class ArrowBatch(Protocol):
    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]: ...


def pyarrow_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """The rows as pyarrow lays them out."""
    values = [row_values(row) for row in rows]
    arrays = [
        pa.array([value[column.name] for value in values], arrow_type(column.type))
        for column in COLUMNS
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def contents(batches: Iterable[ArrowBatch]) -> list[dict[str, Any]]:
    """The values of all rows of batches, which pyarrow finds valid, such that equal is equal."""
    found = []
    for batch in batches:
        taken = pa.RecordBatch.from_struct_array(pa.array(batch))
        taken.validate(full=True)
        assert taken.schema.equals(SCHEMA)
        for row in pa.Table.from_batches([taken]).cast(_INTEGER_TIMES).to_pylist():
            found.append({name: _comparable(value) for name, value in row.items()})
    return found


def row_contents(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The same of rows of the reference decoder."""
    return [{name: _comparable(value) for name, value in row_values(row).items()} for row in rows]


def _integer_times(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_integer_times(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_integer_times(field.type)) for field in kind])
    return kind


_INTEGER_TIMES = pa.schema([field.with_type(_integer_times(field.type)) for field in SCHEMA])


def _comparable(value: Any) -> Any:
    """NaN is equal to itself and 0.0 is not -0.0."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, dict):
        return {name: _comparable(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_comparable(member) for member in value]
    return value


# Any rows ----------------------------------------------------------------------------------------

_NAMES = st.sampled_from(["http.requests", "http.errors", "HTTP.other", "db.calls", "", "Grüße 世"])
_TIMES = st.one_of(
    st.sampled_from([0, 1, 5, 1_700_000_000_000_000_000, (1 << 63) + 5, (1 << 64) - 1]),
    st.integers(0, (1 << 64) - 1),
)
_FLOATS = st.floats()
_VALUES = st.one_of(
    st.sampled_from(["/api", "GET", "", "1", "NaN", "a=b", "世\n"]),
    st.sampled_from([True, False, None, 1, 1.0, float("nan"), b"\0\xff", [1, "x"], {"k": 1}]),
)
_ATTRIBUTES = st.dictionaries(st.sampled_from(["route", "method", "n", "k"]), _VALUES, max_size=3)
_COUNTS = st.lists(st.integers(0, (1 << 64) - 1), max_size=4).map(tuple)
_SIGNED = st.integers(-(1 << 31), (1 << 31) - 1)
_UNSIGNED = st.integers(0, (1 << 32) - 1)
_EXEMPLARS = st.builds(
    Exemplar,
    value=st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1), _FLOATS),
    time=_TIMES,
    trace_id=st.sampled_from(["", "00" * 16]),
    span_id=st.sampled_from(["", "12" * 8]),
    attributes=_ATTRIBUTES,
)
_EVENTS = st.builds(
    Event,
    time=_TIMES.filter(bool),
    process=st.sampled_from([0, 1, 42, (1 << 32) - 1]),
    thread=_UNSIGNED,
    processor=st.integers(0, 65_535),
)
_SUMMED = {
    "count": st.integers(0, (1 << 64) - 1),
    "sum": st.one_of(st.none(), _FLOATS),
    "min": st.one_of(st.none(), _FLOATS),
    "max": st.one_of(st.none(), _FLOATS),
}


def _points(kind: str, temporality: Any, **own: Any) -> st.SearchStrategy[Point]:
    return st.builds(
        Point,
        metric=_NAMES,
        kind=st.just(kind),
        unit=st.sampled_from(["", "s", "By"]),
        description=st.sampled_from(["", "what it means"]),
        metadata=st.just({}),
        temporality=temporality,
        monotonic=st.booleans() if kind == "sum" else st.none(),
        attributes=_ATTRIBUTES,
        scope=st.builds(Scope, name=st.sampled_from(["", "lib"]), attributes=_ATTRIBUTES),
        resource=st.builds(Resource, attributes=_ATTRIBUTES),
        start=_TIMES,
        time=_TIMES,
        flags=st.sampled_from([0, 1]),
        **own,
    )


_TEMPORALITIES = st.sampled_from([None, "delta", "cumulative"])
_NUMBERS = {
    "value": st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1), _FLOATS),
    "exemplars": st.lists(_EXEMPLARS, max_size=2).map(tuple),
}
_BUCKETS = st.builds(Buckets, offset=_SIGNED, counts=_COUNTS)

_ANY_POINT = st.one_of(
    _points("gauge", st.none(), **_NUMBERS),
    _points("sum", _TEMPORALITIES, **_NUMBERS),
    _points(
        "histogram",
        _TEMPORALITIES,
        **_SUMMED,
        bounds=st.lists(_FLOATS, max_size=3).map(tuple),
        bucket_counts=_COUNTS,
        exemplars=st.lists(_EXEMPLARS, max_size=2).map(tuple),
    ),
    _points(
        "exponential_histogram",
        _TEMPORALITIES,
        **_SUMMED,
        scale=_SIGNED,
        zero_count=st.integers(0, (1 << 64) - 1),
        zero_threshold=_FLOATS,
        positive=_BUCKETS,
        negative=_BUCKETS,
    ),
    _points(
        "summary",
        st.none(),
        count=_SUMMED["count"],
        sum=_FLOATS,
        quantiles=st.lists(st.tuples(_FLOATS, _FLOATS), max_size=2).map(tuple),
    ),
)

any_row = st.builds(
    Row,
    file=st.sampled_from(["a.pb", "b.etl"]),
    offset=st.integers(0, (1 << 64) - 1),
    event=st.one_of(st.none(), _EVENTS),
    point=_ANY_POINT,
)
"""Any row of any kind, of values that come again."""

ROWS = st.lists(any_row, max_size=12)


def gauge_row(value: float, *, time: int = 1, name: str = "g", **attributes: Any) -> Row:
    """One point of a gauge."""
    point = Point(
        metric=name,
        kind="gauge",
        unit="1",
        description="",
        metadata={},
        temporality=None,
        monotonic=None,
        attributes=attributes,
        scope=Scope(),
        resource=Resource({}),
        start=0,
        time=time,
        flags=0,
        value=value,
    )
    return Row("m.pb", 0, None, point)


def arro3_batch(rows: Sequence[Row]) -> Any:
    """As the reference decoder hands it over."""
    return Batch(list(rows))


def cut_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows in the middle of larger arrays."""
    strange = gauge_row(-1.0, name="strange", k="strange")
    return pyarrow_batch([strange, strange, strange, *rows, strange])[3 : 3 + len(rows)]


def cut_struct(rows: Sequence[Row]) -> pa.StructArray:
    """The same, the offset being that of the struct alone."""
    strange = gauge_row(-1.0, name="strange", k="strange")
    return pyarrow_batch([strange, *rows, strange]).to_struct_array()[1 : 1 + len(rows)]


LAYOUTS: list[Callable[[Sequence[Row]], Any]] = [pyarrow_batch, arro3_batch, cut_batch, cut_struct]
"""All ways to lay out the same batch that consumers must take."""
