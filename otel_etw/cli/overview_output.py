"""What ``view`` shows by default: an overview, by metric, one line a series."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from otel_etw.captures import columns
from otel_etw.captures.columns.series import LEVEL, Distribution, Metric, Series, measure
from otel_etw.captures.texts import QUANTILES
from otel_etw.cli.fitting import cut, width, wrapped
from otel_etw.cli.local_times import Clock
from otel_etw.cli.origins import Origins
from otel_etw.cli.quantities import Quantity, duration, number, quantity_of
from otel_etw.cli.screen import Part, Screen
from otel_etw.cli.sparkline import sparkline
from otel_etw.cli.texts import attribute_texts, counted, kind_text

__all__ = ["OverviewOutput"]

# What is shown when not all is asked for.
_METRICS = 200
_SERIES = 10
_LINES = 3

# Series whose columns are aligned with each other, and are in memory at a time.
_ALIGNED = 2000
_INDENT = "  "
_GAP = "  "
# Attributes get at least so many columns beside numbers, or lines of their own.
_LEAST_ATTRIBUTES = 24
_WIDEST_ATTRIBUTES = 72

_HEAD, _METRIC, _FAINT = "bold", "bold cyan", "dim"
_ORIGIN, _NUMBER, _SPARKLINE = "magenta", "bold", "green"


class OverviewOutput:
    """Takes all points, then writes the overview; see `otel_etw.cli.outputs.Output`.

    ``files``: their names. ``show_all``: every metric and series, and long texts in full.
    """

    def __init__(self, screen: Screen, files: Sequence[str], utc: bool, show_all: bool) -> None:
        self._screen = screen
        self._files = files
        self._clock = Clock(utc)
        self._all = show_all
        self._overview = columns.Overview()

    def batch(self, batch: Any) -> None:
        self._overview.add(batch)

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        if self._overview.points:
            _Page(self._screen, self._overview, self._clock, self._all).write(self._files)


@dataclass(slots=True)
class _Row:
    """A series as texts."""

    origin: int
    attributes: list[str]
    numbers: list[str]
    sparkline: str

    def attributes_width(self) -> int:
        return sum(width(text) + 2 for text in self.attributes) - 2 if self.attributes else 0


@dataclass(slots=True)
class _Block:
    """A metric, or a part of one with very many series."""

    number: int
    rows: list[_Row]
    is_first: bool
    more: int
    """How many series are not shown behind it."""
    widths: list[int] = field(init=False)
    """Of each column of numbers."""

    def __post_init__(self) -> None:
        count = max((len(row.numbers) for row in self.rows), default=0)
        for row in self.rows:
            row.numbers += [""] * (count - len(row.numbers))
        columns = zip(*(row.numbers for row in self.rows), strict=True)
        self.widths = [max(map(width, cells)) for cells in columns]

    @property
    def numbers_width(self) -> int:
        return sum(self.widths) + len(_GAP) * (len(self.widths) - 1)


class _Page:
    """The overview as lines."""

    def __init__(self, screen: Screen, overview: Any, clock: Clock, show_all: bool) -> None:
        self._screen = screen
        self._overview = overview
        self._clock = clock
        self._all = show_all
        self._origins = Origins(overview.origins)
        self._section: int | None = None

    def write(self, files: Sequence[str]) -> None:
        self._head(files)
        blocks: list[_Block] = []
        rows = 0
        for block in self._blocks():
            blocks.append(block)
            rows += len(block.rows)
            if rows >= _ALIGNED:
                self._write(blocks)
                blocks, rows = [], 0
        self._write(blocks)
        self._foot()

    # The lines around the metrics ---------------------------------------------------------------

    def _head(self, files: Sequence[str]) -> None:
        screen, overview = self._screen, self._overview
        for line in self._fitted([screen.shown(file) for file in files], screen.width):
            screen.line((line, _HEAD))
        counts = [
            counted(overview.points, "point"),
            f"{len(overview):,} series of {counted(len(overview.metrics), 'metric')}",
        ]
        for parts in wrapped([self._span(), *counts], screen.width):
            screen.line("".join(parts))
        common = [screen.shown(text) for text in self._origins.common()]
        for line in self._fitted(common, screen.width):
            screen.line((line, _FAINT))
        screen.line()

    def _span(self) -> str:
        """``2026-11-25 10:13:17 to 10:13:25 +01:00 (7.5 s)``"""
        first, last, clock = self._overview.first_time, self._overview.newest_time, self._clock
        if not first:
            return "at unknown times"
        begin, end = (f"{clock.date(time)} {clock.time(time)}" for time in (first, last))
        zone = clock.zone(last)
        if clock.zone(first) != zone:
            begin += f" {clock.zone(first)}"
        if clock.date(first) == clock.date(last):
            end = clock.time(last)
        if begin.endswith(end):
            return f"{begin} {zone}"
        return f"{begin} to {end} {zone} ({duration((last - first) / 1e9)})"

    def _foot(self) -> None:
        overview = self._overview
        hidden = 0 if self._all else max(len(overview.metrics) - _METRICS, 0)
        if hidden:
            self._screen.line(self._more(hidden, "metric"))
        if overview.left_out:
            text = (
                f"Not shown: {counted(overview.left_out, 'point')} of further series, for which "
                "there was no room: choose by --name or --attribute, or list the --points."
            )
            for parts in wrapped(text.split(" "), self._screen.width, " "):
                self._screen.line("".join(parts))

    def _more(self, count: int, what: str) -> Part:
        name = what if what == "series" or count == 1 else f"{what}s"
        return f"{self._screen.ellipsis} {count:,} more {name} (--all)", _FAINT

    def _fitted(self, pieces: list[str], columns: int) -> list[str]:
        """Lines of pieces, only the first ones if not all is asked for."""
        lines = ["".join(parts) for parts in wrapped(pieces, columns)]
        if self._all or len(lines) <= _LINES:
            return lines
        last = lines[_LINES - 1].rstrip()
        mark = self._screen.ellipsis
        return [*lines[: _LINES - 1], cut(f"{last} {mark}", columns, mark)]

    # Metrics and their series -------------------------------------------------------------------

    def _blocks(self) -> Iterator[_Block]:
        overview = self._overview
        for number, metric in enumerate(overview.metrics):
            if not self._all and number == _METRICS:
                return
            count = overview.series_count(number)
            # A line that says that one more is not shown takes as much room as that one.
            limit = count if self._all or count <= _SERIES + 1 else _SERIES
            numbers = _Numbers(metric)
            found = overview.series(number, limit)
            shown = 0
            while part := list(islice(found, _ALIGNED)):
                rows = [self._row(series, numbers) for series in part]
                is_first, shown = not shown, shown + len(rows)
                yield _Block(number, rows, is_first, count - limit if shown == limit else 0)

    def _row(self, series: Series, numbers: _Numbers) -> _Row:
        screen = self._screen
        texts = attribute_texts(json.loads(series.attributes))
        return _Row(
            series.origin,
            [screen.shown(text) for text in texts],
            [screen.shown(text) for text in numbers.of(series)],
            sparkline(series.slots, screen.blocks, from_zero=not numbers.is_level),
        )

    def _write(self, blocks: Sequence[_Block]) -> None:
        layout = _Layout(self._screen.width, blocks)
        for block in blocks:
            self._block(block, layout)

    def _block(self, block: _Block, layout: _Layout) -> None:
        origins = dict.fromkeys(row.origin for row in block.rows)
        is_one = len(origins) == 1
        if is_one and block.rows[0].origin != self._section:
            self._section = block.rows[0].origin
            self._origin(self._section, "", blank=True)
        if block.is_first:
            self._metric(block.number)
        for origin in origins:
            if not is_one:
                self._origin(origin, _INDENT)
            for row in block.rows:
                if row.origin == origin:
                    self._series(row, block, layout)
        if not is_one:
            self._section = None
        if block.more:
            self._screen.line(_INDENT, self._more(block.more, "series"))
        self._screen.line()

    def _origin(self, origin: int, indent: str, blank: bool = False) -> None:
        if len(self._overview.origins) < 2:
            return
        texts = [self._screen.shown(text) for text in self._origins.label(origin)]
        columns = self._screen.width - len(indent)
        for line in self._fitted(texts or ["nothing else is known of who measured"], columns):
            self._screen.line(indent, (line, _ORIGIN))
        if blank:
            self._screen.line()

    def _metric(self, number: int) -> None:
        """Name, kind and unit, and what it means."""
        screen, metric = self._screen, self._overview.metrics[number]
        name = screen.shown(metric.name)
        kind = kind_text(metric.kind, metric.temporality, metric.monotonic)
        if metric.unit:
            kind += f", {screen.shown(metric.unit)}"
        description = screen.shown(self._overview.descriptions[number])
        room = screen.width - width(name) - len(_GAP)
        if width(kind) <= room:
            room -= width(kind) + len(_GAP)
            if description and width(description) <= room:
                screen.line((name, _METRIC), _GAP, kind, _GAP, (description, _FAINT))
                return
            screen.line((name, _METRIC), _GAP, kind)
        else:
            for parts in wrapped([name], screen.width):
                screen.line(("".join(parts), _METRIC))
            for parts in wrapped(kind.split(" "), screen.width - len(_INDENT), " "):
                screen.line(_INDENT, "".join(parts))
        if description:
            self._description(description)

    def _description(self, text: str) -> None:
        columns = self._screen.width - len(_INDENT)
        if not self._all:
            text = cut(text, columns, self._screen.ellipsis)
        for parts in wrapped(text.split(" "), columns, " "):
            self._screen.line(_INDENT, ("".join(parts), _FAINT))

    def _series(self, row: _Row, block: _Block, layout: _Layout) -> None:
        cells = [
            " " * (columns - width(cell)) + cell
            for cell, columns in zip(row.numbers, block.widths, strict=True)
        ]
        numbers = _GAP.join(cells)
        beside = layout.fits(block)
        columns = layout.columns(block) if beside else self._screen.width - len(_INDENT)
        lines = [""] if beside else []
        if row.attributes:
            lines = self._fitted(row.attributes, columns)
        for index, line in enumerate(lines):
            if index or not beside:
                self._screen.line(_INDENT, line)
                continue
            self._screen.line(
                _INDENT,
                line,
                " " * (columns - width(line)) + _GAP,
                (numbers, _NUMBER),
                _GAP,
                (row.sparkline, _SPARKLINE),
            )
        if not beside:
            self._numbers_below(row, numbers, layout)

    def _numbers_below(self, row: _Row, numbers: str, layout: _Layout) -> None:
        """A line of its own for the numbers of a series; the sparkline stands where others do."""
        room = self._screen.width - 2 * len(_INDENT)
        if width(numbers) > room:
            words = [cell for cell in row.numbers if cell]
            for parts in wrapped(words, room, _GAP):
                self._screen.line(_INDENT * 2, ("".join(parts), _NUMBER))
            return
        before = max(layout.sparkline - 2 * len(_INDENT) - width(numbers), len(_GAP))
        parts: list[Part] = [_INDENT * 2, (numbers, _NUMBER)]
        if width(numbers) + before + len(row.sparkline) <= room:
            parts += [" " * before, (row.sparkline, _SPARKLINE)]
        self._screen.line(*parts)


class _Layout:
    """The columns of lines: attributes, numbers, sparkline."""

    def __init__(self, columns: int, blocks: Sequence[_Block]) -> None:
        rows = [row for block in blocks for row in block.rows]
        drawn = max((len(row.sparkline) for row in rows), default=0)
        room = columns - len(_INDENT) - len(_GAP) - (len(_GAP) + drawn if drawn else 0)
        widest = max((row.attributes_width() for row in rows), default=0)
        widest = min(widest, _WIDEST_ATTRIBUTES)
        self._room = room - min(widest, _LEAST_ATTRIBUTES)
        widths = [block.numbers_width for block in blocks if self.fits(block)]
        # Numbers end where all do; those that are shorter leave more room for attributes.
        numbers = max(widths, default=0)
        self._end = min(widest, room - numbers) + len(_GAP) + numbers
        self.sparkline = len(_INDENT) + self._end + len(_GAP) if widths else 0
        """The column where sparklines begin; 0 where none stands beside attributes."""

    def fits(self, block: _Block) -> bool:
        """Whether numbers have room beside attributes."""
        return block.numbers_width <= self._room

    def columns(self, block: _Block) -> int:
        """How many columns the attributes have beside numbers."""
        return self._end - len(_GAP) - block.numbers_width


class _Numbers:
    """What is said of the values of a metric's series."""

    def __init__(self, metric: Metric) -> None:
        self._quantity: Quantity = quantity_of(metric.unit)
        kind = measure(metric.kind, metric.temporality, metric.monotonic)
        self.is_level = kind == LEVEL
        self._is_delta = metric.temporality == "delta"

    def of(self, series: Series) -> list[str]:
        """The newest value or count, what became of it, and quantiles."""
        moved = "" if series.rate is None else self._quantity.rate(series.rate)
        if series.distribution:
            counts = number(series.distribution.count)
            if series.rate is not None:
                moved = f"{number(series.rate)}/s"
            return [counts, moved, *self._spread(series.distribution)]
        if series.value is None:
            return ["no value", moved]
        if series.change is not None:
            moved = self._quantity.change(series.change)
        cells = [self._quantity.value(series.value), moved]
        if self._is_delta and series.total is not None and series.points > 1:
            cells.append(f"total {self._quantity.value(series.total)}")
        return cells

    def _spread(self, distribution: Distribution) -> list[str]:
        """Quantiles; where none is known, what else is."""
        value = self._quantity.value
        known = {name: distribution.quantile(q) for name, q in QUANTILES.items()}
        if distribution.quantiles:
            known = {_quantile_name(q): result for q, result in distribution.quantiles}
        if not any(result is not None for result in known.values()) and distribution.count:
            mean = None if distribution.sum is None else distribution.sum / distribution.count
            known = {"mean": mean, "min": distribution.min, "max": distribution.max}
        return [f"{name} {value(result)}" for name, result in known.items() if result is not None]


def _quantile_name(q: float) -> str:
    return {0.0: "min", 1.0: "max"}.get(q, f"p{q * 100:g}")
