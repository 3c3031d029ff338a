"""What ``convert`` writes: one row a format."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from typing import BinaryIO, NamedTuple

import click

from otel_etw.captures.batching import MANY_ROWS
from otel_etw.cli.choice_options import ChosenPoints
from otel_etw.cli.outputs import CsvOutput, JsonLinesOutput, Output, Sink
from otel_etw.cli.reading import Consumer, PointConsumer

__all__ = ["FORMATS", "Format", "Target", "format_of"]


class Target(NamedTuple):
    """Where a file goes."""

    file: BinaryIO
    text: Sink
    """The same for text: standard output may have another encoding than UTF-8."""
    is_stream: bool
    """Whether it is standard output, where nobody goes back."""
    closing: ExitStack
    """What is to be done before the file is closed, however it ends."""


class Format(NamedTuple):
    """One format of files."""

    endings: tuple[str, ...]
    """Of names that ask for it, lower-case."""
    consumer: Callable[[Target, ChosenPoints], Consumer]
    """What writes it."""
    is_text: bool = False
    """Whether a terminal can show it."""
    is_compressible: bool = True
    """Whether ``.gz`` or ``.zst`` may follow the ending; others compress inside."""
    needs_arrow: bool = False
    """Whether it needs the extra ``otel-etw[arrow]``."""

    def is_missing_arrow(self) -> bool:
        return self.needs_arrow and not (find_spec("arro3") and find_spec("arro3.io"))


def _of_points(make: Callable[[Target], Output]) -> Callable[[Target, ChosenPoints], Consumer]:
    def consumer(target: Target, choice: ChosenPoints) -> Consumer:
        return PointConsumer(choice, make(target), MANY_ROWS)

    return consumer


# Some take longer to import than all else, so they are imported where they are needed.


def _parquet(target: Target) -> Output:
    from otel_etw.cli.parquet_output import ParquetOutput

    try:
        return ParquetOutput(target.file)
    except ImportError as error:  # of zstd
        raise click.UsageError(str(error)) from error


def _arrow(target: Target) -> Output:
    from otel_etw.cli.arrow_outputs import ArrowFileOutput, ArrowStreamOutput

    output = (ArrowStreamOutput if target.is_stream else ArrowFileOutput)(target.file)
    target.closing.callback(output.give_up)
    return output


def _otlp_json(target: Target, choice: ChosenPoints) -> Consumer:
    from otel_etw.cli.otlp_outputs import OtlpConsumer, json_lines

    return OtlpConsumer(target.file.write, json_lines, choice)


def _otlp_proto(target: Target, choice: ChosenPoints) -> Consumer:
    from otel_etw.cli.otlp_outputs import OtlpConsumer, length_prefixed

    return OtlpConsumer(target.file.write, length_prefixed, choice)


FORMATS = {
    "parquet": Format((".parquet",), _of_points(_parquet), is_compressible=False),
    "arrow": Format(
        (".arrow", ".feather"), _of_points(_arrow), is_compressible=False, needs_arrow=True
    ),
    "csv": Format((".csv",), _of_points(lambda target: CsvOutput(target.text)), is_text=True),
    # Before jsonl, whose endings are ends of these.
    "otlp-json": Format((".otlp.jsonl", ".otlp.json"), _otlp_json, is_text=True),
    "jsonl": Format(
        (".jsonl", ".ndjson"),
        _of_points(lambda target: JsonLinesOutput(target.text)),
        is_text=True,
    ),
    "otlp-proto": Format((".pb",), _otlp_proto),
}


def format_of(name: str) -> str | None:
    """The format that the ending of a file's name asks for; None for none of them."""
    for form, row in FORMATS.items():
        if name.lower().endswith(row.endings):
            return form
    return None
