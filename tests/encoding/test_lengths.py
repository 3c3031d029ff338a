"""Lengths that take a byte more than the one before: of each message that has others in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from tests.support.frame_rules import Request
from tests.support.official_encoder import Encoded, official

LENGTHS = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152]

# Level → the message in a request, and the argument of `data` that makes it longer.
LEVELS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "point": (lambda resource: data_of(resource).data_points[0], "attribute"),
    "data": (lambda resource: data_of(resource), "attribute"),
    "metric": (lambda resource: resource.scope_metrics[0].metrics[0], "description"),
    "scope": (lambda resource: resource.scope_metrics[0], "version"),
    "resource": (lambda resource: resource, "resource"),
}


def data_of(resource_metrics: Any) -> Any:
    return resource_metrics.scope_metrics[0].metrics[0].gauge


def data(attribute: str = "", description: str = "", version: str = "", resource: str = "") -> Any:
    points = [NumberDataPoint({"k": attribute}, 0, 5, 1), NumberDataPoint({}, 0, 6, 2)]
    metric = Metric("m", description, "", Gauge(points))
    scope = ScopeMetrics(InstrumentationScope("s", version), [metric], "")
    return MetricsData([ResourceMetrics(Resource({"r": resource}), [scope], "")])


def of_length(level: str, length: int) -> Any:
    """Data whose message at ``level`` is ``length`` bytes long, by protobuf's account."""
    message, argument = LEVELS[level]
    filler = length
    for _ in range(8):
        made = data(**{argument: "x" * max(filler, 0)})
        request = official(made)
        assert request is not None
        size = message(Request.FromString(request).resource_metrics[0]).ByteSize()
        if size == length:
            return made
        filler += length - size
    pytest.fail(f"no filler makes a {level} of {length} bytes")


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("level", LEVELS)
def test_length(level: str, length: int, native: bool) -> None:
    given = of_length(level, length)
    whole = official(given)
    assert whole is not None
    assert Encoded(given, native).frames == [whole]
    # Exact arithmetic: both points into a frame of just this size, and not of one byte less.
    assert Encoded(given, native, len(whole)).frames == [whole]
    assert Encoded(given, native, len(whole) - 1).counts == [1, 1]
