"""OTLP JSON Lines: ours, the Collector's ``format: json``, the official Python file exporter's.

An object may also be spread over lines, as examples are published and ``jq`` prints; its first
line begins with ``{`` in the first column and no other of its lines does.

An intact object is found whatever stands before it on its line: a torn one that a crash left, NUL
bytes, other objects. After `_ATTEMPTS` broken beginnings on one line, or when the line was looked
at `_TIMES` times, only the last is tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from otel_etw.captures.items import Damage, Foreign, Frame, Item
from otel_etw.captures.json_requests import (
    METRICS_KEYS,
    NoObject,
    check_values,
    object_from,
    request_from,
    size,
    text_from,
)
from otel_etw.captures.spread_object import SpreadObject
from otel_etw.limits import LINE_MAXIMUM

__all__ = ["LineReader"]

_ATTEMPTS = 32
_TIMES = 4
_ALLOWANCE = 1 << 20
_BLANK = re.compile(r"[ \t\r\n]*")
_NULS = re.compile("\0+")
_BEGINNING = re.compile(r'\{\s*"resource_?[A-Za-z]+"\s*:')
_BOM = "\ufeff"

_FOREIGN = {
    "resourceSpans": "spans",
    "resource_spans": "spans",
    "resourceLogs": "log records",
    "resource_logs": "log records",
    "resourceProfiles": "profiles",
    "resource_profiles": "profiles",
}
# What writers put before the first line to tell files apart.
_LABELS = {"file", "created"}


class LineReader:
    """Reads one file of lines; see `otel_etw.captures.items.Reader`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._base = 0  # where the buffer begins in the file
        self._searched = 0  # bytes of the buffer that have no newline
        self._overlong = 0  # bytes dropped of a line that is too long
        self._spread = SpreadObject()
        self._damage: Damage | None = None  # not given yet, as it may go on

    def feed(self, data: bytes) -> Iterator[Item]:
        self._buffer += data
        while (newline := self._buffer.find(b"\n", self._searched)) >= 0:
            yield from self._take(newline + 1)
        self._searched = len(self._buffer)
        if self._searched > LINE_MAXIMUM:
            self._overlong += self._searched
            self._drop(self._searched)

    def settle(self) -> Iterator[Item]:
        yield from self._end_of_damage()

    def finish(self) -> Iterator[Item]:
        if self._buffer or self._overlong:
            yield from self._take(len(self._buffer))
        yield from self._end_of_spread()
        yield from self._end_of_damage()

    def _drop(self, count: int) -> bytes:
        dropped = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._base += count
        self._searched = 0
        return dropped

    def _take(self, count: int) -> Iterator[Item]:
        offset = self._base
        line = self._drop(count)
        if self._overlong or count > LINE_MAXIMUM:
            yield from self._end_of_spread()
            length = self._overlong + count
            reason = f"a line of {length:,} bytes; lines of up to {LINE_MAXIMUM:,} are read"
            yield from self._merged(iter([Damage(self._base - length, length, reason)]))
            self._overlong = 0
            return
        if not self._spread.takes(line, offset):
            yield from self._end_of_spread()
            if not self._spread.takes(line, offset):
                yield from self._merged(_line(text_from(line), offset))
        elif self._spread.is_whole:
            yield from self._end_of_spread()

    def _end_of_spread(self) -> Iterator[Item]:
        lines, offset = self._spread.give()
        if lines:
            yield from self._merged(_line(text_from(lines), offset))

    def _merged(self, items: Iterator[Item]) -> Iterator[Item]:
        """Damage with nothing between becomes one: a file of other JSON would give one a line."""
        for item in items:
            if not isinstance(item, Damage):
                yield from self._end_of_damage()
                yield item
            elif before := self._damage:
                length = item.offset + item.length - before.offset
                self._damage = Damage(before.offset, length, before.reason)
            else:
                self._damage = item

    def _end_of_damage(self) -> Iterator[Item]:
        if self._damage:
            yield self._damage
            self._damage = None


def _line(line: str, offset: int) -> Iterator[Item]:
    """What a line holds; ``offset`` is that of its first byte."""
    at = len(_BOM) if offset == 0 and line.startswith(_BOM) else 0
    offset += size(line[:at])
    attempts = 0
    looked_at = 0
    is_checked = False
    while True:
        blank = _after(_BLANK, line, at)
        offset += blank - at
        at = blank
        if at == len(line):
            return
        if not is_checked:
            # Again behind damage: a quote in it would let lists pass for text.
            try:
                looked_at += check_values(line[at:])
            except ValueError as error:
                yield Damage(offset, size(line[at:]), f"no OTLP JSON metrics: {error}")
                return
            is_checked = True
        nuls = _after(_NULS, line, at)
        if nuls > at:
            end = nuls
            yield Damage(offset, end - at, "NUL bytes: a block that was never written")
        else:
            try:
                content, end = object_from(line, at)
            except NoObject as error:
                attempts += 1
                is_checked = False
                looked_at += error.looked_at
                last = attempts >= _ATTEMPTS or looked_at > _TIMES * len(line) + _ALLOWANCE
                end = _next_beginning(line, at + 1, last)
                torn = end == len(line) and not line.endswith("\n")
                reason = "a torn last line" if torn else f"no OTLP JSON: {error}"
                yield Damage(offset, size(line[at:end]), reason)
            else:
                # The newline belongs to the last object.
                blank = _after(_BLANK, line, end)
                end = blank if blank == len(line) else end
                yield from _object(content, offset, size(line[at:end]))
        offset += size(line[at:end])
        at = end


def _after(pattern: re.Pattern[str], line: str, at: int) -> int:
    match = pattern.match(line, at)
    return match.end() if match else at


def _next_beginning(line: str, start: int, last: bool) -> int:
    """Where the next object of a line may begin, or the line ends."""
    found = len(line)
    for match in _BEGINNING.finditer(line, start):
        found = match.start()
        if not last:
            break
    return found


def _object(content: dict[str, Any], offset: int, length: int) -> Iterator[Item]:
    if any(key in content for key in METRICS_KEYS):
        try:
            yield Frame(offset, length, request_from(content).SerializeToString(), checked=True)
        except ValueError as error:
            yield Damage(offset, length, f"no OTLP JSON metrics: {error}")
        return
    for key, what in _FOREIGN.items():
        if key in content:
            yield Foreign(offset, length, what, "line")
            return
    if not content.keys() <= _LABELS:
        yield Foreign(offset, length, "objects without resourceMetrics", "line")
