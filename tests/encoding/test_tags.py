"""Tags against what protobuf writes, and those of compiled code against ours in Python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.metrics.v1 import metrics_pb2 as metrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_etw.encoding import otlp

# Our message → theirs, more than one where several share their tags.
MESSAGES: dict[str, tuple[Any, ...]] = {
    "REQUEST": (ExportMetricsServiceRequest,),
    "RESOURCE_METRICS": (metrics.ResourceMetrics,),
    "RESOURCE": (Resource,),
    "SCOPE_METRICS": (metrics.ScopeMetrics,),
    "SCOPE": (common.InstrumentationScope,),
    "METRIC": (metrics.Metric,),
    "DATA": (metrics.Gauge, metrics.Sum, metrics.Histogram, metrics.ExponentialHistogram),
    "NUMBER_POINT": (metrics.NumberDataPoint,),
    "HISTOGRAM_POINT": (metrics.HistogramDataPoint,),
    "EXPONENTIAL_POINT": (metrics.ExponentialHistogramDataPoint,),
    "BUCKETS": (metrics.ExponentialHistogramDataPoint.Buckets,),
    "EXEMPLAR": (metrics.Exemplar,),
    "KEY_VALUE": (common.KeyValue,),
    "ANY_VALUE": (common.AnyValue,),
    "LIST": (common.ArrayValue, common.KeyValueList),
}

# Where our name of a field is not theirs.
NAMES = {
    "START": "start_time_unix_nano",
    "TIME": "time_unix_nano",
    ("DATA", "POINTS"): "data_points",
    ("DATA", "TEMPORALITY"): "aggregation_temporality",
    ("EXEMPLAR", "ATTRIBUTES"): "filtered_attributes",
    ("ANY_VALUE", "ARRAY"): "array_value",
    ("ANY_VALUE", "MAP"): "kvlist_value",
    **{
        ("ANY_VALUE", kind): f"{kind.lower()}_value" for kind in ("STRING", "BOOL", "INT", "DOUBLE")
    },
    ("ANY_VALUE", "BYTES"): "bytes_value",
}

VALUES: tuple[Any, ...] = (1, 1.5, "a", b"a", True)


def first_byte(message: Any, field: str) -> bytes:
    """What protobuf itself writes before a value of the field."""
    made = message()
    place = getattr(made, field)
    if hasattr(place, "SetInParent"):
        place.SetInParent()
    elif hasattr(place, "add"):
        place.add()
    elif hasattr(place, "append"):
        place.append(1)
    else:
        for value in VALUES:
            try:
                setattr(made, field, value)
                break
            except TypeError:
                pass
    written: bytes = made.SerializeToString()
    return written[:1]


def tags_of(message: str) -> dict[str, bytes]:
    return {name: tag for name, tag in vars(getattr(otlp, message)).items() if name.isupper()}


TAGS = [(message, name) for message in MESSAGES for name in tags_of(message)]


def test_every_message_of_ours_is_compared() -> None:
    ours = {
        name
        for name, found in vars(otlp).items()
        if isinstance(found, type) and any(isinstance(tag, bytes) for tag in vars(found).values())
    }
    assert ours == MESSAGES.keys()


@pytest.mark.parametrize(("message", "name"), TAGS)
def test_tag(message: str, name: str) -> None:
    field = NAMES.get((message, name), NAMES.get(name, name.lower()))
    theirs = [each for each in MESSAGES[message] if field in each.DESCRIPTOR.fields_by_name]
    assert theirs
    for each in theirs:
        assert tags_of(message)[name] == first_byte(each, field)


@pytest.mark.parametrize("message", MESSAGES)
def test_tags_stand_in_the_order_of_the_wire(message: str) -> None:
    tags = list(tags_of(message).values())
    assert tags == sorted(tags)


def test_temporalities() -> None:
    assert dict(metrics.AggregationTemporality.items()) == otlp.TEMPORALITIES


# The compiled encoder's name → the message and the name there.
COMPILED = {
    "REQUEST_RESOURCE_METRICS": ("REQUEST", "RESOURCE_METRICS"),
    "RESOURCE_SCOPE_METRICS": ("RESOURCE_METRICS", "SCOPE_METRICS"),
    "SCOPE_METRIC": ("SCOPE_METRICS", "METRICS"),
    "METRIC_NAME": ("METRIC", "NAME"),
    "METRIC_DESCRIPTION": ("METRIC", "DESCRIPTION"),
    "METRIC_UNIT": ("METRIC", "UNIT"),
    "DATA_POINT": ("DATA", "POINTS"),
    "KEY_VALUE_KEY": ("KEY_VALUE", "KEY"),
    "KEY_VALUE_VALUE": ("KEY_VALUE", "VALUE"),
    "VALUE_STRING": ("ANY_VALUE", "STRING"),
    "VALUE_BOOL": ("ANY_VALUE", "BOOL"),
    "VALUE_INT": ("ANY_VALUE", "INT"),
    "VALUE_DOUBLE": ("ANY_VALUE", "DOUBLE"),
    "POINT_START": ("NUMBER_POINT HISTOGRAM_POINT EXPONENTIAL_POINT", "START"),
    "POINT_TIME": ("NUMBER_POINT HISTOGRAM_POINT EXPONENTIAL_POINT", "TIME"),
    "POINT_COUNT": ("HISTOGRAM_POINT EXPONENTIAL_POINT", "COUNT"),
    "POINT_SUM": ("HISTOGRAM_POINT EXPONENTIAL_POINT", "SUM"),
    "NUMBER_AS_DOUBLE": ("NUMBER_POINT", "AS_DOUBLE"),
    "NUMBER_AS_INT": ("NUMBER_POINT", "AS_INT"),
    "NUMBER_ATTRIBUTE": ("NUMBER_POINT", "ATTRIBUTES"),
    "HISTOGRAM_BUCKET_COUNTS": ("HISTOGRAM_POINT", "BUCKET_COUNTS"),
    "HISTOGRAM_BOUNDS": ("HISTOGRAM_POINT", "EXPLICIT_BOUNDS"),
    "HISTOGRAM_ATTRIBUTE": ("HISTOGRAM_POINT", "ATTRIBUTES"),
    "HISTOGRAM_MIN": ("HISTOGRAM_POINT", "MIN"),
    "HISTOGRAM_MAX": ("HISTOGRAM_POINT", "MAX"),
    "EXPONENTIAL_ATTRIBUTE": ("EXPONENTIAL_POINT", "ATTRIBUTES"),
    "EXPONENTIAL_SCALE": ("EXPONENTIAL_POINT", "SCALE"),
    "EXPONENTIAL_ZERO_COUNT": ("EXPONENTIAL_POINT", "ZERO_COUNT"),
    "EXPONENTIAL_POSITIVE": ("EXPONENTIAL_POINT", "POSITIVE"),
    "EXPONENTIAL_NEGATIVE": ("EXPONENTIAL_POINT", "NEGATIVE"),
    "EXPONENTIAL_FLAGS": ("EXPONENTIAL_POINT", "FLAGS"),
    "EXPONENTIAL_MIN": ("EXPONENTIAL_POINT", "MIN"),
    "EXPONENTIAL_MAX": ("EXPONENTIAL_POINT", "MAX"),
    "BUCKETS_OFFSET": ("BUCKETS", "OFFSET"),
    "BUCKETS_COUNTS": ("BUCKETS", "BUCKET_COUNTS"),
}


SOURCE = Path(__file__).resolve().parents[2] / "otel_etw" / "encoding" / "_tags.pxd"


@pytest.mark.skipif(
    not SOURCE.exists(), reason="no source beside these tests; test_twins compares what it writes"
)
def test_the_compiled_encoder_has_the_same_tags() -> None:
    block = re.search(
        r"^cdef enum Tag:\n((?: {4}.*\n|\n)+)", SOURCE.read_text("utf-8"), re.MULTILINE
    )
    assert block
    compiled = {name: int(value, 16) for name, value in re.findall(r"(\w+) = (0x\w\w)", block[1])}
    assert compiled.keys() == COMPILED.keys()
    for name, (messages, field) in COMPILED.items():
        for message in messages.split():
            assert bytes([compiled[name]]) == tags_of(message)[field], name
