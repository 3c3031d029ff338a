"""Numbers in units a person reads: bytes as KiB, durations as ms, thousands as k.

Units are OTLP's, mostly UCUM (https://ucum.org/ucum): ``By``, ``s``, ``{request}``, ``By/s``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Quantity", "duration", "number", "quantity_of"]

_DECIMAL = ("", "k", "M", "G", "T", "P")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SECONDS = ("ns", "us", "ms", "s")
# What one is, in the unit that is shown.
_BYTES = {
    "By": 1,
    "bytes": 1,
    **{f"{prefix}By": 1000**power for power, prefix in enumerate("kMGT", 1)},
    **{f"{prefix}iBy": 1024**power for power, prefix in enumerate("KMGT", 1)},
}
_DURATIONS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86_400}
# Units that take a prefix of thousands.
_PREFIXED = {"bit": "bit", "Hz": "Hz", "W": "W", "J": "J", "V": "V", "A": "A"}
_OTHERS = {"%": "%", "Cel": "°C"}


class Quantity(NamedTuple):
    """How the values of a metric are written."""

    value: Callable[[float], str]
    rate: Callable[[float], str]
    """So much a second."""

    def change(self, value: float) -> str:
        """With its sign."""
        return self.value(value) if value < 0 or value != value else f"+{self.value(value)}"


@lru_cache(256)
def quantity_of(unit: str) -> Quantity:
    """How values of a unit are written; of one that is not known, the numbers alone."""
    plain, slash, second = unit.rpartition("/")
    if slash and second == "s":
        each = _values(plain)
        return Quantity(lambda value: f"{each(value)}/s", lambda value: f"{each(value)}/s/s")
    value, rated = _values(unit), _values(unit, as_rate=True)
    return Quantity(value, lambda rate: f"{rated(rate)}/s")


def _values(unit: str, as_rate: bool = False) -> Callable[[float], str]:
    if factor := _BYTES.get(unit):
        return lambda value: _scaled(value * factor, 1024, _BINARY)
    if seconds := _DURATIONS.get(unit):
        if as_rate:
            return lambda value: _seconds(value * seconds)
        return lambda value: duration(value * seconds)
    if name := _PREFIXED.get(unit):
        prefixes = [f"{prefix}{name}" for prefix in _DECIMAL]
        return lambda value: _scaled(value, 1000, prefixes)
    if name := _OTHERS.get(unit):
        return lambda value: f"{number(value)} {name}"
    # Such as {request} and packets: the metric's line says what is counted.
    return number


def number(value: float) -> str:
    """Whole numbers in full up to a million, others with three or four significant digits."""
    if not math.isfinite(value):
        return _not_finite(value)
    size = abs(value)
    if size >= 999_999.5:
        return _scaled(value, 1000, _DECIMAL, "") if size < 1e17 else f"{float(value):.3g}"
    if value == int(value):
        return f"{int(value):,}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if size >= 0.001 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """``3.2 ms``, ``12.5 s``, ``2m 03s``, ``3h 25m``, ``4d 02h``."""
    if not math.isfinite(seconds) or abs(seconds) < 59.95:
        return _seconds(seconds)
    sign, whole = "-" if seconds < 0 else "", round(abs(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{sign}{number(days)}d {hour:02}h"
    return f"{sign}{hours}h {minute:02}m" if hours else f"{sign}{minutes}m {second:02}s"


def _seconds(value: float) -> str:
    if not math.isfinite(value):
        return _not_finite(value)
    size = abs(value)
    if size >= 0.9995:
        return f"{_digits(value) if size < 1000 else number(value)} s"
    if size < 1e-12:
        return f"{value:.3g} s"
    return _scaled(value * 1e9, 1000, _SECONDS)


def _scaled(value: float, step: int, names: Sequence[str], gap: str = " ") -> str:
    if not math.isfinite(value):
        return _not_finite(value)
    last = len(names) - 1
    power = 0
    while power < last and abs(value) >= step - 0.5:
        value /= step
        power += 1
    if abs(value) >= 1e6:
        return f"{float(value):.3g}{gap}{names[power]}"
    return f"{_digits(value)}{gap}{names[power]}"


def _digits(value: float) -> str:
    """Three significant digits, without zeros at the end of a fraction."""
    size = abs(value)
    if size >= 99.95 or value == int(value):
        return f"{value:,.0f}"
    if size < 0.01:
        return f"{value:.3g}"
    text = f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
