"""The columns of points: one table for all kinds of metrics, one row a point.

Names are those of the OpenTelemetry ClickHouse exporter where it has the column. Types are Arrow's,
in the format strings of its C data interface
(https://arrow.apache.org/docs/format/CDataInterface.html#data-type-description-format-strings).

The order, names and types are stable: columns may be added at the end, none is changed.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COLUMNS", "EXEMPLAR", "QUANTILE", "Column", "Type"]

_TIME = "tsn:UTC"


class Type(NamedTuple):
    """A type of Arrow: a format string, and what it is made of."""

    format: str
    is_dictionary: bool = False
    """Whether rows hold int32 indices into the distinct values of the batch."""
    children: tuple[Column, ...] = ()


class Column(NamedTuple):
    """One column, or one member of a struct."""

    name: str
    type: Type
    meaning: str
    is_nullable: bool = False


TEXT = Type("u", is_dictionary=True)
PLAIN_TEXT = Type("u")
BOOL = Type("b")
INT32 = Type("i")
INT64 = Type("l")
UINT16 = Type("S")
UINT32 = Type("I")
UINT64 = Type("L")
DOUBLE = Type("g")
TIME = Type(_TIME)


def _list(item: Type) -> Type:
    return Type("+l", children=(Column("item", item, "an item of the list"),))


def _structs(*members: Column) -> Type:
    return _list(Type("+s", children=members))


QUANTILE = (
    Column("Quantile", DOUBLE, "from 0 to 1"),
    Column("Value", DOUBLE, "the value of this quantile"),
)
"""The members of an item of ``ValueAtQuantiles``."""

EXEMPLAR = (
    Column("TimeUnix", TIME, "when it was measured; null when the file does not say", True),
    Column("Value", DOUBLE, "the measurement, an integer converted; null when it has none", True),
    Column("ValueInt", INT64, "the measurement where it is an integer", True),
    Column("TraceId", PLAIN_TEXT, "lower-case hex, empty when there is none"),
    Column("SpanId", PLAIN_TEXT, "lower-case hex, empty when there is none"),
    Column("FilteredAttributes", PLAIN_TEXT, "JSON, as Attributes"),
)
"""The members of an item of ``Exemplars``."""

COLUMNS: tuple[Column, ...] = (
    # The metric.
    Column("MetricName", TEXT, "the metric's name"),
    Column("MetricKind", TEXT, "gauge, sum, histogram, exponential_histogram or summary"),
    Column("MetricUnit", TEXT, "its unit, mostly UCUM"),
    Column("MetricDescription", TEXT, "what it means"),
    Column("MetricMetadata", TEXT, "JSON, as Attributes"),
    Column(
        "AggregationTemporality",
        TEXT,
        "delta or cumulative; null where the kind has none or the file does not say",
        True,
    ),
    Column("IsMonotonic", BOOL, "of a sum: whether it only grows", True),
    # Who measured it.
    Column(
        "Attributes",
        TEXT,
        "the point's attributes, a JSON object with sorted keys: see attributes_json",
    ),
    Column("ScopeName", TEXT, "the instrumentation scope's name"),
    Column("ScopeVersion", TEXT, "its version"),
    Column("ScopeAttributes", TEXT, "its attributes, JSON"),
    Column("ScopeDroppedAttrCount", UINT32, "attributes that the scope lost"),
    Column("ScopeSchemaUrl", TEXT, "the schema URL of the ScopeMetrics"),
    Column("ServiceName", TEXT, "the resource's service.name where it is a string", True),
    Column("ResourceAttributes", TEXT, "the resource's attributes, JSON"),
    Column("ResourceDroppedAttrCount", UINT32, "attributes that the resource lost"),
    Column("ResourceSchemaUrl", TEXT, "the schema URL of the ResourceMetrics"),
    # The point. Times: ns since 1970; null when 0, which says that it is not known. Times from
    # 2262-04-11 on, which Arrow's signed type cannot hold, keep their 64 bits.
    Column("StartTimeUnix", TIME, "when its interval began", True),
    Column("TimeUnix", TIME, "when it was measured, or its interval ended", True),
    Column("Flags", UINT32, "OTLP's DataPointFlags: 1, no recorded value"),
    Column(
        "Value",
        DOUBLE,
        "of a gauge or sum: the value, an integer converted; null when it has none",
        True,
    ),
    Column("ValueInt", INT64, "of a gauge or sum: the exact value where it is an integer", True),
    Column("Count", UINT64, "of the other kinds: how many values", True),
    Column("Sum", DOUBLE, "of the other kinds: the sum of all values", True),
    Column("Min", DOUBLE, "the least value where it was recorded", True),
    Column("Max", DOUBLE, "the greatest value where it was recorded", True),
    Column("ExplicitBounds", _list(DOUBLE), "of a histogram: the upper bounds of buckets", True),
    Column("BucketCounts", _list(UINT64), "of a histogram: one count more than bounds", True),
    Column("Scale", INT32, "of an exponential histogram: its base is 2**(2**-Scale)", True),
    Column("ZeroCount", UINT64, "of an exponential histogram: values near zero", True),
    Column("ZeroThreshold", DOUBLE, "of an exponential histogram: how near", True),
    Column("PositiveOffset", INT32, "the index of the first count", True),
    Column("PositiveBucketCounts", _list(UINT64), "the counts of positive values", True),
    Column("NegativeOffset", INT32, "the index of the first count", True),
    Column("NegativeBucketCounts", _list(UINT64), "the counts of negative values", True),
    Column("ValueAtQuantiles", _structs(*QUANTILE), "of a summary", True),
    Column("Exemplars", _structs(*EXEMPLAR), "single measurements; none is an empty list"),
    Column(
        "SeriesId",
        UINT64,
        "the same for points of one series in every batch and file: see series_id",
    ),
    # Where it was read.
    Column("File", TEXT, "the file as it was named"),
    Column("Offset", UINT64, "where its frame begins in the file, in bytes"),
    Column("EventTime", TIME, "of an event: when it was written", True),
    Column("ProcessId", UINT32, "of an event: the process that wrote it", True),
    Column("ThreadId", UINT32, "of an event: the thread that wrote it", True),
    Column("Processor", UINT16, "of an event: the processor it was written on", True),
)
"""All columns in their order."""
