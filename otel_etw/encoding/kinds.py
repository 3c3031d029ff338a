"""The four kinds of metric data, and what encoding each needs: one row a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.metrics.export import ExponentialHistogram, Gauge, Histogram, Sum

from . import data_points, fast_path, metrics
from .otlp import METRIC

__all__ = ["KINDS", "Kind", "kind_of"]


class Kind:
    """
    Attributes:
        data: the SDK's class.
        tag: its field in Metric.
        encode_point: a point in pure Python.
        tail: the fields of the data behind its points.
        read_points: gives the points' fields to the compiled packer.
    """

    __slots__ = ("data", "encode_point", "read_points", "tag", "tail")

    def __init__(
        self,
        data: type,
        tag: bytes,
        encode_point: data_points.EncodePoint,
        tail: Callable[[Any], bytes],
        read_points: fast_path.ReadPoints,
    ) -> None:
        self.data = data
        self.tag = tag
        self.encode_point = encode_point
        self.tail = tail
        self.read_points = read_points


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
