"""Batches that another library made: another layout is read, what is wrong is refused."""

from __future__ import annotations

import ctypes
import datetime
from collections.abc import Callable
from typing import Any, cast

import pyarrow as pa
import pytest

from otel_etw.captures.columns import NATIVE, Newest, Overview, Pages, Selector, csv_rows
from otel_etw.captures.columns.parquet_leaves import LEAVES
from otel_etw.captures.columns.schema import COLUMNS
from tests.support.batches import SCHEMA, contents, gauge_row, pyarrow_batch

pytestmark = pytest.mark.skipif(not NATIVE, reason="nothing is compiled here")

TEXTS = [column for column in COLUMNS if column.type.is_dictionary]


def four() -> pa.RecordBatch:
    return pyarrow_batch(
        [gauge_row(float(i), time=i + 1, name="ab"[i % 2], route=f"/{i}") for i in range(4)]
    )


def with_column(name: str, array: pa.Array) -> pa.RecordBatch:
    batch = four()
    field = pa.field(name, array.type)
    return batch.set_column(SCHEMA.get_field_index(name), field, array)


def indices(numbers: list[int], present: int = 0b1111) -> pa.Array:
    """Four indices, whatever they are, of which the ones whose bit is set are not null."""
    data = b"".join(number.to_bytes(4, "little", signed=True) for number in numbers)
    buffers = [pa.py_buffer(bytes([present])), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.int32(), 4, buffers)


def texts(entries: pa.Array, distinct: list[str | None]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(entries, pa.array(distinct, pa.string()), safe=False)


# Columns behind ours -----------------------------------------------------------------------------

DAY = datetime.date(2026, 1, 1)
EXTRA = [
    pa.array([DAY + datetime.timedelta(days=i) for i in range(4)], pa.date32()),
    pa.array([DAY + datetime.timedelta(days=i) for i in range(4)], pa.date64()),
    *(pa.array(range(0, 4000, 1000), pa.time32(unit)) for unit in ("s", "ms")),
    *(pa.array(range(0, 4000, 1000), pa.time64(unit)) for unit in ("us", "ns")),
    *(pa.array(range(0, 4000, 1000), pa.duration(unit)) for unit in ("s", "ms", "us", "ns")),
    *(pa.array(range(0, 4000, 1000), pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
    pa.array(range(0, 4000, 1000), pa.timestamp("ms", "Europe/Berlin")),
    pa.array([1, None, 3, 4], pa.uint16()),
    pa.array(["w", "x", None, "w"]).dictionary_encode(),
    pa.array([[{"a": DAY}], [], None, [{"a": None}]], pa.list_(pa.struct({"a": pa.date32()}))),
]


@pytest.mark.parametrize("extra", EXTRA, ids=lambda extra: str(extra.type))
def test_chosen_rows_keep_the_values_of_more_columns(extra: pa.Array) -> None:
    batch = four().append_column("Extra", extra)
    found = pa.record_batch(Selector(names=["b"])(batch))
    found.validate(full=True)
    assert found.column("Extra").type == extra.type
    assert found.column("Extra").to_pylist() == extra.take(pa.array([1, 3])).to_pylist()


NOT_COPIED = [
    (pa.array(["a", "b", "c", "d"], pa.large_string()), "column Extra has Arrow's format U"),
    (pa.array([b"a"] * 4), "column Extra has Arrow's format z"),
    (pa.array([1, 2, 3, 4], pa.int8()), "column Extra has Arrow's format c"),
    (pa.array([None] * 4, pa.month_day_nano_interval()), "column Extra has Arrow's format tin"),
    (pa.array([1, 2, 3, 4], pa.decimal128(5)), "column Extra has Arrow's format d:5,0"),
    (pa.array([[1]] * 4, pa.list_(pa.int8())), "column Extra has Arrow's format c"),
    (
        pa.array(["x"] * 4, pa.dictionary(pa.int8(), pa.string())),
        "the indices of column Extra have Arrow's format c; i is allowed",
    ),
    (
        pa.array(["x"] * 4, pa.dictionary(pa.int64(), pa.string())),
        "the indices of column Extra have Arrow's format l; i is allowed",
    ),
]


@pytest.mark.parametrize(("extra", "words"), NOT_COPIED, ids=lambda each: str(each)[-40:])
def test_columns_that_cannot_be_copied_are_refused_by_name(extra: pa.Array, words: str) -> None:
    batch = four().append_column("Extra", extra)
    with pytest.raises(ValueError, match=words):
        Selector(names=["b"])(batch)


def test_a_further_column_of_texts_is_checked_where_its_rows_are_copied() -> None:
    batch = four().append_column("Extra", texts(indices([0, 7, 0, 0]), ["x"]))
    with pytest.raises(ValueError, match="row 1 of column Extra has entry 7 of a dictionary of 1"):
        Selector(names=["b"])(batch)
    found = pa.record_batch(Selector(names=["a"])(batch))
    assert found.column("Extra").to_pylist() == ["x", "x"]


# Texts -------------------------------------------------------------------------------------------


def overview(batch: Any) -> None:
    Overview().add(batch)


def newest(batch: Any) -> None:
    Newest().add(batch)


def pages(batch: Any) -> None:
    Pages().batch(batch)


CONSUMERS: list[Callable[[Any], Any]] = [Selector(names=["b"]), overview, newest, pages, csv_rows]


@pytest.mark.parametrize(
    "consumer", CONSUMERS, ids=["select", "overview", "newest", "pages", "csv"]
)
@pytest.mark.parametrize("column", TEXTS, ids=lambda column: column.name)
def test_rows_without_a_text_are_refused(consumer: Callable[[Any], Any], column: Any) -> None:
    far = 1 << 30
    wrong = [
        (
            texts(indices([0, 0, 2, 0]), ["x", "y"]),
            "row 2 of .*: a dictionary of 2 texts has no entry 2",
        ),
        (
            texts(indices([0, -1, 0, 0]), ["x"]),
            "row 1 of .*: a dictionary of 1 texts has no entry -1",
        ),
        (texts(indices([0, 0, 0, far]), []), "row 0 of .*: a dictionary of 0 texts has no entry 0"),
        (texts(indices([0, 0, 0, 1]), ["x", None]), "row 3 of .* has entry 1, which is null"),
    ]
    if not column.is_nullable:
        wrong += [
            (texts(indices([far] * 4, 0), ["x"]), f"row 0 of column {column.name} is null"),
            (texts(indices([0] * 4, 0b0111), ["x"]), f"row 3 of column {column.name} is null"),
        ]
    for array, words in wrong:
        with pytest.raises(ValueError, match=words):
            consumer(with_column(column.name, array))


@pytest.mark.parametrize("name", [column.name for column in TEXTS if column.is_nullable])
@pytest.mark.parametrize("distinct", [[], ["delta"]])
def test_what_stands_under_a_null_is_not_looked_at(name: str, distinct: list[str | None]) -> None:
    batch = with_column(name, texts(indices([1 << 30, -5, 0, 9], 0), distinct))
    found = pa.record_batch(Selector(names=["b"])(batch))
    found.validate(full=True)
    assert found.column(name).to_pylist() == [None, None]
    overview(batch)
    newest(batch)
    assert b"".join(csv_rows(batch)).count(b"\n") == 4
    consumer = Pages()
    consumer.batch(batch)
    for leaf in LEAVES:
        if leaf.path == (name,):
            assert consumer.page(leaf).nulls == 4
    assert consumer.texts(SCHEMA.get_field_index(name))[1] == len(distinct)


@pytest.mark.parametrize("start", [0, 1, 3])
def test_only_the_rows_of_a_slice_are_looked_at(start: int) -> None:
    batch = with_column("MetricName", texts(indices([5, 0, 0, 0]), ["x"]))[start:]
    if start == 0:
        with pytest.raises(ValueError, match="row 0 of column MetricName"):
            Selector(names=["x"])(batch)
    else:
        assert len(Selector(names=["x"])(batch)) == 4 - start


# The memory of other libraries -------------------------------------------------------------------


class ArrowArray(ctypes.Structure):
    """https://arrow.apache.org/docs/format/CDataInterface.html"""


ArrowArray._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset")),
    *((name, ctypes.c_int64) for name in ("n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowArray))),
    ("dictionary", ctypes.POINTER(ArrowArray)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


class WithBitmaps:
    """A batch all whose columns that have no nulls have bitmaps, and do not say how many nulls."""

    def __init__(self, batch: pa.RecordBatch, bits: int) -> None:
        self._batch = batch
        self._bitmap = ctypes.create_string_buffer(bytes([bits]) + b"\xff" * 7)

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        schema, array = self._batch.__arrow_c_array__()
        pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
        pointer_of.restype = ctypes.c_void_p
        pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]
        top = ctypes.cast(pointer_of(array, b"arrow_array"), ctypes.POINTER(ArrowArray)).contents
        for number, column in enumerate(COLUMNS):
            if not column.is_nullable:
                child = top.children[number].contents
                child.null_count = -1
                child.buffers[0] = ctypes.addressof(self._bitmap)
        return schema, array


def all_pages(batch: Any) -> list[tuple[Any, ...]]:
    consumer = Pages()
    consumer.batch(batch)
    found = []
    for leaf in LEAVES:
        page = consumer.page(leaf)
        found.append((bytes(page.body), *page[1:]))
        del page
    return found


def test_columns_without_nulls_may_have_bitmaps() -> None:
    batch: Any = WithBitmaps(four(), 0b1111)
    assert all_pages(batch) == all_pages(four())
    assert contents([Selector(names=["b"])(batch)]) == contents([four().take(pa.array([1, 3]))])


@pytest.mark.parametrize("name", ["Flags", "SeriesId", "Exemplars"])
def test_parquet_refuses_a_null_where_none_may_be(name: str) -> None:
    column = four().column(name)
    values = [*column.to_pylist()[:2], None, column[3].as_py()]
    consumer = Pages()
    consumer.batch(with_column(name, pa.array(values, column.type)))
    for leaf in LEAVES:
        if leaf.path[0] == name:
            with pytest.raises(ValueError, match=f"row 2 of column {name}.* has a null"):
                consumer.page(leaf)


def test_parquet_refuses_a_null_in_a_list_that_may_have_none() -> None:
    bounds = pa.array([[1.0], None, [], [2.0, None]], pa.list_(pa.float64()))
    consumer = Pages()
    consumer.batch(with_column("ExplicitBounds", bounds))
    (leaf,) = [leaf for leaf in LEAVES if leaf.path[0] == "ExplicitBounds"]
    with pytest.raises(ValueError, match=r"row 3 of column ExplicitBounds.* has a null"):
        consumer.page(leaf)


def test_lists_of_no_rows_need_no_memory() -> None:
    arrays = [
        pa.Array.from_buffers(
            field.type, 0, [None, None], children=[pa.array([], field.type.value_type)]
        )
        if pa.types.is_list(field.type)
        else pa.array([], field.type)
        for field in SCHEMA
    ]
    batch = pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
    assert all_pages(batch) == all_pages(pyarrow_batch([]))
    assert list(csv_rows(batch)) == []
    assert len(Selector(names=["x"])(batch)) == 0
    overview(batch)
    newest(batch)


class Changing:
    """Gives other rows whenever it is asked, which no batch may."""

    def __init__(self) -> None:
        self._asked = 0

    def __len__(self) -> int:
        return 2

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        self._asked += 1
        rows = [gauge_row(1.0, name=f"m{self._asked}", n=i % self._asked) for i in range(3)]
        array: tuple[Any, Any] = pyarrow_batch(rows).__arrow_c_array__()
        return array


def test_rows_of_a_series_that_was_never_added_are_no_newest_points() -> None:
    kept, batch = Newest(), cast(Any, Changing())
    with pytest.raises(ValueError, match="other rows than when it was added"):
        kept.add(batch)
