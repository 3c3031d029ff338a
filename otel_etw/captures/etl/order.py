"""Events into the order of their times.

A session fills one buffer for each processor and writes each when it is full, so that events of one
processor come in order in a file and those of several do not; in a circular file that has wrapped
the newest stand before the oldest. So events are held back until the file ends, and the times of
all that a file holds are in order as long as the limits below are not reached. Beyond them the
earlier half of what is held goes on its way: then an event is out of order only if it stands that
far behind later ones in the file, which is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from otel_etw.captures.items import Event, Frame

__all__ = ["MOST_BYTES", "MOST_EVENTS", "HeldFrame", "TimeOrder"]

MOST_BYTES = 64 << 20
"""Bytes of payload that are held back."""

MOST_EVENTS = 250_000
"""Events that are held back. One takes some 400 bytes beside its payload."""

# A tuple of numbers and bytes rather than objects: the garbage collector need not look at those.
HeldFrame: TypeAlias = tuple[int, int, int, int, int, int, bytes, "int | None", int, int, int]
"""What frames are ordered by, and what they are made of.

The order: the event's time in ns since 1970, or of the event before it in the file where its own is
not known; the number of its buffer, which tells what came first at the same time; the offset of
that buffer; its position in it.

The frame: its offset, its length, its payload; its time or None, its process, thread and processor.
"""

_PAYLOAD: Final = 6


class TimeOrder:
    """Holds frames back and gives them in order."""

    def __init__(self) -> None:
        self._held: list[HeldFrame] = []
        self._size = 0
        self._given: int | None = None  # the time of the latest frame that was given too early
        self.is_disordered = False
        """Whether a frame came after a later one was given already."""

    def add(self, frames: list[HeldFrame]) -> None:
        """Frames of one buffer."""
        self._held += frames
        self._size += sum([len(held[_PAYLOAD]) for held in frames])
        if self._given is not None and min(frames)[0] < self._given:
            self.is_disordered = True

    def ready(self) -> Iterator[Frame]:
        """The earlier half of the frames when too many are held."""
        if self._size <= MOST_BYTES and len(self._held) <= MOST_EVENTS:
            return
        self._held.sort()
        half = self._size // 2
        count = 0
        while self._size > half or 2 * count < len(self._held):
            self._size -= len(self._held[count][_PAYLOAD])
            count += 1
        given, self._held = self._held[:count], self._held[count:]
        self._given = given[-1][0]
        yield from _frames(given)

    def all(self) -> Iterator[Frame]:
        """Every frame that is held."""
        self._held.sort()
        given, self._held = self._held, []
        self._size = 0
        self._given = None
        yield from _frames(given)


def _frames(held: list[HeldFrame]) -> Iterator[Frame]:
    for _, _, _, _, offset, length, payload, time, process, thread, processor in held:
        event = None if time is None else Event(time, process, thread, processor)
        yield Frame(offset, length, payload, event, True)
