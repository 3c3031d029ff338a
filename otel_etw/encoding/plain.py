"""The format in plain Python: SDK objects to OTLP bytes. Read this to understand the bytes.

The specification that the compiled encoder must equal, what it hands everything unusual to, and
the encoder where nothing is compiled. Rules:

1. What the official encoder accepts, this accepts, and gives the same bytes.
2. What it refuses, this refuses for the smallest part that can go alone: an attribute, an exemplar,
   a point, a metric. `Rejected` says why; the caller counts.
3. Numbers are converted as protobuf does: integers by ``__index__``, doubles by ``__float__``.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import index
from typing import Any

from opentelemetry.sdk.metrics.export import AggregationTemporality

from .losses import Losses, Rejected, name_of, shown
from .otlp import (
    ANY_VALUE,
    BUCKETS,
    DATA,
    EXEMPLAR,
    EXPONENTIAL_POINT,
    HISTOGRAM_POINT,
    KEY_VALUE,
    LIST,
    METRIC,
    NUMBER_POINT,
    RESOURCE,
    RESOURCE_METRICS,
    ROOM,
    SCOPE,
    SCOPE_METRICS,
    TEMPORALITIES,
)

Constants = Sequence[tuple[str, bytes]]
"""Attributes that every point gets: the key and the encoded KeyValue."""

Point = Callable[[Any, Constants, Losses, str], bytes]
"""Writes a point: the point, constants, where losses go, and a name for them."""


# Bytes -----------------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    """Seven bits a byte, lowest first. ``number`` is 0 to 2**64 - 1."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(tag: bytes, body: bytes) -> bytes:
    """A length-delimited field, written even when empty."""
    return tag + varint(len(body)) + body


def signed(number: int) -> bytes:
    """A negative number takes ten bytes: its two's complement in 64 bits."""
    return varint(number & 0xFFFF_FFFF_FFFF_FFFF)


def zigzag(number: int) -> bytes:
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


# Fields ----------------------------------------------------------------------------------------


def integer(field: str, value: object, low: int, high: int) -> int:
    """``value`` as an int from ``low`` to ``high``; a bool is refused, as protobuf 7 does."""
    if isinstance(value, bool):
        raise Rejected("unsupported_type", field, "bool")
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise Rejected("unsupported_type", field, type(value).__name__) from None
    if not low <= number <= high:
        raise Rejected("out_of_range", field, type(value).__name__)
    return number


INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
UINT32 = (0, 2**32 - 1)
UINT64 = (0, 2**64 - 1)


def fixed64(tag: bytes, field: str, value: object) -> bytes:
    """An unsigned number without presence: None and 0 are left out."""
    if value is None:
        return b""
    number = integer(field, value, *UINT64)
    return tag + struct.pack("<Q", number) if number else b""


def as_double(field: str, value: object) -> bytes:
    kind = type(value)
    # float() would take texts too.
    if not hasattr(kind, "__float__") and not hasattr(kind, "__index__"):
        raise Rejected("unsupported_type", field, kind.__name__)
    try:
        return struct.pack("<d", float(value))  # type: ignore[arg-type]
    except OverflowError:
        raise Rejected("out_of_range", field, kind.__name__) from None
    except Exception:
        raise Rejected("unsupported_type", field, kind.__name__) from None


def optional_double(tag: bytes, field: str, value: object) -> bytes:
    """A double with presence: only None is left out."""
    return b"" if value is None else tag + as_double(field, value)


def text(tag: bytes, field: str, value: object) -> bytes:
    """A string, or bytes that are UTF-8; None and empty are left out."""
    if value is None:
        return b""
    encoded = utf8(field, value)
    return message(tag, encoded) if encoded else b""


def utf8(field: str, value: object) -> bytes:
    try:
        if isinstance(value, str):
            return str.encode(value)
        if isinstance(value, bytes):
            return bytes.decode(value).encode()
    except UnicodeError:
        raise Rejected("not_unicode", field, type(value).__name__) from None
    raise Rejected("unsupported_type", field, type(value).__name__)


def described(tag: bytes, field: str, value: object, losses: Losses, where: str) -> bytes:
    """A text that only describes: lone surrogates become U+FFFD rather than cost its points."""
    try:
        return text(tag, field, value)
    except Rejected as rejected:
        if rejected.reason != "not_unicode" or not isinstance(value, str):
            raise
        losses.add("text", "not_unicode", f"{where}, {rejected}")
        return text(tag, field, re.sub("[\ud800-\udfff]", "\ufffd", value))


def packed(tag: bytes, values: Iterable[bytes]) -> bytes:
    """A repeated number; nothing at all when it is empty."""
    body = b"".join(values)
    return message(tag, body) if body else b""


# Attributes ------------------------------------------------------------------------------------


def any_value(value: object, room: int) -> bytes:
    """The body of an AnyValue. ``room``: levels of messages that may stand below it."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return ANY_VALUE.BOOL + (b"\1" if value else b"\0")
    if isinstance(value, str):
        return message(ANY_VALUE.STRING, utf8("value", value))
    if isinstance(value, int):
        return ANY_VALUE.INT + signed(integer("value", value, *INT64))
    if isinstance(value, float):
        return ANY_VALUE.DOUBLE + struct.pack("<d", value)
    if isinstance(value, bytes):
        return message(ANY_VALUE.BYTES, bytes(memoryview(value)))
    if isinstance(value, Sequence):
        _descend(value, room, 2 if len(value) else 1)
        items = [message(LIST.VALUES, any_value(item, room - 2)) for item in value]
        return message(ANY_VALUE.ARRAY, b"".join(items))
    if isinstance(value, Mapping):
        _descend(value, room, 3 if len(value) else 1)
        items = [
            message(LIST.VALUES, key_value(str(key), item, room - 3)) for key, item in value.items()
        ]
        return message(ANY_VALUE.MAP, b"".join(items))
    raise Rejected("unsupported_type", "value", type(value).__name__)


def _descend(value: object, room: int, levels: int) -> None:
    if room < levels:
        raise Rejected("too_deep", "value", type(value).__name__)


def key_value(key: object, value: object, room: int) -> bytes:
    """The body of a KeyValue. An empty key and None are left out, the value never is."""
    return text(KEY_VALUE.KEY, "key", key) + message(KEY_VALUE.VALUE, any_value(value, room))


def attributes(
    tag: bytes, mapping: Any, room: int, losses: Losses, where: str, constants: Constants = ()
) -> bytes:
    """All attributes as fields ``tag``; one that cannot be written is left out and counted.

    A constant gives way to an attribute of the same key.
    """
    out = []
    try:
        items = list(mapping.items()) if mapping else []
    except Exception:
        raise Rejected("malformed", "attributes", type(mapping).__name__) from None
    for key, value in items:
        try:
            out.append(message(tag, key_value(key, value, room)))
        except Exception as error:
            rejected = _as_rejected(error, "value", value)
            losses.add("attribute", rejected.reason, f"{where}, attribute {shown(key)}, {rejected}")
    out += [message(tag, body) for key, body in constants if not mapping or key not in mapping]
    return b"".join(out)


def _as_rejected(error: Exception, field: str, value: object) -> Rejected:
    """Whatever a user's object raised while it was read, as a refusal."""
    if isinstance(error, Rejected):
        return error
    reason = "too_deep" if isinstance(error, RecursionError) else "malformed"
    return Rejected(reason, field, type(value).__name__)


# Points ----------------------------------------------------------------------------------------


def as_number(value: object) -> tuple[bytes, bytes]:
    """The two places of a number: (as_double, as_int), of which one is empty.

    What is an int goes as int, all else as double. A bool goes as 0 or 1, as it did before
    protobuf 7 refused it.
    """
    if isinstance(value, int):
        number = integer("value", int.__index__(value), *INT64)
        return b"", NUMBER_POINT.AS_INT + struct.pack("<q", number)
    return NUMBER_POINT.AS_DOUBLE + as_double("value", value), b""


def exemplars(tag: bytes, given: Any, losses: Losses, where: str) -> bytes:
    """All exemplars as fields ``tag``; one that cannot be written is left out and counted.

    None is none: there is nothing to lose.
    """
    out = []
    try:
        each = [] if given is None else list(given)
    except Exception:
        losses.add("exemplar", "malformed", f"{where}, exemplars ({type(given).__name__})")
        return b""
    for one in each:
        try:
            out.append(message(tag, exemplar(one, losses, where)))
        except Exception as error:
            rejected = _as_rejected(error, "exemplar", one)
            losses.add("exemplar", rejected.reason, f"{where}, exemplar, {rejected}")
    return b"".join(out)


def exemplar(one: Any, losses: Losses, where: str) -> bytes:
    double, integral = b"", b""
    if isinstance(one.value, float):
        double = EXEMPLAR.AS_DOUBLE + struct.pack("<d", one.value)
    elif isinstance(one.value, int):
        value = integer("value", int.__index__(one.value), *INT64)
        integral = EXEMPLAR.AS_INT + struct.pack("<q", value)
    else:
        raise Rejected("unsupported_type", "value", type(one.value).__name__)
    span_id, trace_id = b"", b""
    if one.span_id is not None and one.trace_id is not None:
        span_id = message(EXEMPLAR.SPAN_ID, _id("span_id", one.span_id, 8))
        trace_id = message(EXEMPLAR.TRACE_ID, _id("trace_id", one.trace_id, 16))
    return (
        fixed64(EXEMPLAR.TIME, "time_unix_nano", one.time_unix_nano)
        + double
        + span_id
        + trace_id
        + integral
        + attributes(
            EXEMPLAR.ATTRIBUTES,
            one.filtered_attributes,
            ROOM.EXEMPLAR,
            losses,
            f"{where}, exemplar",
        )
    )


def _id(field: str, value: Any, size: int) -> bytes:
    try:
        return bytes(value.to_bytes(length=size, byteorder="big", signed=False))
    except OverflowError:
        raise Rejected("out_of_range", field, type(value).__name__) from None
    except (AttributeError, TypeError):
        raise Rejected("unsupported_type", field, type(value).__name__) from None


def _times(tags: Any, point: Any) -> bytes:
    return fixed64(tags.START, "start_time_unix_nano", point.start_time_unix_nano) + fixed64(
        tags.TIME, "time_unix_nano", point.time_unix_nano
    )


def sum_point(point: Any, constants: Constants, losses: Losses, where: str) -> bytes:
    """NumberDataPoint of a Sum. A double stands before the exemplars, an integer behind them."""
    double, integral = as_number(point.value)
    return (
        _times(NUMBER_POINT, point)
        + double
        + exemplars(NUMBER_POINT.EXEMPLARS, point.exemplars, losses, where)
        + integral
        + attributes(
            NUMBER_POINT.ATTRIBUTES, point.attributes, ROOM.POINT, losses, where, constants
        )
    )


def gauge_point(point: Any, constants: Constants, losses: Losses, where: str) -> bytes:
    """NumberDataPoint of a Gauge: the start time is never written."""
    double, integral = as_number(point.value)
    return (
        fixed64(NUMBER_POINT.TIME, "time_unix_nano", point.time_unix_nano)
        + double
        + exemplars(NUMBER_POINT.EXEMPLARS, point.exemplars, losses, where)
        + integral
        + attributes(
            NUMBER_POINT.ATTRIBUTES, point.attributes, ROOM.POINT, losses, where, constants
        )
    )


def histogram_point(point: Any, constants: Constants, losses: Losses, where: str) -> bytes:
    """HistogramDataPoint: counts as fixed64, bounds as doubles, both packed."""
    counts = () if point.bucket_counts is None else point.bucket_counts
    bounds = () if point.explicit_bounds is None else point.explicit_bounds
    return (
        _times(HISTOGRAM_POINT, point)
        + fixed64(HISTOGRAM_POINT.COUNT, "count", point.count)
        + optional_double(HISTOGRAM_POINT.SUM, "sum", point.sum)
        + packed(
            HISTOGRAM_POINT.BUCKET_COUNTS,
            (struct.pack("<Q", integer("bucket_counts", each, *UINT64)) for each in counts),
        )
        + packed(
            HISTOGRAM_POINT.EXPLICIT_BOUNDS,
            (as_double("explicit_bounds", each) for each in bounds),
        )
        + exemplars(HISTOGRAM_POINT.EXEMPLARS, point.exemplars, losses, where)
        + attributes(
            HISTOGRAM_POINT.ATTRIBUTES, point.attributes, ROOM.POINT, losses, where, constants
        )
        + optional_double(HISTOGRAM_POINT.MIN, "min", point.min)
        + optional_double(HISTOGRAM_POINT.MAX, "max", point.max)
    )


def exponential_point(point: Any, constants: Constants, losses: Losses, where: str) -> bytes:
    """ExponentialHistogramDataPoint. The zero threshold is never written: the SDK has none."""
    return (
        attributes(
            EXPONENTIAL_POINT.ATTRIBUTES, point.attributes, ROOM.POINT, losses, where, constants
        )
        + _times(EXPONENTIAL_POINT, point)
        + fixed64(EXPONENTIAL_POINT.COUNT, "count", point.count)
        + optional_double(EXPONENTIAL_POINT.SUM, "sum", point.sum)
        + _zigzag_field(EXPONENTIAL_POINT.SCALE, "scale", point.scale)
        + fixed64(EXPONENTIAL_POINT.ZERO_COUNT, "zero_count", point.zero_count)
        + _buckets(EXPONENTIAL_POINT.POSITIVE, "positive", point.positive)
        + _buckets(EXPONENTIAL_POINT.NEGATIVE, "negative", point.negative)
        + _varint_field(EXPONENTIAL_POINT.FLAGS, "flags", point.flags)
        + exemplars(EXPONENTIAL_POINT.EXEMPLARS, point.exemplars, losses, where)
        + optional_double(EXPONENTIAL_POINT.MIN, "min", point.min)
        + optional_double(EXPONENTIAL_POINT.MAX, "max", point.max)
    )


def _buckets(tag: bytes, field: str, buckets: Any) -> bytes:
    """One side; left out when it has no counts. The SDK's ``[0]`` of an unused side stays."""
    if not buckets.bucket_counts:
        return b""
    counts = (varint(integer(field, count, *UINT64)) for count in buckets.bucket_counts)
    offset = _zigzag_field(BUCKETS.OFFSET, f"{field}.offset", buckets.offset)
    return message(tag, offset + packed(BUCKETS.BUCKET_COUNTS, counts))


def _zigzag_field(tag: bytes, field: str, value: object) -> bytes:
    number = 0 if value is None else integer(field, value, *INT32)
    return tag + zigzag(number) if number else b""


def _varint_field(tag: bytes, field: str, value: object) -> bytes:
    number = 0 if value is None else integer(field, value, *UINT32)
    return tag + varint(number) if number else b""


# Data, metric, scope, resource -----------------------------------------------------------------


def point(
    encode: Point, one: Any, constants: Constants, losses: Losses, where: str
) -> bytes | None:
    """The body of a point, or None when it is lost, which is counted."""
    try:
        return encode(one, constants, losses, where)
    except Exception as error:
        rejected = _as_rejected(error, "a data point", one)
        losses.add("point", rejected.reason, f"{where}, {rejected}")
        return None


def metric_head(metric: Any, losses: Losses, where: str) -> bytes:
    """A Metric's fields before its data: name, description, unit."""
    return (
        described(METRIC.NAME, "name", metric.name, losses, where)
        + described(METRIC.DESCRIPTION, "description", metric.description, losses, where)
        + described(METRIC.UNIT, "unit", metric.unit, losses, where)
    )


def gauge_tail(data: Any) -> bytes:
    return b""


def histogram_tail(data: Any) -> bytes:
    """What stands behind the points of either histogram: the temporality."""
    return _temporality_field(data.aggregation_temporality)


def sum_tail(data: Any) -> bytes:
    """What stands behind the points of a Sum: the temporality, and whether it is monotonic."""
    temporality = _temporality_field(data.aggregation_temporality)
    if data.is_monotonic is True or _truth(data.is_monotonic):
        return temporality + _IS_MONOTONIC
    return temporality


_IS_MONOTONIC = DATA.IS_MONOTONIC + b"\1"


def _temporality_field(value: object) -> bytes:
    if type(value) is AggregationTemporality:
        return _TEMPORALITY_FIELDS[value]
    number = _temporality(value)
    return DATA.TEMPORALITY + signed(number) if number else b""


# As _temporality_field makes them of the number, but made once.
_TEMPORALITY_FIELDS = {
    each: DATA.TEMPORALITY + signed(each) if each else b"" for each in AggregationTemporality
}


def _temporality(value: object) -> int:
    if isinstance(value, str):
        if value in TEMPORALITIES:
            return TEMPORALITIES[value]
        raise Rejected("out_of_range", "aggregation_temporality", type(value).__name__)
    return integer("aggregation_temporality", value, *INT32)


def _truth(value: Any) -> bool:
    if type(value).__name__ in ("bool", "bool_"):  # numpy's has no __index__, or one that warns
        return bool(value)
    try:
        return bool(index(value))
    except TypeError:
        raise Rejected("unsupported_type", "is_monotonic", type(value).__name__) from None


def scope_ends(scope: Any, losses: Losses) -> tuple[bytes, bytes]:
    """A ScopeMetrics' fields before and behind its metrics: the scope, its schema URL."""
    where = name_of(scope, "scope")
    body = (
        described(SCOPE.NAME, "name", scope.name, losses, where)
        + described(SCOPE.VERSION, "version", scope.version, losses, where)
        + attributes(SCOPE.ATTRIBUTES, scope.attributes, ROOM.SCOPE, losses, where)
    )
    schema_url = described(SCOPE_METRICS.SCHEMA_URL, "schema_url", scope.schema_url, losses, where)
    return message(SCOPE_METRICS.SCOPE, body), schema_url


def resource_ends(
    resource: Any, losses: Losses, constants: Mapping[str, object]
) -> tuple[bytes, bytes]:
    """A ResourceMetrics' fields before and behind its scopes: the resource, its schema URL.

    ``constants`` are attributes of ours, which replace the resource's own of the same key.
    """
    given = resource.attributes
    if constants:
        own = {key: value for key, value in (given or {}).items() if key not in constants}
        given = {**own, **constants}
    body = attributes(RESOURCE.ATTRIBUTES, given, ROOM.RESOURCE, losses, "the resource")
    schema_url = described(
        RESOURCE_METRICS.SCHEMA_URL, "schema_url", resource.schema_url, losses, "the resource"
    )
    return message(RESOURCE_METRICS.RESOURCE, body), schema_url
