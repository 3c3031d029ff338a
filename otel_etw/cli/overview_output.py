"""What ``view`` shows by default: an overview, by metric, one line a series."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from otel_etw.captures import columns
from otel_etw.captures.columns.series import Series
from otel_etw.cli.fitting import cut, width, wrapped
from otel_etw.cli.local_times import TimeFormat
from otel_etw.cli.metric_line import write_metric
from otel_etw.cli.origins import Origins
from otel_etw.cli.overview_layout import GAP, INDENT, Block, Layout, SeriesRow
from otel_etw.cli.quantities import duration
from otel_etw.cli.screen import Part, Screen
from otel_etw.cli.series_numbers import SeriesNumbers
from otel_etw.cli.sparkline import sparkline
from otel_etw.cli.texts import attribute_texts, counted

__all__ = ["OverviewOutput"]

# What is shown when not all is asked for.
_METRICS = 200
_SERIES = 10
_LINES = 3

# Series whose columns are aligned with each other, and are in memory at a time.
_ALIGNED = 2000
# Columns with room for totals of deltas.
_WIDE = 100
_SECOND = 1_000_000_000
# A newest value older than this part of the capture is said to be.
_STALE = 0.1

_HEAD, _FAINT = "bold", "dim"
_ORIGIN, _NUMBER, _SPARKLINE = "magenta", "bold", "green"


class OverviewOutput:
    """Takes all points, then writes the overview; see `otel_etw.cli.outputs.Output`.

    ``files``: their names. ``show_all``: every metric and series, and long texts in full.
    """

    def __init__(self, screen: Screen, files: Sequence[str], utc: bool, show_all: bool) -> None:
        self._screen = screen
        self._files = files
        self._time_format = TimeFormat(utc)
        self._all = show_all
        self._overview = columns.Overview()

    def batch(self, batch: Any) -> None:
        self._overview.add(batch)

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        if len(self._overview):
            _Page(self._screen, self._overview, self._time_format, self._all).write(self._files)


class _Page:
    """The overview as lines."""

    def __init__(
        self, screen: Screen, overview: Any, time_format: TimeFormat, show_all: bool
    ) -> None:
        self._screen = screen
        self._overview = overview
        self._time_format = time_format
        self._all = show_all
        self._origins = Origins(overview.origins)
        self._section: int | None = None
        span = overview.newest_time - overview.first_time
        self._stale = overview.newest_time - int(span * _STALE)

    def write(self, files: Sequence[str]) -> None:
        self._head(files)
        blocks: list[Block] = []
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

    def _span(self) -> str:
        """``2026-11-25 10:13:17 to 10:13:25 +01:00 (7.5 s)``"""
        first, last = self._overview.first_time, self._overview.newest_time
        if not first:
            return "at unknown times"
        if first // _SECOND == last // _SECOND:
            return self._time_format.span(last, last, 0)
        took = duration((last - first) / _SECOND)
        return f"{self._time_format.span(first, last, 0)} ({took})"

    def _moment(self, time: int) -> str:
        """A time of day, with its date where that is not the capture's last."""
        if not time:
            return "at an unknown time"
        date = self._time_format.date(time)
        is_last = date == self._time_format.date(self._overview.newest_time)
        return self._time_format.time(time) if is_last else f"{date} {self._time_format.time(time)}"

    def _foot(self) -> None:
        overview = self._overview
        hidden = 0 if self._all else max(len(overview.metrics) - _METRICS, 0)
        if hidden:
            self._screen.line()
            self._screen.line(self._more(hidden, "metric"))
        if overview.left_out:
            self._screen.line()
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

    def _blocks(self) -> Iterator[Block]:
        overview = self._overview
        for index, metric in enumerate(overview.metrics):
            if not self._all and index == _METRICS:
                return
            count = overview.series_count(index)
            # A line that says that one more is not shown takes as much room as that one.
            limit = count if self._all or count <= _SERIES + 1 else _SERIES
            numbers = SeriesNumbers(metric, with_total=self._screen.width >= _WIDE)
            found = overview.series(index, limit)
            shown = 0
            while part := list(islice(found, _ALIGNED)):
                rows = [self._row(series, numbers) for series in part]
                is_first, shown = not shown, shown + len(rows)
                yield Block(index, rows, is_first, count - limit if shown == limit else 0)

    def _row(self, series: Series, numbers: SeriesNumbers) -> SeriesRow:
        screen = self._screen
        texts = attribute_texts(json.loads(series.attributes))
        if series.newest_time < self._stale:
            texts.append(f"(last {self._moment(series.newest_time)})")
        return SeriesRow(
            series.origin,
            [screen.shown(text) for text in texts],
            [screen.shown(text) for text in numbers.of(series)],
            sparkline(series.slots, screen.blocks, numbers.is_level),
        )

    def _write(self, blocks: Sequence[Block]) -> None:
        layout = Layout(self._screen.width, blocks)
        for block in blocks:
            self._block(block, layout)

    def _block(self, block: Block, layout: Layout) -> None:
        screen, overview = self._screen, self._overview
        by_origin: dict[int, list[SeriesRow]] = {}
        for row in block.rows:
            by_origin.setdefault(row.origin, []).append(row)
        if block.is_first:
            screen.line()
        # Of one origin, it stands above the metric and all that follow of the same one.
        section = next(iter(by_origin)) if len(by_origin) == 1 else None
        if section is not None and section != self._section:
            self._origin(section, "")
        if block.is_first:
            metric = overview.metrics[block.metric]
            write_metric(screen, metric, overview.descriptions[block.metric], self._all)
        for origin, rows in by_origin.items():
            if section is None:
                self._origin(origin, INDENT)
            for row in rows:
                self._series(row, block, layout)
        self._section = section
        if block.more:
            screen.line(INDENT, self._more(block.more, "series"))

    def _origin(self, origin: int, indent: str) -> None:
        """Who measured, unless that is the same for all."""
        if len(self._overview.origins) < 2:
            return
        texts = [self._screen.shown(text) for text in self._origins.label(origin)]
        texts = [f"from {texts[0]}", *texts[1:]] if texts else ["from a source with nothing more"]
        for line in self._fitted(texts, self._screen.width - len(indent)):
            self._screen.line(indent, (line, _ORIGIN))

    def _series(self, row: SeriesRow, block: Block, layout: Layout) -> None:
        cells = [
            " " * (columns - width(cell)) + cell
            for cell, columns in zip(row.numbers, block.widths, strict=True)
        ]
        numbers = GAP.join(cells)
        beside = layout.fits(block)
        columns = layout.columns(block) if beside else self._screen.width - len(INDENT)
        lines = [""] if beside else []
        if row.attributes:
            lines = self._fitted(row.attributes, columns)
        for index, line in enumerate(lines):
            if index or not beside:
                self._screen.line(INDENT, line)
                continue
            self._screen.line(
                INDENT,
                line,
                " " * (columns - width(line)) + GAP,
                (numbers, _NUMBER),
                GAP,
                (row.sparkline, _SPARKLINE),
            )
        if not beside:
            self._numbers_below(row, numbers, layout)

    def _numbers_below(self, row: SeriesRow, numbers: str, layout: Layout) -> None:
        """A line of its own for the numbers of a series; the sparkline stands where others do."""
        room = self._screen.width - 2 * len(INDENT)
        if width(numbers) > room:
            words = [cell for cell in row.numbers if cell]
            for line in wrapped(words, room, GAP):
                self._screen.line(INDENT * 2, ("".join(line), _NUMBER))
            return
        before = max(layout.sparkline - 2 * len(INDENT) - width(numbers), len(GAP))
        parts: list[Part] = [INDENT * 2, (numbers, _NUMBER)]
        if width(numbers) + before + len(row.sparkline) <= room:
            parts += [" " * before, (row.sparkline, _SPARKLINE)]
        self._screen.line(*parts)
