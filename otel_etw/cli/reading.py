"""One run over captures: frames go to a consumer, all else to standard error; one exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from time import sleep
from typing import Any, Protocol

from otel_etw.captures import CaptureError, Damage, Foreign, Frame, Item, columns, read
from otel_etw.captures import follow as follow_capture
from otel_etw.captures import open as open_capture
from otel_etw.cli.file_report import FileReport, damage_text
from otel_etw.cli.outputs import Output
from otel_etw.cli.streams import OUTPUT_FAILED, say

__all__ = ["DAMAGED", "UNREADABLE", "CaptureRun", "Consumer", "PointConsumer"]

DAMAGED = 1
UNREADABLE = 2

# Seconds between two looks at a file that is followed.
_PAUSE = 0.5


class Consumer(Protocol):
    """What is done with the frames of files."""

    def frame(self, frame: Frame, report: FileReport) -> None:
        """Take a frame of the report's file, and count its points there; ValueError says why its
        payload cannot be decoded."""

    def settle(self, report: FileReport) -> None:
        """Nothing more comes of this file, or nothing for a while."""

    def finish(self) -> None:
        """Nothing more comes at all."""


class PointConsumer:
    """Decodes frames, and hands the chosen points to an output in batches."""

    def __init__(self, choose: Callable[[Any], Any], output: Output) -> None:
        self._choose = choose
        self._output = output
        self._decoder = columns.Decoder()
        self._file = ""

    def frame(self, frame: Frame, report: FileReport) -> None:
        if self._file != report.file:
            self._file = report.file
            self._decoder.file(report.file)
        is_full = self._decoder.add(frame.payload, frame.offset, frame.event, frame.checked)
        while is_full:
            self._take(report)
            is_full = self._decoder.resume()

    def settle(self, report: FileReport) -> None:
        self._take(report)
        self._output.settle()

    def finish(self) -> None:
        self._output.finish()

    def _take(self, report: FileReport) -> None:
        batch = self._decoder.take()
        if batch is None:
            return
        chosen = self._choose(batch)
        report.points += len(batch)
        report.matching += len(chosen)
        if len(chosen):
            self._output.batch(chosen)


class CaptureRun:
    """Reads files for a consumer; ``exit_code`` is the worst of what happened."""

    def __init__(self, consumer: Consumer, statistics: bool) -> None:
        self._consumer = consumer
        self._statistics = statistics
        self.exit_code = 0
        self.unreadable = 0
        """How many files could not be opened, or not be read to their end."""

    def read(self, files: Sequence[str]) -> None:
        """Every file to its end; one that cannot be read does not keep the others from it."""
        for file in files:
            report = FileReport(file)
            try:
                for item in _opened(file):
                    self._item(item, report)
            except CaptureError as error:
                self.unreadable += 1
                self._consumer.settle(report)
                self._say(str(error), UNREADABLE)
            self._consumer.settle(report)
            self._summary(report)
        self._consumer.finish()

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
                        self.unreadable += 1
                        self._say(str(error), UNREADABLE)
                        del followed[file]
                    self._consumer.settle(reports[file])
                sys.stdout.flush()
                if followed:
                    sleep(_PAUSE)
        finally:
            for report in reports.values():
                self._summary(report)

    def _item(self, item: Item, report: FileReport) -> None:
        if isinstance(item, Frame):
            try:
                self._consumer.frame(item, report)
            except ValueError as error:
                self._damage(Damage(item.offset, item.length, _undecodable(item, error)), report)
            else:
                report.frames += 1
        elif isinstance(item, Damage):
            self._damage(item, report)
        elif isinstance(item, Foreign):
            report.foreign[item.what] += 1

    def _damage(self, damage: Damage, report: FileReport) -> None:
        report.damages += 1
        report.damaged_bytes += damage.length
        self._say(damage_text(report.file, damage), DAMAGED)

    def _summary(self, report: FileReport) -> None:
        for line in report.lines(self._statistics):
            self._say(line)

    def _say(self, message: str, exit_code: int = 0) -> None:
        """The points are worth more than the messages: these may fail and those go on."""
        said = say(message)
        self.exit_code = max(self.exit_code, exit_code if said else OUTPUT_FAILED)


def _undecodable(frame: Frame, error: ValueError) -> str:
    event = f", in an event of process {frame.event.process}" if frame.event else ""
    return f"a frame of {len(frame.payload):,} bytes{event} that does not decode: {error}"


def _opened(file: str) -> Iterator[Item]:
    if file != "-":
        return open_capture(file)
    if sys.stdin is None:
        raise CaptureError("standard input: it is closed")
    return read(sys.stdin.buffer, "standard input")
