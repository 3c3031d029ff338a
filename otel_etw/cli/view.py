"""``otel-etw view``: what captures hold, as a table or for other programs."""

from __future__ import annotations

import sys

import click

from otel_etw.cli.choice_options import ChosenPoints, choice_options
from otel_etw.cli.file_arguments import expand_files
from otel_etw.cli.newest import NewestOutput
from otel_etw.cli.outputs import OUTPUTS
from otel_etw.cli.point_table import PointTable
from otel_etw.cli.reading import CaptureRun, Consumer, PointConsumer
from otel_etw.cli.sinks import TextSink

__all__ = ["view"]

_EPILOG = """\b
Examples:
  otel-etw view metrics.pb
  otel-etw view metrics.pb --name "http.*" --attribute http.route=/api --since -5m
  otel-etw view m-*.jsonl m.jsonl --format csv > metrics.csv
  otel-etw view metrics.pb --follow --format jsonl | jq .value

\b
CSV: attributes and resources are JSON. Control characters stand as escapes, as in the table. Text
that a spreadsheet would take for a formula (it begins with = + - @) has an apostrophe before it.

\b
Exit codes:
  0    everything was read, or the reader of a pipe has closed it
  1    some input is damaged; the rest was shown, the damage named on stderr
  2    wrong usage, or a file that cannot be opened or is no capture
  3    standard output or standard error cannot be written
  130  interrupted
"""


@click.command(epilog=_EPILOG)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, callback=expand_files)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", *OUTPUTS]),
    default="table",
    show_default=True,
    help="table: for the eye. json, jsonl: all there is of each point. csv: one row a point.",
)
@choice_options
@click.option("--wide", is_flag=True, help="Also columns for start, scope and resource (table).")
@click.option(
    "-f", "--follow", is_flag=True, help="Go on as the files grow and rotate, until Ctrl-C."
)
@click.option("--stats", is_flag=True, help="Say on stderr how much was read of each file.")
@click.pass_context
def view(
    context: click.Context,
    files: tuple[str, ...],
    output_format: str,
    choice: ChosenPoints,
    wide: bool,
    follow: bool,
    stats: bool,
) -> None:
    """Print the metrics in FILEs that the file transport or a Collector wrote.

    What a file holds is told by its content: length-prefixed OTLP protobuf or OTLP JSON Lines, as
    they are or compressed with gzip or zstd. JSON objects that are spread over several lines must
    begin in the first column. - is standard input. Quantiles (p50~12) are
    estimated from the buckets of histograms, and left out where one wide bucket holds nearly all
    values, as the SDK's default buckets do for durations in seconds.
    """
    if follow and output_format == "json":
        raise click.UsageError("--follow has no end, and --format json needs one: take jsonl")
    if follow and choice.last:
        raise click.UsageError("--last is not known before the end, and --follow has none")
    if follow and "-" in files:
        raise click.UsageError("--follow takes regular files only, not standard input (-)")
    run = CaptureRun(_consumer(output_format, choice, wide, len(files) > 1), choice.provider, stats)
    if follow:
        run.follow(files)
    else:
        run.read(files)
    context.exit(run.exit_code)


def _consumer(form: str, choice: ChosenPoints, wide: bool, name_files: bool) -> Consumer:
    if form not in OUTPUTS:
        return PointTable(sys.stdout, choice, wide, name_files)
    output = OUTPUTS[form](TextSink(sys.stdout))
    return PointConsumer(choice.selector(), NewestOutput(output) if choice.last else output)
