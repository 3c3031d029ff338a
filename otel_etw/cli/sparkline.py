"""How a series went over a capture, one character a time slot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["sparkline"]


def sparkline(slots: Sequence[float | None], levels: str, is_level: bool) -> str:
    """Slots as characters of ``levels``, from the lowest to the highest; a space where there is
    nothing.

    ``is_level``: the values are levels, of which the least is the lowest character; others are what
    came together since the one before, and their lowest is 0.
    """
    slots = _without_gaps(slots, is_level)
    known = [value for value in slots if value is not None and math.isfinite(value)]
    if not known:
        return " " * len(slots)
    low, high = min(known), max(known)
    if not is_level:
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


def _without_gaps(slots: Sequence[float | None], is_level: bool) -> Sequence[float | None]:
    """Slots in which those between two points are filled, unless points are missing there.

    A level holds until the next one; other values came together since the one before.
    """
    known = [index for index, value in enumerate(slots) if value is not None]
    distances = sorted(after - before for before, after in pairwise(known))
    if not distances:
        return slots
    # Points of one interval lie in slots that are one more or less apart.
    usual = distances[len(distances) // 2] + 1
    filled = list(slots)
    for before, after in pairwise(known):
        if after - before <= usual:
            value = slots[before if is_level else after]
            filled[before + 1 : after] = [value] * (after - before - 1)
    return filled
