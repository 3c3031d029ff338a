"""The four kinds of metric data, and what encoding each needs: one row a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics.export import ExponentialHistogram, Gauge, Histogram, Sum

from . import data_points, fast_path, metrics
from .otlp import METRIC

__all__ = ["KINDS", "Kind", "kind_of"]


class Kind(NamedTuple):
    data: type
    """The SDK's class."""
    tag: bytes
    """Its field in Metric."""
    encode_point: data_points.EncodePoint
    """A point in plain Python."""
    tail: Callable[[Any], bytes]
    """The fields of the data behind its points."""
    read_points: fast_path.ReadPoints
    """Gives the points' fields to the compiled packer."""


# In the order in which the official encoder asks.
KINDS = (
    Kind(Gauge, METRIC.GAUGE, data_points.gauge_point, metrics.gauge_tail, fast_path.gauges),
    Kind(
        Histogram,
        METRIC.HISTOGRAM,
        data_points.histogram_point,
        metrics.histogram_tail,
        fast_path.histograms,
    ),
    Kind(Sum, METRIC.SUM, data_points.sum_point, metrics.sum_tail, fast_path.sums),
    Kind(
        ExponentialHistogram,
        METRIC.EXPONENTIAL_HISTOGRAM,
        data_points.exponential_point,
        metrics.histogram_tail,
        fast_path.exponentials,
    ),
)

_KIND_OF = {kind.data: kind for kind in KINDS}


def kind_of(data: Any) -> Kind | None:
    """What kind of data it is: first by its class, then by what it derives from. None: no kind.

    Raises whatever the object's ``__class__`` raises.
    """
    return _KIND_OF.get(type(data)) or next(
        (kind for kind in KINDS if isinstance(data, kind.data)), None
    )
