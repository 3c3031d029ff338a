"""Where batches of points go: what ``view --format`` prints for programs, one row in `OUTPUTS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from otel_etw.captures import columns

__all__ = ["OUTPUTS", "CsvOutput", "JsonLinesOutput", "JsonOutput", "Output", "Sink"]


class Output(Protocol):
    """Takes the points of files as batches (`otel_etw.captures.columns`).

    Nothing is held back beyond `settle`, but by an output that says so.
    """

    def batch(self, batch: Any) -> None:
        """Take the points of a batch, all of one file."""

    def settle(self) -> None:
        """Print what was held back: nothing more comes for a while, or from another file."""

    def finish(self) -> None:
        """Print what ends the output: nothing more comes."""


class Sink(Protocol):
    """Takes UTF-8 in pieces of whole characters."""

    is_ascii: bool
    """Whether JSON must have other characters than ASCII as ``\\uXXXX``."""

    def write(self, data: bytes, /) -> object: ...


class JsonLinesOutput:
    """All that is known of a point, as one JSON object a line."""

    def __init__(self, out: Sink) -> None:
        self._out = out

    def batch(self, batch: Any) -> None:
        for piece in columns.json_rows(batch, ascii_only=self._out.is_ascii):
            self._out.write(piece)

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        return None


class JsonOutput:
    """The same objects in one array."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._is_empty = True

    def batch(self, batch: Any) -> None:
        rows = columns.json_rows(batch, before=b",\n", after=b"", ascii_only=self._out.is_ascii)
        for piece in rows:
            self._out.write(b"[" + piece[1:] if self._is_empty else piece)
            self._is_empty = False

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        self._out.write(b"[]\n" if self._is_empty else b"\n]\n")


class CsvOutput:
    """One row a point; the columns are the same for every kind and file.

    Attributes and resources are JSON. Control characters stand as escapes. Text that a spreadsheet
    would take for a formula gets an apostrophe before it.
    """

    def __init__(self, out: Sink) -> None:
        self._out = out
        out.write(columns.CSV_HEADER)

    def batch(self, batch: Any) -> None:
        for piece in columns.csv_rows(batch, ascii_only=self._out.is_ascii):
            self._out.write(piece)

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        return None


OUTPUTS: dict[str, Callable[[Sink], Output]] = {
    "json": JsonOutput,
    "jsonl": JsonLinesOutput,
    "csv": CsvOutput,
}
"""The formats for programs."""
