"""One run over captures: frames go to a consumer, all else to standard error; one exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import sleep
from typing import Protocol, TypeAlias
from uuid import UUID

from otel_etw.captures import CaptureError, Damage, Foreign, Frame, Item, Notice, batches, read
from otel_etw.captures import follow as follow_capture
from otel_etw.captures import open as open_capture
from otel_etw.captures.batching import ROWS
from otel_etw.captures.recognition import RecognisingReader
from otel_etw.cli.choice_options import ChosenPoints
from otel_etw.cli.file_report import FileReport, damage_text
from otel_etw.cli.newest import NewestOutput
from otel_etw.cli.outputs import Output
from otel_etw.cli.reading_progress import ReadingProgress
from otel_etw.cli.streams import OUTPUT_FAILED, say

__all__ = [
    "DAMAGED",
    "UNREADABLE",
    "CaptureRun",
    "Consumer",
    "PointConsumer",
    "Remark",
    "new_reader",
    "opened",
]

DAMAGED = 1
UNREADABLE = 2

# Seconds between two looks at a file that is followed.
_PAUSE = 0.5

Remark: TypeAlias = Damage | Foreign | Notice | None
"""What a capture holds besides frames; None: that is all for now."""


class Consumer(Protocol):
    """What is done with the frames of files."""

    def take(self, items: Iterable[Item | None], report: FileReport) -> Iterator[Remark]:
        """Take the frames among the items of the report's file, and count its points there. Gives
        what is none, and what is wrong with frames."""
        ...

    def settle(self) -> None:
        """Nothing more comes of this file, or nothing for a while."""

    def finish(self) -> None:
        """Nothing more comes at all."""


class PointConsumer:
    """Decodes frames, and hands the chosen points to an output in batches of up to ``rows``."""

    def __init__(self, choice: ChosenPoints, output: Output, rows: int = ROWS) -> None:
        self._choose = choice.selector()
        self._output = NewestOutput(output) if choice.last else output
        self._rows = rows

    def take(self, items: Iterable[Item | None], report: FileReport) -> Iterator[Remark]:
        for item in batches(items, report.file, rows=self._rows):
            if item is None or isinstance(item, Damage | Foreign | Notice):
                yield item
                continue
            chosen = self._choose(item)
            report.points += len(item)
            report.matching += len(chosen)
            if len(chosen):
                self._output.batch(chosen)
            # Two batches would be in memory while the next one is decoded.
            del item, chosen

    def settle(self) -> None:
        self._output.settle()

    def finish(self) -> None:
        self._output.finish()


class CaptureRun:
    """Reads files for a consumer; ``exit_code`` is the worst of what happened."""

    def __init__(
        self,
        consumer: Consumer,
        provider: UUID,
        statistics: bool,
        progress: ReadingProgress | None = None,
    ) -> None:
        self._consumer = consumer
        self._provider = provider
        self._statistics = statistics
        self._progress = progress
        self.exit_code = 0
        self.unreadable = 0
        """How many files could not be opened, or not be read to their end."""
        self.points = 0
        self.matching = 0
        """Points of all files, and how many of them were chosen."""

    def read(self, files: Sequence[str]) -> None:
        """Every file to its end; one that cannot be read does not keep the others from it."""
        try:
            for file in files:
                self._read(file)
        finally:
            if self._progress:
                self._progress.erase()
        self._consumer.finish()

    def _read(self, file: str) -> None:
        report = FileReport(file)
        try:
            tell = self._progress.read if self._progress else None
            items = _counted(opened(file, new_reader(self._provider, tell)), report)
            for remark in self._consumer.take(items, report):
                self._remark(remark, report)
        except CaptureError as error:
            self.unreadable += 1
            self._consumer.settle()
            self._say(str(error), UNREADABLE)
        else:
            if not (report.frames or report.damages or report.foreign):
                self._say(f"{file}: no metrics are in it; otel-etw info says what is")
        self._consumer.settle()
        self._summary(report)

    def follow(self, files: Sequence[str]) -> None:
        """All files in turn, without end: until `KeyboardInterrupt`, or none can be read."""
        reports = {file: FileReport(file) for file in files}
        followed = {
            file: self._consumer.take(
                _counted(follow_capture(file, self._provider), report), report
            )
            for file, report in reports.items()
        }
        try:
            while followed:
                for file, remarks in list(followed.items()):
                    try:
                        for remark in remarks:
                            if remark is None:  # that is all for now
                                break
                            self._remark(remark, reports[file])
                    except CaptureError as error:
                        self.unreadable += 1
                        self._say(str(error), UNREADABLE)
                        del followed[file]
                    self._consumer.settle()
                sys.stdout.flush()
                if followed:
                    sleep(_PAUSE)
        finally:
            for report in reports.values():
                self._summary(report)

    def _remark(self, remark: Remark, report: FileReport) -> None:
        if isinstance(remark, Damage):
            report.damages += 1
            report.damaged_bytes += remark.length
            self._say(damage_text(report.file, remark), DAMAGED)
        elif isinstance(remark, Foreign):
            report.foreign[remark.what, remark.unit] += 1
        elif isinstance(remark, Notice):
            self._say(f"{report.file}: {remark.text}")

    def _summary(self, report: FileReport) -> None:
        self.points += report.points
        self.matching += report.matching
        for line in report.lines(self._statistics):
            self._say(line)

    def _say(self, message: str, exit_code: int = 0) -> None:
        """The points are worth more than the messages: these may fail and those go on."""
        if self._progress:
            self._progress.erase()
        said = say(message)
        self.exit_code = max(self.exit_code, exit_code if said else OUTPUT_FAILED)


def opened(file: str, reader: RecognisingReader) -> Iterator[Item]:
    """What a file holds, ``-`` for standard input, read by a reader. `CaptureError` where it cannot
    be opened."""
    if file != "-":
        return open_capture(file, reader=reader)
    if sys.stdin is None:
        raise CaptureError("standard input: it is closed")
    return read(sys.stdin.buffer, "standard input", reader=reader)


def new_reader(provider: UUID, tell: Callable[[int], None] | None) -> RecognisingReader:
    """A reader of one file. ``tell`` is told how many bytes more it was given."""
    return _WatchedReader(provider, tell) if tell else RecognisingReader(provider)


class _WatchedReader(RecognisingReader):
    """Tells how many bytes of a file it was given."""

    def __init__(self, provider: UUID, tell: Callable[[int], None]) -> None:
        super().__init__(provider)
        self._tell = tell

    def feed(self, data: bytes) -> Iterator[Item]:
        self._tell(len(data))
        return super().feed(data)


def _counted(items: Iterable[Item | None], report: FileReport) -> Iterator[Item | None]:
    for item in items:
        report.frames += isinstance(item, Frame)
        yield item
