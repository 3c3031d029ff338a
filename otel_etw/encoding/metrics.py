"""Metrics, scopes and resources, in pure Python: the fields around the points they hold."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any

from opentelemetry.sdk.metrics.export import AggregationTemporality

from .attributes import attributes
from .losses import Losses, Rejected, name_of
from .otlp import (
    DATA,
    METRIC,
    RESOURCE,
    RESOURCE_METRICS,
    ROOM,
    SCOPE,
    SCOPE_METRICS,
    TEMPORALITIES,
)
from .wire import INT32, described, integer, message, signed

__all__ = [
    "Ends",
    "gauge_tail",
    "histogram_tail",
    "metric_head",
    "resource_ends",
    "scope_ends",
    "sum_tail",
]

Ends = tuple[bytes, bytes]
"""The fields of a message before and behind its children."""


def metric_head(metric: Any, losses: Losses, where: str) -> bytes:
    """A Metric's fields before its data: name, description, unit."""
    return (
        described(METRIC.NAME, "name", metric.name, losses, where)
        + described(METRIC.DESCRIPTION, "description", metric.description, losses, where)
        + described(METRIC.UNIT, "unit", metric.unit, losses, where)
    )


def gauge_tail(data: Any) -> bytes:
    """A Gauge has no field but its points."""
    return b""


def histogram_tail(data: Any) -> bytes:
    """The fields behind the points of either histogram: the temporality."""
    return _temporality_field(data.aggregation_temporality)


def sum_tail(data: Any) -> bytes:
    """The fields behind the points of a Sum: the temporality, and whether it is monotonic."""
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


def scope_ends(scope: Any, losses: Losses) -> Ends:
    """A ScopeMetrics' fields before and behind its metrics: the scope, its schema URL."""
    where = name_of(scope, "scope")
    body = (
        described(SCOPE.NAME, "name", scope.name, losses, where)
        + described(SCOPE.VERSION, "version", scope.version, losses, where)
        + attributes(SCOPE.ATTRIBUTES, scope.attributes, ROOM.SCOPE, losses, where)
    )
    schema_url = described(SCOPE_METRICS.SCHEMA_URL, "schema_url", scope.schema_url, losses, where)
    return message(SCOPE_METRICS.SCOPE, body), schema_url


def resource_ends(resource: Any, losses: Losses, constants: Mapping[str, object]) -> Ends:
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
