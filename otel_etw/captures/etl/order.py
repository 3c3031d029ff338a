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
from typing import NamedTuple

from otel_etw.captures.items import Event

__all__ = ["MOST_BYTES", "MOST_EVENTS", "HeldEvent", "TimeOrder"]

MOST_BYTES = 64 << 20
"""Bytes of payload that are held back."""

MOST_EVENTS = 250_000
"""Events that are held back. One takes some 300 bytes beside its payload."""


class HeldEvent(NamedTuple):
    """An event of ours that waits for its turn; they come in the order of their first fields."""

    order: int
    """ns since 1970, or of the event before it in the file where its own time is not known."""
    sequence: int
    """The number of its buffer, which tells what came first at the same time."""
    offset: int
    position: int
    """In its buffer."""
    length: int
    payload: bytes
    event: Event | None


class TimeOrder:
    """Holds events back and gives them in order."""

    def __init__(self) -> None:
        self._held: list[HeldEvent] = []
        self._size = 0
        self._given: int | None = None  # the time of the latest event that was given too early
        self.is_disordered = False
        """Whether an event came after a later one was given already."""

    def add(self, event: HeldEvent) -> None:
        self._held.append(event)
        self._size += len(event.payload)
        if self._given is not None and event.order < self._given:
            self.is_disordered = True

    def ready(self) -> Iterator[HeldEvent]:
        """The earlier half of the events when too many are held."""
        if self._size <= MOST_BYTES and len(self._held) <= MOST_EVENTS:
            return
        self._held.sort()
        half = self._size // 2
        count = 0
        while self._size > half or 2 * count < len(self._held):
            self._size -= len(self._held[count].payload)
            count += 1
        given, self._held = self._held[:count], self._held[count:]
        self._given = given[-1].order
        yield from given

    def all(self) -> Iterator[HeldEvent]:
        """Every event that is held."""
        self._held.sort()
        given, self._held = self._held, []
        self._size = 0
        self._given = None
        yield from given
