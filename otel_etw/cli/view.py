"""``otel-etw view``: what captures hold, for a person or for other programs."""

from __future__ import annotations

import sys

import click

from otel_etw.cli.choice_options import ChosenPoints, choice_options
from otel_etw.cli.convert import convert_files
from otel_etw.cli.file_arguments import expand_files
from otel_etw.cli.formats import FORMATS
from otel_etw.cli.outputs import OUTPUTS, Output
from otel_etw.cli.overview_output import OverviewOutput
from otel_etw.cli.point_list import PointList
from otel_etw.cli.reading import CaptureRun, PointConsumer
from otel_etw.cli.reading_progress import reading_progress
from otel_etw.cli.screen import Screen
from otel_etw.cli.sinks import TextSink
from otel_etw.cli.texts import counted

__all__ = ["view"]

_TABLE = "table"

_EPILOG = """\b
Examples:
  otel-etw view metrics.pb
  otel-etw view metrics.pb --name "http.*" --attribute http.route=/api --since -5m
  otel-etw view metrics.pb --points --utc
  otel-etw view m-*.jsonl m.jsonl --format csv > metrics.csv
  otel-etw view metrics.pb --follow --format jsonl | jq .value

\b
CSV: attributes and resources are JSON. Control characters stand as escapes. Text that a
spreadsheet would take for a formula (it begins with = + - @) has an apostrophe before it.

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
@click.option("--points", is_flag=True, help="Every point instead of an overview.")
@click.option("--all", "show_all", is_flag=True, help="Every series, and long texts in full.")
@choice_options
@click.option("--utc", is_flag=True, help="Times in UTC instead of local ones.")
@click.option(
    "--wide",
    is_flag=True,
    help="Of points, also the start, all digits of times, scope and resource; implies --points.",
)
@click.option(
    "-f",
    "--follow",
    is_flag=True,
    help="Go on as the files grow and rotate, until Ctrl-C; implies --points.",
)
@click.option("--no-pager", is_flag=True, help="Do not show long output page by page.")
@click.option(
    "--format",
    "form",
    type=click.Choice([_TABLE, *dict.fromkeys([*OUTPUTS, *FORMATS])]),
    help="For programs: json, jsonl: all there is of each point. csv: one row a point. Others as "
    "`otel-etw convert`. table is --points.",
)
@click.option(
    "-o",
    "--output",
    metavar="OUTPUT",
    help="Write a file as `otel-etw convert` does, in the format of its ending or --format.",
)
@click.option("--stats", is_flag=True, help="Say on stderr how much was read of each file.")
@click.pass_context
def view(
    context: click.Context,
    files: tuple[str, ...],
    points: bool,
    show_all: bool,
    choice: ChosenPoints,
    utc: bool,
    wide: bool,
    follow: bool,
    no_pager: bool,
    form: str | None,
    output: str | None,
    stats: bool,
) -> None:
    """Show the metrics in FILEs: captures of ETW, or files that the file transport or a Collector
    wrote.

    By default an overview: by metric, a line a series with its newest value, how fast it grew or by
    how much it changed, and how it went over the capture. What a file holds is told by its content:
    an ETW log (.etl), length-prefixed OTLP protobuf or OTLP JSON Lines, as they are or compressed.
    JSON objects that are spread over several lines must begin in the first column. - is standard
    input. Quantiles (p50) are estimated from the buckets of histograms, and left out where one wide
    bucket holds nearly all values, as the SDK's default buckets do for durations in seconds.
    """
    if follow:
        _refuse_to_follow(files, form, output, choice)
    if output is not None or form not in (None, _TABLE, *OUTPUTS):
        if form in (_TABLE, "json") and output is not None:
            raise click.UsageError(f"--output takes no {form}: one of {', '.join(FORMATS)}")
        convert_files(context, files, "-" if output is None else output, form, choice, stats)
        return
    if form in OUTPUTS:
        consumer = PointConsumer(choice, OUTPUTS[form](TextSink(sys.stdout)))
        progress = None if follow or sys.stdout.isatty() else reading_progress(files)
        run = CaptureRun(consumer, choice.provider, stats, progress)
        _run(run, files, follow)
        context.exit(run.exit_code)
    is_list = points or wide or follow or form == _TABLE
    with Screen(sys.stdout, paged=not (no_pager or follow)) as screen:
        shown: Output
        if is_list:
            shown = PointList(screen, len(files) > 1, utc, wide)
        else:
            shown = OverviewOutput(screen, files, utc, show_all)
        watched = not is_list or choice.last or not screen.is_terminal
        progress = reading_progress(files) if watched and not follow else None
        run = CaptureRun(PointConsumer(choice, shown), choice.provider, stats, progress)
        _run(run, files, follow)
        if run.points and not run.matching:
            screen.line(f"None of {counted(run.points, 'point')} matches.")
    context.exit(run.exit_code)


def _refuse_to_follow(
    files: tuple[str, ...], form: str | None, output: str | None, choice: ChosenPoints
) -> None:
    """UsageError for what needs an end."""
    if output is not None or form not in (None, _TABLE, *OUTPUTS):
        raise click.UsageError("--follow has no end, and files have: take --format jsonl or csv")
    if form == "json":
        raise click.UsageError("--follow has no end, and --format json needs one: take jsonl")
    if choice.last:
        raise click.UsageError("--last is not known before the end, and --follow has none")
    if "-" in files:
        raise click.UsageError("--follow takes regular files only, not standard input (-)")


def _run(run: CaptureRun, files: tuple[str, ...], follow: bool) -> None:
    if follow:
        run.follow(files)
    else:
        run.read(files)
