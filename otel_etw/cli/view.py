"""``otel-etw view``: what captures hold, as a table or for other programs."""

from __future__ import annotations

import sys

import click

from otel_etw.cli.choices import Choice, instant
from otel_etw.cli.file_arguments import expand_files
from otel_etw.cli.newest import NewestOutput
from otel_etw.cli.outputs import OUTPUTS
from otel_etw.cli.viewing import Viewer

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
    type=click.Choice(list(OUTPUTS)),
    default="table",
    show_default=True,
    help="table: for the eye. json, jsonl: all there is of each point. csv: one row a point.",
)
@click.option(
    "-n",
    "--name",
    "names",
    metavar="GLOB",
    multiple=True,
    help='Only metrics whose name matches, such as "http.*"; may be repeated: one must match.',
)
@click.option(
    "-a",
    "--attribute",
    "attributes",
    metavar="KEY[=VALUE]",
    multiple=True,
    help="Only points with this attribute, be it the point's own, its scope's or its resource's; "
    "may be repeated: all must be there.",
)
@click.option(
    "--since",
    callback=instant,
    metavar="TIME",
    help="Only points of this time or later: ISO 8601, or how long ago (-5m).",
)
@click.option(
    "--until", callback=instant, metavar="TIME", help="Only points of this time or earlier."
)
@click.option("--last", is_flag=True, help="Only the newest point of each series.")
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
    names: tuple[str, ...],
    attributes: tuple[str, ...],
    since: int | None,
    until: int | None,
    last: bool,
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
    if follow and last:
        raise click.UsageError("--last is not known before the end, and --follow has none")
    if follow and "-" in files:
        raise click.UsageError("--follow takes regular files only, not standard input (-)")
    choice = Choice(names, attributes, since, until)
    output = OUTPUTS[output_format](sys.stdout, wide, len(files) > 1)
    viewer = Viewer(choice, NewestOutput(output) if last else output, stats)
    if follow:
        viewer.follow(files)
    else:
        viewer.read(files)
    context.exit(viewer.exit_code)
