"""Batches → JSON Lines and CSV, in Python alone: the reference for the compiled `_text`.

Both give UTF-8 in pieces of whole rows. Attributes are in JSON with sorted keys, as in the columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from otel_etw.captures.texts import (
    QUANTILES,
    csv_text,
    json_text,
    json_value,
    sorted_keys,
    time_text,
)

if TYPE_CHECKING:
    from otel_etw.captures.items import Event
    from otel_etw.captures.points import Point

__all__ = ["CSV_COLUMNS", "CSV_HEADER", "csv_rows", "json_rows"]

_ROWS = 256
"""Rows of one piece."""


class RowLike(Protocol):
    """A point and where it was read."""

    file: str
    offset: int
    event: Event | None
    point: Point


class BatchOfRows(Protocol):
    @property
    def rows(self) -> Sequence[RowLike]: ...


def json_rows(
    batch: BatchOfRows, *, before: bytes = b"", after: bytes = b"\n", ascii_only: bool = False
) -> Iterator[bytes]:
    """Each row as a JSON object with ``before`` before it and ``after`` behind it.

    ``ascii_only``: other characters stand as ``\\uXXXX``.
    """
    for rows in _pieces(batch):
        yield b"".join(before + _object(row, ascii_only).encode() + after for row in rows)


def csv_rows(batch: BatchOfRows, *, ascii_only: bool = False) -> Iterator[bytes]:
    """Each row as a line of CSV with the columns `CSV_COLUMNS`.

    ``ascii_only``: other characters in cells of JSON stand as ``\\uXXXX``.
    """
    for rows in _pieces(batch):
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        for row in rows:
            writer.writerow(_cell(column(row), ascii_only) for column in _CELLS.values())
        yield text.getvalue().encode()


def _pieces(batch: BatchOfRows) -> Iterator[Sequence[RowLike]]:
    for start in range(0, len(batch.rows), _ROWS):
        yield batch.rows[start : start + _ROWS]


def _object(row: RowLike, ascii_only: bool) -> str:
    point = row.point
    record: dict[str, Any] = {"file": row.file, "offset": row.offset}
    if row.event:
        members = {name: member(row.event) for name, member in _EVENT.items()}
        record |= {name: member for name, member in members.items() if member is not None}
    record |= json_value(point)
    record["metadata"] = _attributes(point.metadata)
    record["attributes"] = _attributes(point.attributes)
    for name in ("scope", "resource"):
        record[name]["attributes"] = _attributes(getattr(point, name).attributes)
    record["start"] = time_text(point.start) or None
    record["time"] = time_text(point.time) or None
    record["exemplars"] = [
        {
            **json_value(exemplar),
            "time": time_text(exemplar.time) or None,
            "attributes": _attributes(exemplar.attributes),
        }
        for exemplar in point.exemplars
    ]
    estimates = {name: point.quantile(q) for name, q in QUANTILES.items()}
    if known := {name: value for name, value in estimates.items() if value is not None}:
        record["estimates"] = known
    return json_text(record, ascii_only)


def _attributes(attributes: dict[str, Any]) -> Any:
    return json_value(sorted_keys(attributes))


class _Json:
    """A cell that holds a value as JSON."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Number:
    """A cell that holds a number, ``-Infinity`` among them."""

    def __init__(self, value: int | float | None) -> None:
        self.value = value


_EVENT: dict[str, Callable[[Event], Any]] = {
    "event_time": lambda event: time_text(event.time) or None,
    "pid": lambda event: event.process,
    "tid": lambda event: event.thread,
    "processor": lambda event: event.processor,
}


def _quantile(q: float, point: Point) -> _Number:
    return _Number(point.quantile(q))


def _of_point(cell: Callable[[Point], Any], row: RowLike) -> Any:
    return cell(row.point)


def _of_event(cell: Callable[[Event], Any], row: RowLike) -> Any:
    return None if row.event is None else cell(row.event)


_POINT: dict[str, Callable[[Point], Any]] = {
    "metric": lambda point: point.metric,
    "kind": lambda point: point.kind,
    "unit": lambda point: point.unit,
    "description": lambda point: point.description,
    "temporality": lambda point: point.temporality,
    "monotonic": lambda point: None if point.monotonic is None else _Json(point.monotonic),
    "attributes": lambda point: _Json(sorted_keys(point.attributes)),
    "value": lambda point: _Number(point.value),
    "count": lambda point: point.count,
    "sum": lambda point: _Number(point.sum),
    "min": lambda point: _Number(point.min),
    "max": lambda point: _Number(point.max),
    **{name: partial(_quantile, q) for name, q in QUANTILES.items()},
    "start": lambda point: time_text(point.start),
    "time": lambda point: time_text(point.time),
    "flags": lambda point: point.flags,
    "exemplars": lambda point: len(point.exemplars),
    "scope": lambda point: point.scope.name,
    "scope_version": lambda point: point.scope.version,
    "resource": lambda point: _Json(sorted_keys(point.resource.attributes)),
}

_CELLS: dict[str, Callable[[RowLike], Any]] = {
    "file": lambda row: row.file,
    "offset": lambda row: row.offset,
    **{name: partial(_of_point, cell) for name, cell in _POINT.items()},
    **{name: partial(_of_event, cell) for name, cell in _EVENT.items()},
}

CSV_COLUMNS = tuple(_CELLS)
"""The columns of CSV, the same for every kind and file."""

CSV_HEADER = ",".join(CSV_COLUMNS).encode() + b"\n"


def _cell(content: Any, ascii_only: bool) -> Any:
    if isinstance(content, _Json):
        return json_text(content.value, ascii_only)
    if isinstance(content, _Number):
        return json_value(content.value)
    return csv_text(content) if isinstance(content, str) else content
