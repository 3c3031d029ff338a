"""What ``view --format`` prints: one class a format, one row in `OUTPUTS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TextIO

from otel_etw.captures import Point
from otel_etw.cli.csv_output import CsvOutput
from otel_etw.cli.table import table_lines
from otel_etw.cli.texts import (
    QUANTILES,
    attributes_text,
    json_text,
    json_value,
    kind_text,
    must_be_ascii,
    printable,
    time_text,
    values_text,
)

__all__ = ["OUTPUTS", "Output"]

# Rows of one table: bounds the memory, and repeats the header.
_ROWS = 1000


class Output(Protocol):
    """Where points go. Nothing is held back beyond `settle`."""

    def point(self, file: str, offset: int, point: Point) -> None: ...
    def settle(self) -> None:
        """Print what was held back: nothing more comes for a while, or from another file."""

    def finish(self) -> None:
        """Print what ends the output."""


class TableOutput:
    """For the eye. Columns are as wide as their widest cell, within reason; nothing is cut off."""

    def __init__(self, out: TextIO, wide: bool, name_files: bool) -> None:
        self._out = out
        self._wide = wide
        self._name_files = name_files
        self._file = ""
        self._rows: list[dict[str, str]] = []

    def point(self, file: str, offset: int, point: Point) -> None:
        self._file = file
        row = {
            "metric": printable(point.metric),
            "kind": kind_text(point),
            "unit": printable(point.unit),
            "attributes": attributes_text(point.attributes),
            "value": values_text(point),
            "time": time_text(point.time),
        }
        if self._wide:
            row["start"] = time_text(point.start)
            row["scope"] = printable(f"{point.scope.name} {point.scope.version}".strip())
            row["resource"] = attributes_text(point.resource.attributes)
        self._rows.append(row)
        if len(self._rows) == _ROWS:
            self.settle()

    def settle(self) -> None:
        if not self._rows:
            return
        if self._name_files:
            self._out.write(f"{printable(self._file)}:\n")
        rows = [list(map(self._shown, row.values())) for row in self._rows]
        for line in table_lines(list(self._rows[0]), rows):
            self._out.write(f"{line}\n")
        self._out.write("\n")
        self._rows = []

    def _shown(self, cell: str) -> str:
        """A cell as the output will show it: what its encoding lacks stands as escapes, which
        take more columns."""
        encoding = self._out.encoding or "utf-8"
        return cell.encode(encoding, "backslashreplace").decode(encoding)

    def finish(self) -> None:
        self.settle()


class JsonLinesOutput:
    """All that is known of a point, as one JSON object a line."""

    def __init__(self, out: TextIO, wide: bool, name_files: bool) -> None:
        self._out = out
        self._ascii = must_be_ascii(out)

    def point(self, file: str, offset: int, point: Point) -> None:
        self._out.write(self._object(file, offset, point) + "\n")

    def _object(self, file: str, offset: int, point: Point) -> str:
        record = {"file": file, "offset": offset, **json_value(point)}
        record["start"] = time_text(point.start) or None
        record["time"] = time_text(point.time) or None
        record["exemplars"] = [
            {**json_value(exemplar), "time": time_text(exemplar.time) or None}
            for exemplar in point.exemplars
        ]
        estimates = _estimates(point)
        if estimates:
            record["estimates"] = estimates
        return json_text(record, self._ascii)

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        return None


class JsonOutput(JsonLinesOutput):
    """The same objects in one array."""

    _before = "[\n"

    def point(self, file: str, offset: int, point: Point) -> None:
        self._out.write(self._before + self._object(file, offset, point))
        self._before = ",\n"

    def finish(self) -> None:
        self._out.write("\n]\n" if self._before == ",\n" else "[]\n")


def _estimates(point: Point) -> dict[str, float]:
    estimates = {name: point.quantile(q) for name, q in QUANTILES.items()}
    return {name: value for name, value in estimates.items() if value is not None}


OUTPUTS: dict[str, Callable[[TextIO, bool, bool], Output]] = {
    "table": TableOutput,
    "json": JsonOutput,
    "jsonl": JsonLinesOutput,
    "csv": CsvOutput,
}
