"""OTLP JSON as the Collector reads it: one object to a request.

Taken beside the letter of the specification: integers as strings or numbers, enums as numbers or
full names, camelCase and snake_case keys, unknown keys, ids in hex of either case, text that is
no UTF-8 (U+FFFD stands for it).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError

from otel_etw.captures.items import ExportMetricsServiceRequest

__all__ = ["METRICS_KEYS", "object_from", "request_from", "size", "text_from"]

METRICS_KEYS = ("resourceMetrics", "resource_metrics")

_SURROGATE = re.compile("[\ud800-\udfff]")
_MAYBE_SURROGATE = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]")
_ID_KEYS = ("traceId", "trace_id", "spanId", "span_id")


def _integer(digits: str) -> int | float:
    # The Collector writes the double -0.0 so.
    return -0.0 if digits == "-0" else int(digits)


_scanner = json.JSONDecoder(parse_int=_integer)


def text_from(data: bytes) -> str:
    """Bytes of JSON as text that `size` can measure again: what is no UTF-8 becomes surrogates."""
    return data.decode("utf-8", "surrogateescape")


def size(text: str) -> int:
    """How many bytes a text of `text_from` was made of."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def object_from(text: str, start: int = 0) -> tuple[dict[str, Any], int]:
    """The JSON object at ``start`` and where it ends; ValueError when there is none."""
    if not text.startswith("{", start):
        raise ValueError("no object begins here")
    try:
        content, end = _scanner.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ValueError(error.msg) from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # Protobuf has no place for them; in a key they are a SystemError.
    if _MAYBE_SURROGATE.search(text, start, end):
        content = {_unicode(key): _unicode(value) for key, value in content.items()}
    return content, end


def request_from(content: dict[str, Any]) -> ExportMetricsServiceRequest:
    """The request that an object with one of `METRICS_KEYS` describes; ValueError says why not.

    Changes ``content``.
    """
    for resource_metrics in _members(content, *METRICS_KEYS):
        for scope_metrics in _members(resource_metrics, "scopeMetrics", "scope_metrics"):
            for metric in _members(scope_metrics, "metrics"):
                for data in metric.values():
                    for point in _members(data, "dataPoints", "data_points"):
                        for exemplar in _members(point, "exemplars"):
                            _from_hex(exemplar)
    try:
        return ParseDict(content, ExportMetricsServiceRequest(), ignore_unknown_fields=True)
    except ParseError as error:
        raise ValueError(str(error)) from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _members(parent: object, *keys: str) -> list[dict[str, Any]]:
    """The objects in a list; what has another shape is left to the parser to complain about."""
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
