"""Times of a session's clock → UTC.

The rule is Microsoft's (WNODE_HEADER, "Remarks"): FILETIME = StartTime + (time - time of the header
record) * 10,000,000 / frequency. BootTime of the header is for the Global Logger alone: from it,
times of real files are wrong by up to minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Clock", "ns_from_filetime"]

# FILETIME counts 100 ns since 1601.
_EPOCH = 116_444_736_000_000_000
_NS = 1_000_000_000


def ns_from_filetime(filetime: int) -> int:
    """ns since 1970."""
    return (filetime - _EPOCH) * 100


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a session's clock stood at its start, and how fast it goes."""

    start: int
    """ns since 1970, UTC."""
    reference: int
    """What the clock said then: the time of the header record."""
    ticks_per_second: int

    def ns(self, time: int) -> int | None:
        """A record's time as ns since 1970, rounded down; None where 64 bits cannot hold it."""
        ns = self.start + (time - self.reference) * _NS // self.ticks_per_second
        return ns if -(1 << 63) <= ns < 1 << 63 else None
