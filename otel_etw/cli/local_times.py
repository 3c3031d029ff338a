"""Times as a person reads them: local, or UTC."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache

__all__ = ["TimeFormat"]

_SECOND = 1_000_000_000


class TimeFormat:
    """Writes ns since 1970 in the local time zone, or in UTC."""

    def __init__(self, utc: bool) -> None:
        self._utc = utc
        self._at = lru_cache(1024)(self._split)

    def date(self, nanoseconds: int) -> str:
        """``2026-11-25``"""
        return self._at(nanoseconds // _SECOND)[0]

    def zone(self, nanoseconds: int) -> str:
        """``UTC``, or how far the local time is from it: ``+01:00``."""
        return self._at(nanoseconds // _SECOND)[2]

    def time(self, nanoseconds: int, digits: int = 0) -> str:
        """``10:13:17``, and so many digits of the fraction of the second; the rest is cut off."""
        seconds, rest = divmod(nanoseconds, _SECOND)
        time = self._at(seconds)[1]
        return f"{time}.{rest:09}"[: len(time) + 1 + digits] if digits else time

    def span(self, first: int, last: int, digits: int = 3) -> str:
        """``2026-11-25 10:13:17.250 to 10:13:25.000 +01:00``, with ``digits`` of a second's
        fraction; times that no calendar has as numbers."""
        try:
            begin, end = (f"{self.date(time)} {self.time(time, digits)}" for time in (first, last))
            first_zone, zone = self.zone(first), self.zone(last)
        except (ValueError, OverflowError, OSError):
            return f"{first:,} to {last:,} ns since 1970"
        if first == last:
            return f"{begin} {zone}"
        if first_zone != zone:
            begin += f" {first_zone}"
        if self.date(first) == self.date(last):
            end = self.time(last, digits)
        return f"{begin} to {end} {zone}"

    def _split(self, seconds: int) -> tuple[str, str, str]:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
        if self._utc:
            return f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}", "UTC"
        moment = moment.astimezone()
        zone = f"{moment:%z}"
        return f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}", f"{zone[:3]}:{zone[3:5]}"
