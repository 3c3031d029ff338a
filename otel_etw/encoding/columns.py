"""Chunks of points as columns: one list a field, in the order in which the compiled packer takes
them.

Plain Python on purpose: the interpreter's own list comprehensions read an attribute of many objects
in a third of the time that compiled code needs for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .losses import Losses
from .otlp import EXPONENTIAL_POINT, HISTOGRAM_POINT, NUMBER_POINT
from .plain import Point, exemplars, exponential_point, gauge_point, histogram_point, sum_point

__all__ = ["COLUMNS", "Columns"]

Columns = Callable[[list[Any]], list[Any]]


def sum_columns(points: list[Any]) -> list[Any]:
    return [
        [p.attributes for p in points],
        [p.start_time_unix_nano for p in points],
        [p.time_unix_nano for p in points],
        [p.value for p in points],
        exemplar_column(NUMBER_POINT.EXEMPLARS, [p.exemplars for p in points]),
    ]


def gauge_columns(points: list[Any]) -> list[Any]:
    return [
        [p.attributes for p in points],
        None,
        [p.time_unix_nano for p in points],
        [p.value for p in points],
        exemplar_column(NUMBER_POINT.EXEMPLARS, [p.exemplars for p in points]),
    ]


def histogram_columns(points: list[Any]) -> list[Any]:
    return [
        [p.attributes for p in points],
        [p.start_time_unix_nano for p in points],
        [p.time_unix_nano for p in points],
        [p.count for p in points],
        [p.sum for p in points],
        [p.bucket_counts for p in points],
        [p.explicit_bounds for p in points],
        [p.min for p in points],
        [p.max for p in points],
        exemplar_column(HISTOGRAM_POINT.EXEMPLARS, [p.exemplars for p in points]),
    ]


def exponential_columns(points: list[Any]) -> list[Any]:
    positive = [p.positive for p in points]
    negative = [p.negative for p in points]
    return [
        [p.attributes for p in points],
        [p.start_time_unix_nano for p in points],
        [p.time_unix_nano for p in points],
        [p.count for p in points],
        [p.sum for p in points],
        [p.scale for p in points],
        [p.zero_count for p in points],
        [b.offset for b in positive],
        [b.bucket_counts for b in positive],
        [b.offset for b in negative],
        [b.bucket_counts for b in negative],
        [p.flags for p in points],
        [p.min for p in points],
        [p.max for p in points],
        exemplar_column(EXPONENTIAL_POINT.EXEMPLARS, [p.exemplars for p in points]),
    ]


def exemplar_column(tag: bytes, column: list[Any]) -> list[Any]:
    """Each point's exemplars, as their fields where there are any.

    What is no list or tuple, or has one that is refused, stays as it is: the packer leaves such a
    point to the plain encoder.
    """
    try:
        if not any(column):
            return column
    except Exception:
        return column
    return [_fields(tag, given) if type(given) in (list, tuple) else given for given in column]


def _fields(tag: bytes, given: Any) -> Any:
    if not given:
        return given
    losses = Losses()
    body = exemplars(tag, given, losses, "")
    return given if losses.counts else body


# The plain encoder of a point → the columns of many, and the packer's method that takes them.
COLUMNS: dict[Point, tuple[Columns, str]] = {
    sum_point: (sum_columns, "numbers"),
    gauge_point: (gauge_columns, "numbers"),
    histogram_point: (histogram_columns, "histograms"),
    exponential_point: (exponential_columns, "exponentials"),
}
