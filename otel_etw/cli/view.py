"""``otel-etw view``: what captures hold, as a table or for other programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import sleep

import click

from otel_etw.captures import CaptureError, Damage, Foreign, Frame, Item, Point, points, read
from otel_etw.captures import follow as follow_capture
from otel_etw.captures import open as open_capture
from otel_etw.cli.choices import Choice, instant, series
from otel_etw.cli.outputs import OUTPUTS, Output
from otel_etw.cli.texts import printable

__all__ = ["view"]

# Seconds between two looks at a file that is followed.
_PAUSE = 0.5

_EPILOG = """\b
Examples:
  otel-etw view metrics.pb
  otel-etw view metrics.pb --name 'http.*' --attribute http.route=/api --since -5m
  otel-etw view m-*.jsonl m.jsonl --format csv > metrics.csv
  otel-etw view metrics.pb --follow --format jsonl | jq .value

\b
Exit codes:
  0  everything was read
  1  some input is damaged; the rest was shown, the damage named on stderr
  2  wrong usage, or a file that cannot be opened or is no capture
"""


@dataclass
class _Tally:
    """What was read of one file."""

    frames: int = 0
    points: int = 0
    shown: int = 0
    damages: int = 0
    damaged_bytes: int = 0
    foreign: Counter[str] = field(default_factory=Counter)


@click.command(epilog=_EPILOG)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
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
    help="Only metrics whose name matches, such as 'http.*'; may be repeated: one must match.",
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
    form: str,
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
    they are or compressed with gzip or zstd. - is standard input. Quantiles (p50~12) are
    estimated from the buckets of histograms.
    """
    if follow and form == "json":
        raise click.UsageError("--follow has no end, and --format json needs one: take jsonl")
    if follow and last:
        raise click.UsageError("--last is not known before the end, and --follow has none")
    if follow and "-" in files:
        raise click.UsageError("--follow looks at files again and again; - can be read once")
    choice = Choice(names, attributes, since, until)
    output = OUTPUTS[form](sys.stdout, wide, len(files) > 1)
    run = _Run(choice, _Last(output) if last else output, stats)
    if follow:
        run.follow(files)
    else:
        run.read(files)
    context.exit(run.exit_code)


class _Run:
    """One call of ``view``: shows points, says what else there was, and keeps the exit code."""

    def __init__(self, choice: Choice, output: Output, stats: bool) -> None:
        self._choice = choice
        self._output = output
        self._stats = stats
        self.exit_code = 0

    def read(self, files: Sequence[str]) -> None:
        """Every file to its end; one that cannot be read does not keep the others from it."""
        for file in files:
            tally = _Tally()
            try:
                for item in _opened(file):
                    self._item(file, item, tally)
            except CaptureError as error:
                self._output.settle()
                self._say(str(error), 2)
            self._output.settle()
            self._summary(file, tally)
        self._output.finish()

    def follow(self, files: Sequence[str]) -> None:
        """All files in turn, without end: until `KeyboardInterrupt`, or none can be read."""
        followed = {file: follow_capture(file) for file in files}
        tallies = {file: _Tally() for file in files}
        try:
            while followed:
                for file, items in list(followed.items()):
                    try:
                        for item in items:
                            if item is None:  # that is all for now
                                break
                            self._item(file, item, tallies[file])
                    except CaptureError as error:
                        self._say(str(error), 2)
                        del followed[file]
                    self._output.settle()
                sys.stdout.flush()
                if followed:
                    sleep(_PAUSE)
        finally:
            for file, tally in tallies.items():
                self._summary(file, tally)

    def _item(self, file: str, item: Item, tally: _Tally) -> None:
        if isinstance(item, Frame):
            tally.frames += 1
            for point in points(item.request):
                tally.points += 1
                if self._choice(point):
                    tally.shown += 1
                    self._output.point(file, item.offset, point)
        elif isinstance(item, Damage):
            tally.damages += 1
            tally.damaged_bytes += item.length
            self._say(
                f"{file}: damaged at byte {item.offset:,}, {item.length:,} bytes: {item.reason}", 1
            )
        elif isinstance(item, Foreign):
            tally.foreign[item.what] += 1

    def _say(self, message: str, exit_code: int = 0) -> None:
        click.echo(f"otel-etw: {printable(message)}", err=True)
        self.exit_code = max(self.exit_code, exit_code)

    def _summary(self, file: str, tally: _Tally) -> None:
        for what, count in tally.foreign.items():
            self._say(f"{file}: passed over {what}: {_counted(count, 'line')}")
        if self._stats:
            parts = [_counted(tally.frames, "frame"), _counted(tally.points, "point")]
            if tally.shown != tally.points:
                parts.append(f"{tally.shown:,} shown")
            damages = _counted(tally.damages, "damage")
            parts.append(
                f"{damages} of {tally.damaged_bytes:,} bytes" if tally.damages else damages
            )
            self._say(f"{file}: {', '.join(parts)}")


class _Last:
    """Holds back all but the newest point of each series, and the order of the series."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._newest: dict[str, tuple[str, int, Point]] = {}

    def point(self, file: str, offset: int, point: Point) -> None:
        key = series(point)
        if key not in self._newest or self._newest[key][2].time <= point.time:
            self._newest[key] = file, offset, point

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        file = None
        for kept in self._newest.values():
            if file not in (None, kept[0]):
                self._output.settle()
            file = kept[0]
            self._output.point(*kept)
        self._output.finish()


def _opened(file: str) -> Iterator[Item]:
    if file == "-":
        return read(sys.stdin.buffer, "standard input")
    return open_capture(file)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
