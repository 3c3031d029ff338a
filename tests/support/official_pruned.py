"""Data without all that the official encoder refuses.

Each part is tried alone, by the official encoder itself. What it refuses is mended where our
policy mends it (docs/policies.md), otherwise taken out, as small a part as can go.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)

from tests.support.odd_values import Pairs
from tests.support.official_encoder import gauge, of_metric, of_points, of_scope, official

Within = Callable[[Any], MetricsData]
"""Puts a part into data that is otherwise in order."""


class Part:
    """A resource, scope or metric whose fields were mended; equal to nothing but itself."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


def accepted(data: MetricsData) -> bool:
    return official(data) is not None


def pruned(data: MetricsData) -> MetricsData:
    """``data`` as the official encoder accepts it."""
    groups = _last_of_equal(data.resource_metrics, "resource", keep_first=True)
    kept = ((_ends(resource, _with_resource), group) for resource, group in groups)
    return MetricsData(
        [ResourceMetrics(one, _scopes(group), "") for one, group in kept if one is not None]
    )


def _scopes(group: ResourceMetrics) -> list[ScopeMetrics]:
    groups = _last_of_equal(group.scope_metrics, "scope", keep_first=False)
    kept = ((_ends(scope, _with_scope), last) for scope, last in groups)
    return [
        ScopeMetrics(one, [metric for given in last.metrics for metric in _metric(given)], "")
        for one, last in kept
        if one is not None
    ]


def _last_of_equal(groups: Iterable[Any], what: str, keep_first: bool) -> list[tuple[Any, Any]]:
    """Each resource or scope, the first or last of equal ones, with the last group that has it."""
    kept: dict[Any, tuple[Any, Any]] = {}
    for group in groups:
        given = getattr(group, what)
        kept[given] = (kept[given][0] if keep_first and given in kept else given, group)
    return list(kept.values())


def _with_resource(resource: Any) -> MetricsData:
    return MetricsData([ResourceMetrics(resource, [], "")])


def _with_scope(scope: Any) -> MetricsData:
    return of_scope(ScopeMetrics(scope, [], ""))


def _ends(given: Any, within: Within) -> Any:
    """A resource or scope; None when it is refused as a whole."""
    if accepted(within(given)):
        return given
    empty = {"name": "", "version": "", "schema_url": ""}
    texts = {name: _text(getattr(given, name)) for name in empty if hasattr(given, name)}
    attributes = _attributes(given.attributes, lambda a: within(Part(**empty, attributes=a)))
    mended = Part(**texts, attributes=attributes)
    return mended if accepted(within(mended)) else None


def _text(given: Any) -> Any:
    """Lone surrogates become U+FFFD."""
    if not isinstance(given, str):
        return given
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in given)


def _attributes(given: Any, within: Within) -> Any:
    """Without each that costs the whole export; no mapping stays as it is."""
    if accepted(within(given)) or not hasattr(given, "items"):
        return given
    return Pairs([item for item in given.items() if accepted(within(Pairs([item])))])


def _metric(given: Metric) -> list[Metric]:
    """The metric, or none when it is refused as a whole."""
    name, description, unit = map(_text, (given.name, given.description, given.unit))
    if not accepted(of_metric(Metric(name, description, unit, None))):  # type: ignore[arg-type]
        return []
    data: Any = given.data
    points = list(getattr(data, "data_points", ()))
    if points:
        if not isinstance(data, Gauge):
            # A temporality is a temporality, whatever the kind.
            tail = {name: getattr(data, name, True) for name in _TAIL}
            if not accepted(of_points([NumberDataPoint({}, 0, 0, 1)], Sum, **tail)):
                return []
        kind = type(data)
        points = [point for one in points for point in _point(one, lambda p: of_points([p], kind))]
        data = dataclasses.replace(data, data_points=points)
    return [Metric(name, description, unit, data)]


_EXEMPLAR = Exemplar({}, 1, 0)
_TAIL = ("aggregation_temporality", "is_monotonic")


def _point(given: Any, within: Within) -> list[Any]:
    """The point, or none when it is refused as a whole."""
    if accepted(within(given)):
        return [given]
    if not dataclasses.is_dataclass(given):
        return []
    changes: dict[str, Any] = {
        "attributes": _attributes(given.attributes, lambda a: gauge(attributes=a)),  # type: ignore[attr-defined]
        "exemplars": _exemplars(given.exemplars),  # type: ignore[attr-defined]
    }
    if isinstance(getattr(given, "value", None), bool):
        changes["value"] = int(given.value)  # type: ignore[attr-defined]
    mended = dataclasses.replace(given, **changes)  # type: ignore[type-var]
    return [mended] if accepted(within(mended)) else []


def _exemplars(given: Any) -> list[Any]:
    try:
        return [kept for one in given for kept in _exemplar(one)]
    except TypeError:
        return []


def _exemplar(given: Any) -> list[Any]:
    def within(exemplar: Any) -> MetricsData:
        return gauge(exemplars=[exemplar])

    if accepted(within(given)):
        return [given]
    if not dataclasses.is_dataclass(given):
        return []
    value = given.value  # type: ignore[attr-defined]
    attributes = given.filtered_attributes  # type: ignore[attr-defined]
    mended = dataclasses.replace(  # type: ignore[type-var]
        given,
        value=int(value) if isinstance(value, bool) else value,
        filtered_attributes=_attributes(
            attributes, lambda a: within(dataclasses.replace(_EXEMPLAR, filtered_attributes=a))
        ),
    )
    return [mended] if accepted(within(mended)) else []
