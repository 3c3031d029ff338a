"""How a series went over a capture, one character a time slot."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["sparkline"]


def sparkline(slots: Sequence[float | None], levels: str, from_zero: bool) -> str:
    """Slots as characters of ``levels``, from the lowest to the highest; a space where there is
    nothing. The lowest stands for the least value, or for 0 if so asked."""
    known = [value for value in slots if value is not None and math.isfinite(value)]
    if not known:
        return " " * len(slots)
    low, high = min(known), max(known)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    # Halves, as a difference of two doubles may be too large for one.
    span = high / 2 - low / 2
    top = len(levels) - 1

    def drawn(value: float | None) -> str:
        if value is None or value != value:
            return " "
        if not span or not math.isfinite(value):
            return levels[top if value > high else 0]
        return levels[min(int((value / 2 - low / 2) / span * (top + 1)), top)]

    return "".join(map(drawn, slots))
