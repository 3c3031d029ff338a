"""Data points, in pure Python: the SDK's objects to the bodies of OTLP's data points.

The specification that the compiled twin, ``_data_points.pyx``, must equal; what encodes the points
that it does not take; and what encodes all of them where nothing is compiled. What the official
encoder accepts gives the same bytes here. What it refuses is refused for the smallest part that can
go alone: an attribute or an exemplar is left out and counted, a point raises.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .attributes import Constants, attributes
from .losses import Losses, Rejected
from .otlp import BUCKETS, EXEMPLAR, EXPONENTIAL_POINT, HISTOGRAM_POINT, NUMBER_POINT, ROOM
from .wire import (
    INT64,
    UINT64,
    as_double,
    fixed64,
    integer,
    message,
    optional_double,
    packed,
    varint,
    varint_field,
    zigzag_field,
)

__all__ = [
    "EncodePoint",
    "exemplars",
    "exponential_point",
    "gauge_point",
    "histogram_point",
    "sum_point",
]

EncodePoint = Callable[[Any, Constants, Losses, str], bytes]
"""The body of a point. Arguments: the point; attributes of every point; where attributes and
exemplars that are left out are counted; the metric's name for that. Raises `Rejected`, or whatever
the point's own code raises."""


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
            rejected = Rejected.of(error, "exemplar", one)
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
        + zigzag_field(EXPONENTIAL_POINT.SCALE, "scale", point.scale)
        + fixed64(EXPONENTIAL_POINT.ZERO_COUNT, "zero_count", point.zero_count)
        + _buckets(EXPONENTIAL_POINT.POSITIVE, "positive", point.positive)
        + _buckets(EXPONENTIAL_POINT.NEGATIVE, "negative", point.negative)
        + varint_field(EXPONENTIAL_POINT.FLAGS, "flags", point.flags)
        + exemplars(EXPONENTIAL_POINT.EXEMPLARS, point.exemplars, losses, where)
        + optional_double(EXPONENTIAL_POINT.MIN, "min", point.min)
        + optional_double(EXPONENTIAL_POINT.MAX, "max", point.max)
    )


def _buckets(tag: bytes, field: str, buckets: Any) -> bytes:
    """One side; left out when it has no counts. The SDK's ``[0]`` of an unused side stays."""
    if not buckets.bucket_counts:
        return b""
    counts = (varint(integer(field, count, *UINT64)) for count in buckets.bucket_counts)
    offset = zigzag_field(BUCKETS.OFFSET, f"{field}.offset", buckets.offset)
    return message(tag, offset + packed(BUCKETS.BUCKET_COUNTS, counts))
