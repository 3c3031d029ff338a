"""Points as text: for the eye, where nothing may act on the terminal, and as JSON."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TextIO

from otel_etw.captures import Point
from otel_etw.captures.points import NO_RECORDED_VALUE, Attributes, Value
from otel_etw.captures.texts import QUANTILES, json_text, json_value, printable, time_text

__all__ = [
    "QUANTILES",
    "attributes_text",
    "counted",
    "instant_text",
    "json_text",
    "json_value",
    "kind_text",
    "must_be_ascii",
    "printable",
    "time_text",
    "value_text",
    "values_text",
]

# A string that needs no quotes and cannot be taken for a number, true, false or null.
_BARE = re.compile(r"(?!(true|false|null|NaN|-?Infinity)$)[^\W\d][^\s,=\"{}\[\]]*")


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def counted(count: int, what: str) -> str:
    """``1 point``, ``2,000 points``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def instant_text(nanoseconds: int) -> str:
    """A time as people read it: ``2026-11-25 10:00:00.123 UTC``."""
    try:
        moment = _EPOCH + timedelta(milliseconds=nanoseconds // 1_000_000)
    except OverflowError:
        return f"{nanoseconds:,} ns since 1970"
    return f"{moment.replace(tzinfo=None).isoformat(' ', 'milliseconds')} UTC"


def must_be_ascii(out: TextIO) -> bool:
    """Whether JSON must have its other characters as ``\\uXXXX``: what an encoding lacks would
    become an escape that is no JSON."""
    return (out.encoding or "").lower().replace("-", "") != "utf8"


def value_text(value: Value) -> str:
    """An attribute's value as ``--attribute KEY=VALUE`` compares it: strings as they are."""
    if isinstance(value, str):
        return value
    text = json_value(value)
    return text if isinstance(text, str) else json_text(value)


def attributes_text(attributes: Attributes) -> str:
    """``key=value, key=value``."""
    return printable(", ".join(f"{key}={_quoted(value)}" for key, value in attributes.items()))


def _quoted(value: Value) -> str:
    """A value; strings in quotes where they could be taken for something else."""
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) else json_text(value)
    return value_text(value)


def kind_text(point: Point) -> str:
    """``sum, delta, up-down``: the kind and what else says how to read the value."""
    up_down = "up-down" if point.monotonic is False else None
    words = (point.kind.replace("_", " "), point.temporality, up_down)
    return ", ".join(word for word in words if word)


def values_text(point: Point) -> str:
    """The number of a point; of a distribution its count, sum, bounds and estimated quantiles."""
    if point.flags & NO_RECORDED_VALUE:
        return "no value"
    if point.count is None:
        return "no value" if point.value is None else _number(point.value)
    known: dict[str, float | None] = {"count": point.count, "sum": point.sum}
    if point.min is not None and point.max is not None and point.min <= point.max:
        known |= {"min": point.min, "max": point.max}
    parts = [f"{name}={_number(value)}" for name, value in known.items() if value is not None]
    for name, q in QUANTILES.items():
        estimate = point.quantile(q)
        if estimate is not None:
            parts.append(f"{name}~{estimate:.4g}")
    parts += [f"q{q:g}={_number(value)}" for q, value in point.quantiles or ()]
    return " ".join(parts)


def _number(value: int | float) -> str:
    return str(json_value(value))
