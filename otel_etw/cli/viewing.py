"""One run of ``view``: points go to an output, all else to standard error; one exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from time import sleep

from otel_etw.captures import CaptureError, Damage, Foreign, Frame, Item, points, read
from otel_etw.captures import follow as follow_capture
from otel_etw.captures import open as open_capture
from otel_etw.cli.choices import Choice
from otel_etw.cli.file_report import FileReport, damage_text
from otel_etw.cli.outputs import Output
from otel_etw.cli.streams import OUTPUT_FAILED, say

__all__ = ["DAMAGED", "UNREADABLE", "Viewer"]

DAMAGED = 1
UNREADABLE = 2

# Seconds between two looks at a file that is followed.
_PAUSE = 0.5


class Viewer:
    """Shows what is chosen of the points in files; ``exit_code`` is the worst of what happened."""

    def __init__(self, choice: Choice, output: Output, statistics: bool) -> None:
        self._choice = choice
        self._output = output
        self._statistics = statistics
        self.exit_code = 0

    def read(self, files: Sequence[str]) -> None:
        """Every file to its end; one that cannot be read does not keep the others from it."""
        for file in files:
            report = FileReport(file)
            try:
                for item in _opened(file):
                    self._item(item, report)
            except CaptureError as error:
                self._output.settle()
                self._say(str(error), UNREADABLE)
            self._output.settle()
            self._summary(report)
        self._output.finish()

    def follow(self, files: Sequence[str]) -> None:
        """All files in turn, without end: until `KeyboardInterrupt`, or none can be read."""
        followed = {file: follow_capture(file) for file in files}
        reports = {file: FileReport(file) for file in files}
        try:
            while followed:
                for file, items in list(followed.items()):
                    try:
                        for item in items:
                            if item is None:  # that is all for now
                                break
                            self._item(item, reports[file])
                    except CaptureError as error:
                        self._say(str(error), UNREADABLE)
                        del followed[file]
                    self._output.settle()
                sys.stdout.flush()
                if followed:
                    sleep(_PAUSE)
        finally:
            for report in reports.values():
                self._summary(report)

    def _item(self, item: Item, report: FileReport) -> None:
        if isinstance(item, Frame):
            report.frames += 1
            for point in points(item.request):
                report.points += 1
                if self._choice(point):
                    report.matching += 1
                    self._output.point(report.file, item.offset, point)
        elif isinstance(item, Damage):
            report.damages += 1
            report.damaged_bytes += item.length
            self._say(damage_text(report.file, item), DAMAGED)
        elif isinstance(item, Foreign):
            report.foreign[item.what] += 1
        else:
            self._say(f"{report.file}: {item.text}")

    def _summary(self, report: FileReport) -> None:
        for line in report.lines(self._statistics):
            self._say(line)

    def _say(self, message: str, exit_code: int = 0) -> None:
        """The points are worth more than the messages: these may fail and those go on."""
        said = say(message)
        self.exit_code = max(self.exit_code, exit_code if said else OUTPUT_FAILED)


def _opened(file: str) -> Iterator[Item]:
    if file != "-":
        return open_capture(file)
    if sys.stdin is None:
        raise CaptureError("standard input: it is closed")
    return read(sys.stdin.buffer, "standard input")
