"""Values that are almost what they should be, and containers of every kind."""

from __future__ import annotations

import dataclasses
import enum
import operator
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from opentelemetry.sdk.metrics.export import (
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)


class Text(str):
    """A str subclass."""


class Whole(int):
    """An int subclass."""


class Real(float):
    """A float subclass."""


class Level(enum.IntEnum):
    NONE, SOME, MANY = 0, 1, 300


class Colour(str, enum.Enum):  # StrEnum came with 3.11; str() of this one is not its content
    RED, NONE = "red", ""


class Index:
    """A number by ``__index__`` alone."""

    def __index__(self) -> int:
        return 7


class Double:
    """A number by ``__float__`` alone."""

    def __float__(self) -> float:
        return 2.5


class Stream(tuple):  # type: ignore[type-arg]
    """Stands for a generator, which can be read but once: `fresh` makes it one."""


class Pairs(Mapping[Any, Any]):
    """A mapping that is no dict."""

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        self.pairs = pairs

    def __getitem__(self, key: Any) -> Any:
        return dict(self.pairs)[key]

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


def nested(kind: str, depth: int, leaf: object = None) -> object:
    """``leaf`` in ``depth`` lists, mappings, or both in turn."""
    for level in range(depth):
        in_list = kind == "list" or (kind == "both" and level % 2)
        leaf = [leaf] if in_list else {"k": leaf}
    return leaf


def array_of(items: list[Any]) -> Any:
    made = np.empty(len(items), object)
    made[:] = items
    return made


# The SDK's data classes that hold others.
MODEL: set[type] = {
    *(MetricsData, ResourceMetrics, ScopeMetrics, Metric, Sum, Gauge, Histogram),
    *(ExponentialHistogram, NumberDataPoint, HistogramDataPoint, ExponentialHistogramDataPoint),
    Buckets,
}


def fresh(given: Any, stream: Callable[[Any], Any] = iter) -> Any:
    """The same data with new generators; or with ``stream`` of what they would yield, in place
    of deques too.

    Numbers, texts and attributes stay the same objects, and tuples of them too.
    """
    if type(given) is Stream:
        return stream([fresh(each, stream) for each in given])
    if type(given) is deque:
        new = deque(fresh(each, stream) for each in given)
        return new if stream is iter else stream(new)
    if type(given) is list:
        return [fresh(each, stream) for each in given]
    if type(given) is tuple:
        items = tuple([fresh(each, stream) for each in given])
        return given if all(map(operator.is_, items, given)) else items
    if type(given) in MODEL:
        values = {f.name: fresh(getattr(given, f.name), stream) for f in dataclasses.fields(given)}
        return dataclasses.replace(given, **values)
    return given
