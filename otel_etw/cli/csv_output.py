"""``view --format csv``: cells that act on neither a terminal nor a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO

from otel_etw.captures import Point
from otel_etw.cli.texts import QUANTILES, json_text, json_value, must_be_ascii, printable, time_text

__all__ = ["CSV_COLUMNS", "CsvOutput"]

# What a cell begins with that a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@")


class _Json:
    """A cell that holds a value as JSON."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Number:
    """A cell that holds a number, ``-Infinity`` among them."""

    def __init__(self, value: int | float | None) -> None:
        self.value = value


def _quantile(q: float, point: Point) -> Any:
    return _Number(point.quantile(q))


CSV_COLUMNS: dict[str, Callable[[Point], Any]] = {
    "metric": lambda point: point.metric,
    "kind": lambda point: point.kind,
    "unit": lambda point: point.unit,
    "description": lambda point: point.description,
    "temporality": lambda point: point.temporality,
    "monotonic": lambda point: None if point.monotonic is None else _Json(point.monotonic),
    "attributes": lambda point: _Json(point.attributes),
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
    "resource": lambda point: _Json(point.resource.attributes),
}


class CsvOutput:
    """One row a point; the columns are the same for every kind and file.

    Attributes and resources are JSON. Control characters stand as escapes. Text that a spreadsheet
    would take for a formula gets an apostrophe before it.
    """

    def __init__(self, out: TextIO, wide: bool, name_files: bool) -> None:
        self._ascii = must_be_ascii(out)
        self._writer = csv.writer(out, lineterminator="\n")
        self._writer.writerow(["file", "offset", *CSV_COLUMNS])

    def point(self, file: str, offset: int, point: Point) -> None:
        cells = (self._cell(column(point)) for column in CSV_COLUMNS.values())
        self._writer.writerow([self._cell(file), offset, *cells])

    def _cell(self, content: Any) -> Any:
        if isinstance(content, _Json):
            return json_text(content.value, self._ascii)
        if isinstance(content, _Number):
            return json_value(content.value)
        if isinstance(content, str):
            text = printable(content)
            return f"'{text}" if text.startswith(_FORMULA) and len(text) > 1 else text
        return content

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        return None
