"""Times that are asked for: ISO 8601, or how long ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from time import time_ns as _time_ns

import click

__all__ = ["instant"]

_AGO = re.compile(r"-?(\d+(?:\.\d+)?)(s|m|h|d)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?)? ?(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def instant(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """What was asked for as nanoseconds since 1970; an option's callback."""
    if text is None:
        return None
    try:
        if ago := _AGO.fullmatch(text.strip()):
            # Not as floats, which end at 309 digits.
            return _time_ns() - int(Fraction(ago[1]) * _SECONDS[ago[2]] * 1_000_000_000)
        return _nanoseconds(text.strip())
    except ValueError:
        raise click.BadParameter(
            f"{_short(text)!r} is no time: write it in ISO 8601 (2026-11-23T08:15:00Z; UTC when it "
            "names no zone), or as how long ago (-90s, -5m, -2h, -1d)"
        ) from None


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"


def _nanoseconds(text: str) -> int:
    parts = _ISO.fullmatch(text)
    if not parts:
        raise ValueError(text)
    date, minutes, seconds, fraction, zone = parts.groups()
    zone = "+00:00" if zone in (None, "Z") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    moment = datetime.fromisoformat(f"{date}T{minutes or '00:00'}{seconds or ':00'}{zone}")
    whole = (moment - _EPOCH) // timedelta(seconds=1)
    return whole * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
