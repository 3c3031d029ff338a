"""OTLP JSON as the Collector reads it: one object to a request.

Taken beside the letter of the specification: integers as strings or numbers, enums as numbers or
full names, camelCase and snake_case keys, unknown keys, ids in hex of either case, text that is
no UTF-8 (U+FFFD stands for it).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from otel_etw.captures.requests import ExportMetricsServiceRequest

__all__ = [
    "METRICS_KEYS",
    "Brackets",
    "NoObject",
    "brackets",
    "check_values",
    "object_from",
    "request_from",
    "size",
    "text_from",
]

METRICS_KEYS = ("resourceMetrics", "resource_metrics")

_SURROGATE = re.compile("[\ud800-\udfff]")
_MAYBE_SURROGATE = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]")
_ID_KEYS = ("traceId", "trace_id", "spanId", "span_id")
# Of a text without escapes. It matches at every quote, so that looking for strings is linear.
_STRING = re.compile('"[^"]*"?')

# No number of OTLP is near as long; Python takes quadratic time for it.
_DIGITS = 400

# Characters that may be looked at, about, before Python finds nesting too deep.
_RECURSION = 10_000

# Lists and objects take some 200 bytes each. Those of OTLP have 16 bytes of text and more.
_VALUES_ALLOWANCE = 100_000
_TEXT_PER_VALUE = 16

# "Failed to parse X field: " for each level, and where it was once more.
_WRAPPING = re.compile(r"Failed to parse (\w+) field: ")
_LOCATION = re.compile(r' at "?ExportMetricsServiceRequest[\w.\[\]]*"?')
_CAUSE = 300


def _integer(digits: str) -> int | float:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    # The Collector writes the double -0.0 so.
    return -0.0 if digits == "-0" else int(digits)


_scanner = json.JSONDecoder(parse_int=_integer)


class NoObject(ValueError):
    """No JSON object stands where one was looked for."""

    def __init__(self, reason: str, looked_at: int) -> None:
        super().__init__(reason)
        self.looked_at = looked_at
        """How many characters were looked at to tell."""


def text_from(data: bytes) -> str:
    """Bytes of JSON as text that `size` can measure again: what is no UTF-8 becomes surrogates."""
    return data.decode("utf-8", "surrogateescape")


def size(text: str) -> int:
    """How many bytes a text of `text_from` was made of."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


class Brackets(NamedTuple):
    """The lists and objects that a piece of JSON opens and closes."""

    opened: int
    closed: int
    torn: bool
    """Whether a string in it has no end."""


def brackets(text: str) -> Brackets:
    """The brackets of a piece of JSON that stand in none of its strings.

    A string without an end goes on to the end of the text.
    """
    # Once the escaped backslashes are gone, a backslash before a quote escapes it.
    text = text.replace("\\\\", "").replace('\\"', "")
    opened, closed = _count(text, "[{"), _count(text, "]}")
    for match in _STRING.finditer(text):
        string = match[0]
        opened -= _count(string, "[{")
        closed -= _count(string, "]}")
    return Brackets(opened, closed, text.count('"') % 2 == 1)


def _count(text: str, characters: str) -> int:
    return sum(map(text.count, characters))


def check_values(text: str) -> int:
    """ValueError when a text holds more lists and objects than metrics of its size have: they
    would take fifty times the memory of the text.

    Returns how many characters were searched for strings to tell.
    """
    most = _VALUES_ALLOWANCE + len(text) // _TEXT_PER_VALUE
    if _count(text, "[{") <= most:
        return 0
    values = brackets(text).opened
    if values > most:
        raise ValueError(f"{values:,} lists and objects in {len(text):,} characters")
    return len(text)


def object_from(text: str, start: int = 0) -> tuple[dict[str, Any], int]:
    """The JSON object at ``start`` and where it ends; `NoObject` when there is none."""
    if not text.startswith("{", start):
        raise NoObject("no object begins here", 1)
    try:
        content, end = _scanner.raw_decode(text, start)
        # Protobuf has no place for them; in a key they are a SystemError.
        if _MAYBE_SURROGATE.search(text, start, end):
            content = {_unicode(key): _unicode(value) for key, value in content.items()}
    except json.JSONDecodeError as error:
        raise NoObject(error.msg, error.pos - start) from error
    except RecursionError:
        raise NoObject("it is nested too deeply", _RECURSION) from None
    except ValueError as error:  # of `_integer`, anywhere in it
        raise NoObject(str(error), len(text) - start) from error
    return content, end


def request_from(content: dict[str, Any]) -> ExportMetricsServiceRequest:
    """The request that an object with one of `METRICS_KEYS` describes; ValueError says why not.

    Changes ``content``.
    """
    # Imported here: it takes longer than all else, and only JSON needs it.
    from google.protobuf.json_format import ParseDict, ParseError

    from otel_etw.captures.requests import ExportMetricsServiceRequest

    for resource_metrics in _members(content, *METRICS_KEYS):
        for scope_metrics in _members(resource_metrics, "scopeMetrics", "scope_metrics"):
            for metric in _members(scope_metrics, "metrics"):
                for data in metric.values():
                    for point in _members(data, "dataPoints", "data_points"):
                        for exemplar in _members(point, "exemplars"):
                            _from_hex(exemplar)
    try:
        return ParseDict(content, ExportMetricsServiceRequest(), ignore_unknown_fields=True)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ParseError as error:
        raise ValueError(_cause(error)) from error
    # Values that the parser did not expect, such as 1e400 for an enum: OverflowError, TypeError,
    # AttributeError, SystemError. They cost their object alone.
    except Exception as error:
        raise ValueError(f"a value that protobuf cannot hold ({error})") from error


def _cause(error: Exception) -> str:
    """``resourceMetrics.scopeMetrics.metrics.dataPoints.asInt: invalid literal …``."""
    text = str(error)
    path = _WRAPPING.findall(text)
    cause = _LOCATION.sub("", _WRAPPING.sub("", text)).rstrip(".")
    # The value is a part of the text, and whatever it holds must not make the sentence long.
    where = f"{'.'.join(path)[:_CAUSE]}: " if path else ""
    return where + (f"{cause[:_CAUSE]}…" if len(cause) > _CAUSE else cause)


def _members(parent: object, *keys: str) -> list[dict[str, Any]]:
    """The objects in a list; what has another shape is the parser's to refuse."""
    if not isinstance(parent, dict):
        return []
    return [
        member
        for key in keys
        if isinstance(parent.get(key), list)
        for member in parent[key]
        if isinstance(member, dict)
    ]


def _from_hex(exemplar: dict[str, Any]) -> None:
    """OTLP has ids in hex, where protobuf's own JSON has base64."""
    for key in _ID_KEYS:
        text = exemplar.get(key)
        if isinstance(text, str):
            try:
                exemplar[key] = b64encode(bytes.fromhex(text)).decode()
            except ValueError:
                raise ValueError(f"{key} {text[:40]!r} is not hexadecimal") from None


def _unicode(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_unicode(member) for member in value]
    if isinstance(value, dict):
        return {_unicode(key): _unicode(member) for key, member in value.items()}
    return value
