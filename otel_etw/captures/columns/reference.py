"""Frames → batches through opentelemetry-proto and `otel_etw.captures.points`.

This is the reference implementation: it defines what is in the columns of `schema.py`, tests
compare the compiled decoder with it, and it is what runs where nothing is compiled. As an Arrow
array a batch of it needs the package arro3-core.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from otel_etw.captures.columns.arrow_types import arrow_batch
from otel_etw.captures.columns.schema import COLUMNS
from otel_etw.captures.columns.xxh64 import xxh64
from otel_etw.captures.items import Event
from otel_etw.captures.points import Attributes, Buckets, Exemplar, Point, Value, points
from otel_etw.captures.requests import parse_request

__all__ = ["Batch", "Decoder", "Row", "attributes_json", "row_values", "series_id"]

# What a row takes in memory as columns, about: without its lists, and each item of them.
_ROW_BYTES = 400
_ITEM_BYTES = 8
_EXEMPLAR_BYTES = 120
# Bytes of texts whose hashes are remembered.
_SHORT = 1024


class Row(NamedTuple):
    """One point, and where it was read."""

    file: str
    offset: int
    event: Event | None
    point: Point


def process_of(row: Row) -> int | None:
    """The process that wrote the event that the point was in."""
    return row.event.process if row.event else None


# Text --------------------------------------------------------------------------------------------


def attributes_json(attributes: Attributes) -> str:
    """Attributes as the JSON text of the columns: an object whose keys are sorted by code point.

    It is what `json.dumps` makes with ``ensure_ascii=False``. Integers, doubles (``1.0``) and
    booleans stay apart; NaN and infinities are the strings "NaN", "Infinity" and "-Infinity"; bytes
    are ``{"base64": "…"}``; no value is null, and so is an index into a table of strings, which
    only profiles have. Of a key that stands twice the last value counts.
    """
    return json.dumps(_json_value(attributes), ensure_ascii=False)


def _json_value(value: Value) -> Any:
    if isinstance(value, dict):
        return {key: _json_value(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_json_value(member) for member in value]
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode("ascii")}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def series_id(point: Point) -> int:
    """The number of the series that a point belongs to: unsigned, 64 bits.

    XXH64 (seed 0) over the concatenated little-endian XXH64 (seed 0) of the UTF-8 of: MetricName,
    MetricKind, MetricUnit, AggregationTemporality ("" for null), IsMonotonic ("" for null, "false",
    "true"), Attributes, ScopeName, ScopeVersion, ScopeAttributes, ScopeSchemaUrl,
    ResourceAttributes, ResourceSchemaUrl.
    """
    scope, resource = point.scope, point.resource
    texts = (
        point.metric,
        point.kind,
        point.unit,
        point.temporality or "",
        "" if point.monotonic is None else "true" if point.monotonic else "false",
        attributes_json(point.attributes),
        scope.name,
        scope.version,
        attributes_json(scope.attributes),
        scope.schema_url,
        attributes_json(resource.attributes),
        resource.schema_url,
    )
    return _short_hash(b"".join(_text_hash(text).to_bytes(8, "little") for text in texts))


def series_of(row: Row) -> tuple[int, int | None]:
    """What points have in common that are shown or kept as one series: `series_id` and, in ETW
    logs, the process, for several may have the same resource."""
    return series_id(row.point), process_of(row)


def _text_hash(text: str) -> int:
    data = text.encode()
    return _short_hash(data) if len(data) <= _SHORT else xxh64(data)


_short_hash = lru_cache(maxsize=4096)(xxh64)


# Values ------------------------------------------------------------------------------------------


def row_values(row: Row) -> dict[str, Any]:
    """What stands in each column: text, numbers, lists of them, and dicts for structs.

    Times are signed 64-bit integers as Arrow has them.
    """
    point, scope, resource, event = row.point, row.point.scope, row.point.resource, row.event
    service = resource.attributes.get("service.name")
    sides = (point.positive, point.negative)
    values: dict[str, Any] = {
        "MetricName": point.metric,
        "MetricKind": point.kind,
        "MetricUnit": point.unit,
        "MetricDescription": point.description,
        "MetricMetadata": attributes_json(point.metadata),
        "AggregationTemporality": point.temporality,
        "IsMonotonic": point.monotonic,
        "Attributes": attributes_json(point.attributes),
        "ScopeName": scope.name,
        "ScopeVersion": scope.version,
        "ScopeAttributes": attributes_json(scope.attributes),
        "ScopeDroppedAttrCount": scope.dropped_attributes_count,
        "ScopeSchemaUrl": scope.schema_url,
        "ServiceName": service if isinstance(service, str) else None,
        "ResourceAttributes": attributes_json(resource.attributes),
        "ResourceDroppedAttrCount": resource.dropped_attributes_count,
        "ResourceSchemaUrl": resource.schema_url,
        "StartTimeUnix": _time(point.start),
        "TimeUnix": _time(point.time),
        "Flags": point.flags,
        "Value": _double(point.value),
        "ValueInt": _integer(point.value),
        "Count": point.count,
        "Sum": point.sum,
        "Min": point.min,
        "Max": point.max,
        "ExplicitBounds": point.bounds,
        "BucketCounts": point.bucket_counts,
        "Scale": point.scale,
        "ZeroCount": point.zero_count,
        "ZeroThreshold": point.zero_threshold,
        "ValueAtQuantiles": _quantiles(point.quantiles),
        "Exemplars": [_exemplar(exemplar) for exemplar in point.exemplars],
        "SeriesId": series_id(point),
        # A name of bytes that are no text has surrogates, for which Arrow has no place.
        "File": row.file.encode("utf-8", "replace").decode(),
        "Offset": row.offset,
        "EventTime": _signed(event.time) if event else None,
        "ProcessId": process_of(row),
        "ThreadId": event.thread if event else None,
        "Processor": event.processor if event else None,
    }
    for side, buckets in zip(("Positive", "Negative"), sides, strict=True):
        values[f"{side}Offset"] = buckets and buckets.offset
        values[f"{side}BucketCounts"] = buckets and buckets.counts
    return {column.name: values[column.name] for column in COLUMNS}


def _signed(number: int) -> int:
    """The signed number with the same 64 bits."""
    return number - (1 << 64) if number >= 1 << 63 else number


def _time(time: int) -> int | None:
    return _signed(time) if time else None


def _double(value: int | float | None) -> float | None:
    return None if value is None else float(value)


def _integer(value: int | float | None) -> int | None:
    return value if isinstance(value, int) else None


def _quantiles(pairs: Sequence[tuple[float, float]] | None) -> list[dict[str, float]] | None:
    if pairs is None:
        return None
    return [{"Quantile": quantile, "Value": value} for quantile, value in pairs]


def _exemplar(exemplar: Exemplar) -> dict[str, Any]:
    return {
        "TimeUnix": _time(exemplar.time),
        "Value": _double(exemplar.value),
        "ValueInt": _integer(exemplar.value),
        "TraceId": exemplar.trace_id,
        "SpanId": exemplar.span_id,
        "FilteredAttributes": attributes_json(exemplar.attributes),
    }


# Batches -----------------------------------------------------------------------------------------


class Batch:
    """Rows, one a point, and the same as one Arrow struct array with the columns of `COLUMNS`."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._array: Any = None

    def __len__(self) -> int:
        return len(self.rows)

    def __arrow_c_schema__(self) -> object:
        """The type as a capsule of the Arrow C data interface; ImportError without arro3."""
        return self._exported().__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Type and data as capsules of the Arrow C data interface; ImportError without arro3.

        ``requested_schema`` is not looked at, as the interface allows.
        """
        capsules: tuple[object, object] = self._exported().__arrow_c_array__()
        return capsules

    def _exported(self) -> Any:
        if self._array is None:
            self._array = arrow_batch([row_values(row) for row in self.rows])
        return self._array


# Decoding ----------------------------------------------------------------------------------------


class Decoder:
    """Takes serialized requests and gives batches of their points.

    A batch has at most ``rows`` rows, and about ``batch_bytes`` bytes and one row more.
    ``table_bytes`` bounds what the compiled decoder remembers between frames; this one remembers
    next to nothing. One thread at a time may use a decoder.
    """

    def __init__(
        self, *, rows: int = 16_384, batch_bytes: int = 4 << 20, table_bytes: int = 4 << 20
    ) -> None:
        self.points = 0
        """Points decoded in all."""
        self._most_rows = rows
        self._most_bytes = batch_bytes
        self._file = ""
        self._rows: list[Row] = []
        self._bytes = 0
        self._rest: Iterator[Row] = iter(())

    def file(self, name: str) -> None:
        """The rows that follow are of this file."""
        self._file = name

    def add(
        self, payload: bytes, offset: int, event: Event | None = None, checked: bool = False
    ) -> bool:
        """Take one frame. ValueError with a reason when protobuf would refuse it: nothing of it is
        kept. True when there is a batch to take now: then call `take`, and `resume` until that
        returns False, for one frame may give several batches.

        ``checked`` says that `check_request` accepts the payload.
        """
        request = parse_request(payload)
        file = self._file
        self._rest = (Row(file, offset, event, point) for point in points(request))
        return self.resume()

    def resume(self) -> bool:
        """Go on with the frame whose points filled a batch; True as of `add`."""
        while not self._is_full():
            row = next(self._rest, None)
            if row is None:
                return False
            self._rows.append(row)
            self._bytes += _size(row.point)
            self.points += 1
        return True

    def take(self) -> Batch | None:
        """The rows so far; None when there are none."""
        if not self._rows:
            return None
        batch = Batch(self._rows)
        self._rows, self._bytes = [], 0
        return batch

    def _is_full(self) -> bool:
        return len(self._rows) >= self._most_rows or self._bytes >= self._most_bytes


def _size(point: Point) -> int:
    """Bytes that a row takes as columns, about."""
    sides = [side.counts for side in (point.positive, point.negative) if isinstance(side, Buckets)]
    lists = (point.bounds, point.bucket_counts, point.quantiles, *sides)
    items = sum(len(each) for each in lists if each)
    return _ROW_BYTES + _ITEM_BYTES * items + _EXEMPLAR_BYTES * len(point.exemplars)
