"""``otel-etw convert``: captures as files for other programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

import click

from otel_etw.cli.choice_options import ChosenPoints, choice_options
from otel_etw.cli.file_arguments import expand_files
from otel_etw.cli.formats import FORMATS, Target, format_of
from otel_etw.cli.output_files import COMPRESSIONS, OutputFailed, refuse_inputs, replaced
from otel_etw.cli.outputs import Sink
from otel_etw.cli.reading import UNREADABLE, CaptureRun
from otel_etw.cli.reading_progress import reading_progress
from otel_etw.cli.sinks import ByteSink, TextSink
from otel_etw.cli.streams import OUTPUT_FAILED, say

__all__ = ["convert", "convert_files"]

_EPILOG = """\b
Examples:
  otel-etw convert metrics.pb -o metrics.parquet
  otel-etw convert m-*.pb m.pb -o api.csv.gz --name "http.*" --attribute http.route=/api
  otel-etw convert trace.etl -o metrics.pb
  otel-etw convert metrics.pb -o - --format arrow | program

\b
Formats, by the ending of OUTPUT or --format:
  parquet     .parquet           one row a point
  arrow       .arrow .feather    Arrow IPC, on standard output as a stream; needs the extra
                                 otel-etw[arrow]
  csv         .csv               one row a point, as view --format csv
  jsonl       .jsonl .ndjson     one JSON object a point, as view --format jsonl
  otlp-json   .otlp.jsonl        OTLP JSON, one request a line, as a Collector writes
  otlp-proto  .pb                OTLP protobuf behind 4-byte lengths, as a Collector writes
  .gz or .zst behind an ending of the last four compresses.

\b
Exit codes:
  0    everything was converted, or the reader of a pipe has closed it
  1    some input is damaged; the rest was converted, the damage named on stderr
  2    wrong usage, or a file that cannot be opened or is no capture
  3    the output, or standard error, cannot be written
  130  interrupted
"""


@click.command(epilog=_EPILOG)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, callback=expand_files)
@click.option(
    "-o",
    "--output",
    metavar="OUTPUT",
    required=True,
    help="The file to write; one that is there is replaced when the new one is complete. - is "
    "standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="By default what the ending of OUTPUT says.",
)
@choice_options
@click.option("--stats", is_flag=True, help="Say on stderr how much was read of each file.")
@click.pass_context
def convert(
    context: click.Context,
    files: tuple[str, ...],
    output: str,
    form: str | None,
    choice: ChosenPoints,
    stats: bool,
) -> None:
    """Write the metrics in FILEs, captures of any kind that `view` reads, as one file for other
    programs.

    OTLP takes whole frames over as they are. Where points are chosen, frames keep the chosen ones,
    and of scopes, resources and metrics what these need; with --last each point becomes a frame.
    Parquet and Arrow have one row a point, and a column for all that OTLP has of it.
    """
    convert_files(context, files, output, form, choice, stats)


def convert_files(
    context: click.Context,
    files: tuple[str, ...],
    output: str,
    form: str | None,
    choice: ChosenPoints,
    stats: bool,
) -> None:
    """Write the chosen points of files to an output, in a format or the one its ending asks for,
    and end the command."""
    name, compression = _without_compression(output)
    form = form or format_of(name)
    if form is None:
        raise click.UsageError(_unknown(output))
    row = FORMATS[form]
    if compression and not row.is_compressible:
        raise click.UsageError(f"{output}: {form} compresses inside, so without {compression}")
    if row.is_missing_arrow():
        raise click.UsageError(
            f'{form} needs the packages arro3-core and arro3-io: pip install "otel-etw[arrow]"'
        )
    if output == "-" and not row.is_text and sys.stdout.isatty():
        raise click.UsageError(f"{form} is not for a terminal: lead it to a file or a program")
    refuse_inputs(output, files)
    try:
        with _opened(output, compression) as target:
            progress = None if sys.stdout.isatty() and output == "-" else reading_progress(files)
            run = CaptureRun(row.consumer(target, choice), choice.provider, stats, progress)
            run.read(files)
            if run.unreadable == len(files):
                # Nothing was read: what may be there already is worth more.
                raise _NothingRead(max(run.exit_code, UNREADABLE))
    except _NothingRead as nothing:
        context.exit(nothing.exit_code)
    except OutputFailed as error:
        say(str(error))
        context.exit(OUTPUT_FAILED)
    context.exit(run.exit_code)


class _NothingRead(Exception):
    """No file could be read, which has been said."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code


def _without_compression(output: str) -> tuple[str, str]:
    """The name without the ending of a compression, and that ending or nothing."""
    for ending in COMPRESSIONS:
        if output.lower().endswith(ending):
            return output[: -len(ending)], ending
    return output, ""


def _unknown(output: str) -> str:
    if output == "-":
        return f"standard output has no ending: say --format, one of {', '.join(FORMATS)}"
    endings = ", ".join(ending for row in FORMATS.values() for ending in row.endings)
    return f"{output}: its ending is none of {endings}; say --format, one of {', '.join(FORMATS)}"


@contextmanager
def _opened(output: str, compression: str) -> Iterator[Target]:
    with ExitStack() as exits:
        if output == "-":
            sys.stdout.flush()
            exits.callback(sys.stdout.buffer.flush)
            file: BinaryIO = sys.stdout.buffer
            text: Sink = TextSink(sys.stdout)
        else:
            file = exits.enter_context(replaced(output))
            if compression:
                file = exits.enter_context(COMPRESSIONS[compression](file))
            text = ByteSink(file)
        closing = exits.enter_context(ExitStack())
        yield Target(file, text, output == "-", closing)
