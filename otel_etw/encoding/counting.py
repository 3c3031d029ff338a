"""Points in whatever was given for an export, or for a part of one, as far as they can be counted.

Never raises, and never uses up an iterator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = [
    "count_points",
    "count_points_of_metric",
    "count_points_of_metrics",
    "count_points_of_resource",
    "count_points_of_scope",
    "count_points_of_scopes",
    "field_or_none",
]


def count_points(data: Any) -> int:
    """Points of a MetricsData."""
    return _sum(field_or_none(data, "resource_metrics"), count_points_of_resource)


def count_points_of_resource(resource_metrics: Any) -> int:
    """Points of a ResourceMetrics."""
    return count_points_of_scopes(field_or_none(resource_metrics, "scope_metrics"))


def count_points_of_scopes(scopes: Any) -> int:
    """Points of a list of ScopeMetrics."""
    return _sum(scopes, count_points_of_scope)


def count_points_of_scope(scope_metrics: Any) -> int:
    """Points of a ScopeMetrics."""
    return count_points_of_metrics(field_or_none(scope_metrics, "metrics"))


def count_points_of_metrics(metrics: Any) -> int:
    """Points of a list of Metrics."""
    return _sum(metrics, count_points_of_metric)


def count_points_of_metric(metric: Any) -> int:
    """Points of a Metric."""
    try:
        return len(metric.data.data_points)
    except Exception:
        return 0


def field_or_none(given: Any, name: str) -> Any:
    """An attribute of any object; None where it cannot be read."""
    try:
        return getattr(given, name)
    except Exception:
        return None


def _sum(given: Any, count: Callable[[Any], int]) -> int:
    return sum(map(count, given)) if isinstance(given, (list, tuple)) else 0
