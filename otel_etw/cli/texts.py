"""Points as text for the eye, where nothing may act on the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_etw.captures.texts import json_text, printable

if TYPE_CHECKING:
    from otel_etw.captures.points import Attributes, Value

__all__ = [
    "attribute_texts",
    "counted",
    "kind_text",
    "printable",
]

# A string that needs no quotes and cannot be taken for a number, true, false or null.
_BARE = re.compile(
    r"(?!(?:true|false|null|NaN|-?Infinity|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$)[\w/][^\s,=\"]*"
)


def counted(count: int, what: str) -> str:
    """``1 point``, ``2,000 points``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def attribute_texts(attributes: Attributes) -> list[str]:
    """``key=value`` of each attribute."""
    return [f"{key}={_quoted(value)}" for key, value in attributes.items()]


def _quoted(value: Value) -> str:
    """A value; strings in quotes where they could be taken for something else."""
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) else json_text(value)
    return str(value) if type(value) is int else json_text(value)


def kind_text(kind: str, temporality: str | None, monotonic: bool | None) -> str:
    """``sum, delta, up-down``: the kind and what else says how to read the value."""
    up_down = "up-down" if monotonic is False else None
    return ", ".join(word for word in (kind.replace("_", " "), temporality, up_down) if word)
