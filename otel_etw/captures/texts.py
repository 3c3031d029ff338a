"""Values as text that acts on neither a terminal nor a parser: escapes, JSON, times."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from typing import Any

__all__ = [
    "FORMULA",
    "QUANTILES",
    "csv_text",
    "escaped_json",
    "json_text",
    "json_value",
    "printable",
    "sorted_keys",
    "time_text",
]

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""The quantiles that are estimated of histograms, by their names in every output."""

FORMULA = ("=", "+", "-", "@")
"""What a cell begins with that a spreadsheet takes for a formula."""


def printable(text: str) -> str:
    """Text without anything that a terminal acts on or that looks like nothing: control and
    format characters stand as their escapes."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )


def csv_text(text: str) -> str:
    """The content of a CSV cell that holds this text: `printable`, and with an apostrophe before
    what a spreadsheet would take for a formula."""
    text = printable(text)
    return f"'{text}" if text.startswith(FORMULA) and len(text) > 1 else text


def json_value(value: Any) -> Any:
    """A value as JSON can hold it, without loss: what is not finite becomes ``"NaN"``,
    ``"Infinity"`` or ``"-Infinity"``, bytes ``{"base64": …}``; what a point does not have goes."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: json_value(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(member) for member in value]
    if is_dataclass(value):
        members = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: json_value(member) for name, member in members if member is not None}
    return value


def sorted_keys(value: Any) -> Any:
    """A value of an attribute, the keys of all its objects in the order of their code points."""
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sorted_keys(member) for member in value]
    return value


def json_text(value: Any, ascii_only: bool = False) -> str:
    """A value as one line of JSON, in which nothing but what is `printable` stands unescaped."""
    return escaped_json(
        json.dumps(json_value(value), ensure_ascii=False, allow_nan=False), ascii_only
    )


def escaped_json(text: str, ascii_only: bool = False) -> str:
    """JSON in which what is not `printable`, or not ASCII if so asked, stands as ``\\uXXXX``."""
    if text.isprintable() and (text.isascii() or not ascii_only):
        return text
    return "".join(
        character
        if character.isprintable() and (character.isascii() or not ascii_only)
        else json.dumps(character)[1:-1]
        for character in text
    )


def time_text(nanoseconds: int) -> str:
    """UTC in ISO 8601 to the nanosecond; empty for 0, which says that it is not known."""
    if not nanoseconds:
        return ""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
