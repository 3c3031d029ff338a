"""Objects that raise whatever they are asked: each costs itself, never the export nor a crash."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_etw.encoding import count_points
from tests.support.official_encoder import Encoded, gauge, of_metrics, of_points
from tests.support.points import KINDS, METRIC, POINTS, RESOURCE, Raising, a_metric, exemplar

LIMITS: list[dict[str, Any]] = [{}, {"limit": 10_000}, {"max_points": 1}]
GOOD = 4  # points on both sides of what is wrong


def failing(given: Any, name: str, error: type[Exception]) -> Any:
    """A copy of ``given`` whose attribute ``name`` raises."""

    def fail(_: object) -> Any:
        raise error("secret")

    kind = type(given)
    made = copy.copy(given)
    changed = type(kind.__name__, (kind,), {"__slots__": (), name: property(fail)})
    object.__setattr__(made, "__class__", changed)
    return made


def around_metrics(metric: Any) -> Any:
    return of_metrics([METRIC, metric, METRIC])


def around_scopes(scope_metrics: Any) -> Any:
    first, last = (ScopeMetrics(InstrumentationScope(name), [METRIC], "") for name in "ab")
    return MetricsData([ResourceMetrics(Resource({}), [first, scope_metrics, last], "")])


def around_resources(resource_metrics: Any) -> Any:
    last = ResourceMetrics(Resource({"n": "last"}), RESOURCE.scope_metrics, "")
    return MetricsData([RESOURCE, resource_metrics, last])


def around_points(kind: type) -> Callable[[Any], Any]:
    good = POINTS[kind]
    return lambda point: of_points([good, good, point, good, good], kind)


def scope_metrics(scope: Any) -> Any:
    return around_scopes(ScopeMetrics(scope, [METRIC], ""))


def resource_metrics(resource: Any) -> Any:
    return around_resources(ResourceMetrics(resource, RESOURCE.scope_metrics, ""))


OWN_SCOPE, OWN_RESOURCE = InstrumentationScope("bad"), Resource({"n": "bad"})
PLACES: dict[str, tuple[Callable[[Any], Any], Any, list[str]]] = {
    "resource group": (
        around_resources,
        ResourceMetrics(OWN_RESOURCE, RESOURCE.scope_metrics, ""),
        ["resource", "scope_metrics"],
    ),
    "resource": (resource_metrics, OWN_RESOURCE, ["attributes", "schema_url"]),
    "scope group": (
        around_scopes,
        ScopeMetrics(OWN_SCOPE, [METRIC], ""),
        ["scope", "metrics"],
    ),
    "scope": (scope_metrics, OWN_SCOPE, ["name", "version", "schema_url", "attributes"]),
    "metric": (around_metrics, METRIC, ["name", "description", "unit", "data"]),
    "data": (
        lambda data: around_metrics(a_metric(data)),
        Sum([POINTS[Sum]] * 2, 1, True),  # type: ignore[arg-type]
        ["data_points", "aggregation_temporality", "is_monotonic"],
    ),
    "gauge": (
        lambda data: around_metrics(a_metric(data)),
        Gauge([POINTS[Gauge]] * 2),
        ["data_points"],
    ),
    "histogram": (
        lambda data: around_metrics(a_metric(data)),
        Histogram([POINTS[Histogram]] * 2, 1),  # type: ignore[arg-type]
        ["data_points", "aggregation_temporality"],
    ),
    **{
        kind.__name__ + " point": (
            around_points(kind),
            POINTS[kind],
            [
                field.name
                for field in dataclasses.fields(POINTS[kind])
                if not (kind is Gauge and field.name == "start_time_unix_nano")
            ],
        )
        for kind in KINDS
    },
}
CASES = [
    pytest.param(within, given, name, id=f"{place}.{name}")
    for place, (within, given, names) in PLACES.items()
    for name in names
]


@pytest.mark.parametrize("error", [RuntimeError, AttributeError])
@pytest.mark.parametrize(("within", "given", "name"), CASES)
def test_an_attribute_that_raises(
    within: Callable[[Any], Any],
    given: Any,
    name: str,
    error: type[Exception],
    native: bool,
) -> None:
    data = within(failing(given, name, error))
    for options in LIMITS:
        ours = Encoded(data, native, **options)
        assert sum(ours.counts) == GOOD
        assert ours.losses
        assert not any("secret" in example for example in ours.losses.examples.values())


class Unknown:
    """No data of the SDK's."""

    data_points = (POINTS[Gauge],) * 3


def test_data_whose_class_raises(native: bool) -> None:
    data = around_metrics(a_metric(failing(METRIC.data, "__class__", RuntimeError)))
    # A Gauge is known by its type before anyone asks.
    assert Encoded(data, native).counts == [GOOD + 2]
    data = around_metrics(a_metric(failing(Unknown(), "__class__", RuntimeError)))
    assert Encoded(data, native).counts == [GOOD]


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(exemplar())])
def test_an_exemplar_that_raises(name: str, native: bool) -> None:
    data = gauge(exemplars=[exemplar(), failing(exemplar(), name, RuntimeError), exemplar()])
    ours = Encoded(data, native)
    assert sum(ours.counts) == 1
    # Without a trace id there is no asking for the span id.
    lost = {} if name == "trace_id" else {("exemplar", "malformed"): 1}
    assert ours.lost == lost


@pytest.mark.parametrize("within", [around_resources, around_scopes, around_metrics])
def test_an_object_that_raises(within: Callable[[Any], Any], native: bool) -> None:
    ours = Encoded(within(Raising()), native)
    assert sum(ours.counts) == GOOD
    assert ours.losses


@pytest.mark.parametrize("where", ["resource_metrics", "scope_metrics", "metrics", "data_points"])
def test_a_container_that_raises_half_way(where: str, native: bool) -> None:
    """Costs the object around it: what else it holds is unknown."""

    def half(given: Any) -> Iterator[Any]:
        yield given
        raise RuntimeError("secret")

    data: dict[str, Any] = {
        "resource_metrics": lambda: MetricsData(half(RESOURCE)),  # type: ignore[arg-type]
        "scope_metrics": lambda: around_resources(
            ResourceMetrics(OWN_RESOURCE, half(RESOURCE.scope_metrics[0]), "")  # type: ignore[arg-type]
        ),
        "metrics": lambda: around_scopes(ScopeMetrics(OWN_SCOPE, half(METRIC), "")),  # type: ignore[arg-type]
        "data_points": lambda: around_metrics(a_metric(Gauge(half(POINTS[Gauge])))),  # type: ignore[arg-type]
    }
    ours = Encoded(data[where](), native)
    assert sum(ours.counts) == (0 if where == "resource_metrics" else GOOD)
    assert ours.losses


class Name(str):
    """A text whose methods raise."""

    def __getitem__(self, _: Any) -> str:
        raise RuntimeError("secret")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("secret")

    __repr__ = __str__ = __getitem__  # type: ignore[assignment]


def test_a_name_that_raises_is_a_name_all_the_same(native: bool) -> None:
    """A str subclass is what it holds, whatever its methods do."""
    data = of_metrics([Metric(Name("bad"), "", "", METRIC.data), METRIC])
    ours = Encoded(data, native)
    assert sum(ours.counts) == GOOD
    assert b"bad" in ours.frames[0]
    scopes = [ScopeMetrics(InstrumentationScope(Name("bad")), [METRIC], "")]
    ours = Encoded(MetricsData([ResourceMetrics(Resource({}), scopes, "")]), native)
    assert sum(ours.counts) == 2
    ours = Encoded(gauge(1, {Name("bad"): {1}, "k": 1}), native)
    assert ours.lost == {("attribute", "unsupported_type"): 1}


@pytest.mark.parametrize("where", ["middle", "alone"])
@pytest.mark.parametrize(
    "wrong", ["p", None, 5, object(), b"bytes"], ids=lambda w: type(w).__name__
)
@pytest.mark.parametrize("kind", KINDS)
def test_no_point_among_points(kind: type, wrong: Any, where: str, native: bool) -> None:
    good = POINTS[kind]
    points = [wrong] if where == "alone" else [good] * 300 + [wrong] + [good] * 300
    ours = Encoded(of_points(points, kind), native)
    assert sum(ours.counts) == len(points) - 1
    assert ours.lost == {("point", "malformed"): 1}


def test_counting_what_cannot_be_counted() -> None:
    assert count_points(Raising()) == 0
    assert count_points(None) == 0
    assert count_points(around_metrics(Raising())) == GOOD
    assert count_points(around_metrics(failing(METRIC, "data", RuntimeError))) == GOOD
    assert (
        count_points(around_scopes(failing(PLACES["scope group"][1], "metrics", ValueError)))
        == GOOD
    )


def test_points_of_what_is_lost_are_counted(native: bool) -> None:
    """Also of data of a type that is not the SDK's, and where the temporality shows only after a
    generator has been read."""

    assert Encoded(of_metrics([a_metric(Unknown())]), native).losses.points() == 3
    points = (POINTS[Sum] for _ in range(3))
    wrong = Sum(points, "wrong", True)  # type: ignore[arg-type]
    assert Encoded(of_metrics([a_metric(wrong)]), native).losses.points() == 3
