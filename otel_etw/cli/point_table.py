"""``view --format table``: points one by one, as lines for the eye."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from otel_etw.captures import Damage, Frame, Item, Point, points
from otel_etw.cli.choice_options import ChosenPoints
from otel_etw.cli.choices import Choice, series
from otel_etw.cli.file_report import FileReport
from otel_etw.cli.reading import Remark
from otel_etw.cli.table import table_lines
from otel_etw.cli.texts import attributes_text, kind_text, printable, time_text, values_text

__all__ = ["PointTable"]

# Rows of one table: bounds the memory, and repeats the header.
_ROWS = 1000


class PointTable:
    """Columns are as wide as their widest cell, within reason; nothing is cut off."""

    def __init__(self, out: TextIO, choice: ChosenPoints, wide: bool, name_files: bool) -> None:
        self._out = out
        self._choice = Choice(choice.names, choice.attributes, choice.since, choice.until)
        self._pids = choice.pids
        self._last = choice.last
        self._wide = wide
        self._name_files = name_files
        self._file = ""
        self._rows: list[dict[str, str]] = []
        self._newest: dict[str, tuple[str, Point]] = {}

    def take(self, items: Iterable[Item | None], report: FileReport) -> Iterator[Remark]:
        for item in items:
            if not isinstance(item, Frame):
                yield item
                continue
            try:
                request = item.request
            except ValueError as error:
                yield Damage(item.offset, item.length, f"a frame that does not decode: {error}")
                continue
            for point in points(request):
                report.points += 1
                if self._chooses(item, point):
                    report.matching += 1
                    self._take(report.file, point)

    def _chooses(self, frame: Frame, point: Point) -> bool:
        event = frame.event
        of_process = not self._pids or (event is not None and event.process in self._pids)
        return of_process and self._choice(point)

    def _take(self, file: str, point: Point) -> None:
        if not self._last:
            self._add(file, point)
            return
        key = series(point)
        if key not in self._newest or self._newest[key][1].time <= point.time:
            # Taken out first: they come in the order of the files.
            self._newest.pop(key, None)
            self._newest[key] = file, point

    def _add(self, file: str, point: Point) -> None:
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
        before = None
        for file, point in self._newest.values():
            if before not in (None, file):
                self.settle()
            before = file
            self._add(file, point)
        self.settle()
