"""The resources of an export and the scopes of a resource, each once.

The official encoder collects both in dicts. So of equal ones the last counts, at the place of the
first; the points of the others are lost, and counted here as ``duplicate``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from .counting import count_points_of_resource, count_points_of_scope, field_or_none
from .losses import Losses, Rejected

__all__ = ["as_list", "grouped_resources", "grouped_scopes"]

CountPoints = Callable[[Any], int]


def grouped_resources(data: Any, losses: Losses) -> list[tuple[Any, Any]]:
    """(resource, its scope_metrics) of a MetricsData. Of equal resources, the first's bytes and the
    last's scopes. Never raises: what is no MetricsData is counted and has none."""
    try:
        given = as_list(data.resource_metrics, "resource_metrics")
    except Exception as error:
        losses.reject("export", error, data, 0)
        return []
    if only := _only(given, _RESOURCE_AND_SCOPES):
        return only
    groups = _keyed(given, "resource", count_points_of_resource, losses)
    if len(groups) > 1:
        pairs = _first_and_last_of_equal(groups, "resource", count_points_of_resource, losses)
        groups = [(resource, last) for (resource, _), (_, last) in pairs]
    return [(resource, field_or_none(group, "scope_metrics")) for resource, group in groups]


def grouped_scopes(given: Any, losses: Losses) -> list[tuple[Any, Any]]:
    """(scope, its metrics) of a list of ScopeMetrics. Raises `Rejected` for what is no list."""
    given = as_list(given, "scope_metrics")
    if only := _only(given, _SCOPE_AND_METRICS):
        return only
    groups = _keyed(given, "scope", count_points_of_scope, losses)
    if len(groups) > 1:
        pairs = _first_and_last_of_equal(groups, "scope", count_points_of_scope, losses)
        groups = [last for _, last in pairs]
    return [(scope, field_or_none(group, "metrics")) for scope, group in groups]


def as_list(given: Iterable[Any], field: str) -> list[Any]:
    """A list of what any iterable gives. Raises `Rejected`, which names ``field``."""
    if type(given) is list:
        return given
    try:
        return list(given)
    except Exception:
        raise Rejected("malformed", field, type(given).__name__) from None


_RESOURCE_AND_SCOPES = attrgetter("resource", "scope_metrics")
_SCOPE_AND_METRICS = attrgetter("scope", "metrics")


def _only(given: list[Any], parts: Callable[[Any], tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The parts of a single group, as most exports have it; nothing where that is not so."""
    try:
        return [parts(given[0])] if len(given) == 1 else []
    except Exception:
        return []  # it lacks one


def _keyed(
    given: list[Any], what: str, count: CountPoints, losses: Losses
) -> list[tuple[Any, Any]]:
    """(its resource or scope, the group) of each group that has one."""
    groups = []
    for group in given:
        try:
            groups.append((getattr(group, what), group))
        except Exception as error:
            losses.reject(what, error, group, count(group))
    return groups


def _first_and_last_of_equal(
    groups: list[tuple[Any, Any]], what: str, count: CountPoints, losses: Losses
) -> list[tuple[tuple[Any, Any], tuple[Any, Any]]]:
    """(first, last) of the groups whose keys are equal; those between are lost, and the first."""
    found: dict[Any, tuple[tuple[Any, Any], tuple[Any, Any]]] = {}
    for group in groups:
        key = group[0]
        try:
            earlier = found.get(key)
        except Exception:
            # No hash: it is equal to nothing, and encoding it will tell what is wrong.
            key, earlier = _EqualToNothing(), None
        if earlier is not None:
            losses.add(what, "duplicate", f"a {what}")
            losses.add("point", "duplicate", f"points of a {what}", count(earlier[1][1]))
        found[key] = (group if earlier is None else earlier[0], group)
    return list(found.values())


class _EqualToNothing:
    """A key of its own."""
