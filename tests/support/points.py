"""Builders of cases: data in which one thing is wrong, and the data that is written of it.

What is in order stands on both sides of what is not, and must be delivered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
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
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from tests.support.official_encoder import gauge, of_metrics, of_points

DELTA = AggregationTemporality.DELTA


class Case(NamedTuple):
    given: Any
    written: Any  # None: just what is given, and the official encoder does the same
    limit: int | None = None


class Raising:
    """Fails whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("secret")

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("secret")

    __index__ = __float__ = __len__ = __iter__ = __bool__ = __hash__ = __eq__ = _fail
    __str__ = __repr__ = __getitem__ = __contains__ = _fail


class RaisingItems(dict[str, object]):
    def items(self) -> Any:
        raise RuntimeError("secret")


class RaisingList(list[object]):
    def __iter__(self) -> Any:
        raise RuntimeError("secret")


# One point of each kind, in order ---------------------------------------------------------------

POINTS: dict[type, Any] = {
    Gauge: NumberDataPoint({"in": "order"}, 0, 5, 1),
    Sum: NumberDataPoint({"in": "order"}, 4, 5, 1.5),
    Histogram: HistogramDataPoint({"in": "order"}, 4, 5, 3, 3.0, (1, 2), (5.0,), 1.0, 2.0),
    ExponentialHistogram: ExponentialHistogramDataPoint(
        {"in": "order"}, 4, 5, 3, 3.0, 2, 1, Buckets(1, [1]), Buckets(0, [0]), 0, 1.0, 2.0
    ),
}
NUMBERS = (Gauge, Sum)
HISTOGRAMS = (Histogram, ExponentialHistogram)
KINDS = NUMBERS + HISTOGRAMS


def points_lost(kinds: Iterable[type], **fields: Iterable[Any]) -> list[Case]:
    """A point with one of ``fields`` wrong, between two in order."""
    cases = []
    for kind in kinds:
        good = POINTS[kind]
        for name, values in fields.items():
            for value in values:
                bad = dataclasses.replace(good, **{name: value})
                cases.append(Case(of_points([good, bad, good], kind), of_points([good] * 2, kind)))
    return cases


def points_mended(kinds: Iterable[type], **fields: tuple[Any, Any]) -> list[Case]:
    """The same, of which only the field is written otherwise than given."""
    cases = []
    for kind in kinds:
        good = POINTS[kind]
        for name, (given, written) in fields.items():
            bad, mended = (dataclasses.replace(good, **{name: value}) for value in (given, written))
            cases.append(
                Case(of_points([good, bad, good], kind), of_points([good, mended, good], kind))
            )
    return cases


def attributes_lost(*values: Any, key: Any = "key") -> list[Case]:
    """An attribute between two in order: of a point, an exemplar and, untouched by the SDK, of
    a scope and a resource."""
    cases = []
    for value in values:
        given, written = {"a": 1, key: value, "z": 2}, {"a": 1, "z": 2}
        for within in (gauge_with, exemplar_with, scope_with, resource_with):
            cases.append(Case(within(given), within(written)))
    return cases


def gauge_with(attributes: Any) -> MetricsData:
    return gauge(1, attributes)


def exemplar_with(attributes: Any) -> MetricsData:
    return gauge(1, {}, [Exemplar(attributes, 1, 0)])


class Own:
    """A resource or scope that is not the SDK's, and equal to nothing else."""

    name = version = schema_url = "own"

    def __init__(self, attributes: Any, **texts: Any) -> None:
        self.attributes = attributes
        self.__dict__.update(texts)


class NoHash(Own):
    def __hash__(self) -> int:
        raise RuntimeError("secret")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("secret")


METRIC = Metric("metric", "", "", Gauge([POINTS[Gauge]] * 2))
SCOPE = ScopeMetrics(InstrumentationScope("scope"), [METRIC], "")
RESOURCE = ResourceMetrics(Resource({"in": "order"}), [SCOPE], "")


def scope_with(attributes: Any) -> MetricsData:
    return of_scopes([ScopeMetrics(Own(attributes), [METRIC], "")])  # type: ignore[arg-type]


def resource_with(attributes: Any) -> MetricsData:
    return MetricsData([ResourceMetrics(Own(attributes), [SCOPE], "")])  # type: ignore[arg-type]


def of_scopes(scopes: Any) -> MetricsData:
    return MetricsData([ResourceMetrics(Resource({}), scopes, "")])


def lost_between(*bad: Any, good: Any, within: Callable[[Any], MetricsData]) -> list[Case]:
    return [Case(within([good, each, good]), within([good, good])) for each in bad]


def exemplars_lost(*bad: Any) -> list[Case]:
    good = Exemplar({"in": "order"}, 1, 5)
    return lost_between(*bad, good=good, within=lambda given: gauge(1, {"a": 1}, given))


def exemplar(**fields: Any) -> Any:
    return Exemplar(**{"filtered_attributes": {}, "value": 1, "time_unix_nano": 5, **fields})


def metrics_lost(*bad: Any) -> list[Case]:
    return lost_between(*bad, good=METRIC, within=of_metrics)


def a_metric(data: Any, name: Any = "bad", description: Any = "", unit: Any = "") -> Any:
    return Metric(name, description, unit, data)


def tails(kinds: Iterable[type], *values: Any, **fields: Any) -> list[Any]:
    """Metrics of two points with a wrong temporality, or of the field named."""
    ((name, values),) = fields.items() if fields else [("aggregation_temporality", values)]
    made = []
    for kind in kinds:
        for value in values:
            rest = {"is_monotonic": True} if kind is Sum else {}
            given = {"aggregation_temporality": DELTA, **rest, name: value}
            made.append(a_metric(kind(data_points=[POINTS[kind]] * 2, **given)))
    return made


def scopes_lost(*bad: Any) -> list[Case]:
    """A scope between two in order: equal ones would be one."""
    first, last = (ScopeMetrics(InstrumentationScope(name), [METRIC], "") for name in "ab")
    return [Case(of_scopes([first, each, last]), of_scopes([first, last])) for each in bad]


def resources_lost(*bad: Any) -> list[Case]:
    first, last = (ResourceMetrics(Resource({"n": name}), [SCOPE], "") for name in "ab")
    return [Case(MetricsData([first, each, last]), MetricsData([first, last])) for each in bad]
