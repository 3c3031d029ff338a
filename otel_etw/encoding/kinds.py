"""The kinds of data, and what each needs: one row a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics.export import ExponentialHistogram, Gauge, Histogram, Sum

from . import everyday, plain
from .otlp import METRIC

__all__ = ["KINDS", "Kind", "kind_of"]


class Kind(NamedTuple):
    data: type
    tag: bytes
    """Its field in Metric."""
    point: plain.Point
    """A point in plain Python."""
    tail: Callable[[Any], bytes]
    """What stands behind the points."""
    everyday: everyday.Reader
    """Points for the compiled packer."""


# In the order in which the official encoder asks.
KINDS = (
    Kind(Gauge, METRIC.GAUGE, plain.gauge_point, plain.gauge_tail, everyday.gauges),
    Kind(
        Histogram,
        METRIC.HISTOGRAM,
        plain.histogram_point,
        plain.histogram_tail,
        everyday.histograms,
    ),
    Kind(Sum, METRIC.SUM, plain.sum_point, plain.sum_tail, everyday.sums),
    Kind(
        ExponentialHistogram,
        METRIC.EXPONENTIAL_HISTOGRAM,
        plain.exponential_point,
        plain.histogram_tail,
        everyday.exponentials,
    ),
)

_KIND_OF = {kind.data: kind for kind in KINDS}


def kind_of(data: Any) -> Kind | None:
    """What kind of data it is: first by its class, then by what it derives from."""
    return _KIND_OF.get(type(data)) or next(
        (kind for kind in KINDS if isinstance(data, kind.data)), None
    )
