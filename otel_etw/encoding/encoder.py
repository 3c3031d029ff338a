"""MetricsData into frames: the walk over resources, scopes, metrics and points.

One walk for both encoders: the plain packer is given points that are encoded, the compiled one the
fields of everyday points, and encoded what it does not know. A wrong object costs itself: what is
lost is counted in a `Losses`, the rest goes on.

The encoder does no I/O, knows no clock and starts no thread. One that is used by one thread at a
time needs no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from . import plain
from .everyday import READY
from .kinds import KINDS, Kind, kind_of
from .losses import Losses, Rejected, name_of, shown
from .otlp import ROOM

try:
    from . import _native
except ImportError:
    _native = None  # type: ignore[assignment]

__all__ = ["COMPILED", "Encoder", "count_points"]

COMPILED = _native is not None

# Resources and scopes whose bytes are kept; the SDK has one and a handful.
_KEPT = 256

Ends = tuple[bytes, bytes]


class Encoder:
    """Turns exports into frames; keeps the bytes of resources and scopes between exports."""

    def __init__(
        self,
        *,
        max_points: int | None = None,
        attributes: Mapping[str, object] | None = None,
        resource_attributes: Mapping[str, object] | None = None,
        native: bool = True,
    ) -> None:
        """``max_points`` bounds the points of a frame. ``attributes`` are added to every point
        that has none of the same key, ``resource_attributes`` replace the resource's.

        Raises `ValueError` for an attribute that cannot be encoded, and `RuntimeError` when
        ``native`` is asked for where nothing is compiled.
        """
        if native and _native is None:
            raise RuntimeError("otel-etw was installed without its compiled encoder")
        self._native = native
        if not native:
            # Imported here, since where the compiled one is nobody needs it; and not in ``encode``:
            # a signal handler that raises amid an import may leave the import system locked.
            from .packing import Packer

            self._plain_packer = Packer
        self._max_points = max_points
        self._constants = tuple(
            _constant(key, value, ROOM.POINT) for key, value in (attributes or {}).items()
        )
        self._resource_attributes = dict(resource_attributes or {})
        for key, value in self._resource_attributes.items():
            _constant(key, value, ROOM.RESOURCE)
        self._resources = _Kept(Resource)
        self._scopes = _Kept(InstrumentationScope)

    def encode(self, data: MetricsData, limit: int | None, losses: Losses) -> Iterator[Any]:
        """Frames, batch by batch: each at most ``limit`` bytes, filled as far as points go.

        With neither limit nor number of points there is one frame, equal to the official
        encoder's request, whatever is in it. Otherwise what has no point is not written. A large
        frame takes its time: while it grows, empty batches come, for the caller to let others have
        their turn. Never raises but for a lack of memory; what is lost is added to ``losses`` as it
        is found.
        """
        if self._native:
            packer = _native.PointPacker(  # pyright: ignore[reportOptionalMemberAccess]
                limit, self._max_points, self._constants
            )
        else:
            packer = self._plain_packer(limit, self._max_points)
        for resource, scopes in _resources(data, losses):
            try:
                ends = self._resources.ends(resource, losses, self._resource_ends)
                scopes = _scopes(scopes, losses)
            except Exception as error:
                _lose("resource", error, resource, losses, _count_all(scopes, _points_of_scope))
                continue
            packer.resource(*ends)
            for scope, metrics in scopes:
                try:
                    ends = self._scopes.ends(scope, losses, plain.scope_ends)
                    metrics = _listed(metrics, "metrics")
                except Exception as error:
                    _lose("scope", error, scope, losses, _count_all(metrics, _points_of))
                    continue
                packer.scope(*ends)
                for metric in metrics:
                    kind, points = self._give(packer, metric, losses)
                    where = ""
                    for left in points:
                        if left is not READY:
                            where = where or name_of(metric)
                            self._point(packer, kind, left, losses, where)
                        if packer.ready:
                            yield packer.take()
        packer.end()
        frames = packer.take()
        if len(frames):
            yield frames

    def _resource_ends(self, resource: Resource, losses: Losses) -> Ends:
        return plain.resource_ends(resource, losses, self._resource_attributes)

    def _give(self, packer: Any, metric: Any, losses: Losses) -> tuple[Kind, Iterable[Any]]:
        """Begin a metric. Iterating over what is returned gives its points to the packer: each that
        is left for ``_point`` comes out, and READY where there are frames to take."""
        points: list[Any] | None = None
        try:
            data = metric.data
            kind = kind_of(data)
            if kind is None:
                self._begin(packer, metric, KINDS[0].tag, b"", losses)
                example = f"{name_of(metric)}, data ({type(data).__name__})"
                losses.add("metric", "unsupported_type", example)
                losses.add("point", "unsupported_type", example, _points_of(metric))
                return KINDS[0], ()
            _, tag, _, tail, everyday = kind
            points = _listed(data.data_points, "data_points")
            self._begin(packer, metric, tag, tail(data) if points else b"", losses)
        except Exception as error:
            count = _points_of(metric) if points is None else len(points)
            _lose("metric", error, metric, losses, count, name_of(metric))
            return KINDS[0], ()
        if not self._native:
            return kind, points
        packer.expect(points)
        return kind, everyday(points, packer)

    def _begin(self, packer: Any, metric: Any, tag: bytes, tail: bytes, losses: Losses) -> None:
        if not self._native or not packer.everyday_metric(
            metric.name, metric.description, metric.unit, tag, tail
        ):
            packer.metric(plain.metric_head(metric, losses, name_of(metric)), tag, tail)

    def _point(self, packer: Any, kind: Kind, point: Any, losses: Losses, where: str) -> None:
        """Give a point that is not an everyday one."""
        body = plain.point(kind.point, point, self._constants, losses, where)
        if body is not None and not packer.add(body):
            losses.add("point", "too_large", f"{where}, a point of {len(body)} bytes")


class _Kept:
    """The bytes of objects that come again with every export, by identity.

    Only of exactly the SDK's class, whose attributes cannot change. What their encoding lost is
    counted again each time.
    """

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._known: dict[int, tuple[object, Ends, Losses]] = {}

    def ends(self, given: Any, losses: Losses, encode: Any) -> Ends:
        known = self._known.get(id(given))
        if known is None:
            lost = Losses()
            known = (given, encode(given, lost), lost)
            if type(given) is self._kind:
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[id(given)] = known
        _, ends, lost = known
        if lost.counts:
            losses.include(lost)
        return ends


def _constant(key: str, value: object, room: int) -> tuple[str, bytes]:
    """An attribute from the settings: its key and KeyValue. ValueError names what is wrong."""
    if not isinstance(key, str) or not key:
        raise ValueError(f"attribute key {repr(key)[:80]}: it must be a non-empty string")
    try:
        return str.__str__(key), plain.key_value(key, value, room)
    except Exception as error:
        wrong = error if isinstance(error, Rejected) else type(error).__name__
        raise ValueError(f"attribute {shown(key)}: {wrong}") from None


def _listed(given: Iterable[Any], field: str) -> list[Any]:
    if type(given) is list:
        return given
    try:
        return list(given)
    except Exception:
        raise Rejected("malformed", field, type(given).__name__) from None


def _lose(
    what: str, error: Exception, given: object, losses: Losses, points: int, where: str = ""
) -> None:
    """Count an object that cannot be encoded, and the points that go with it."""
    if not isinstance(error, Rejected):
        error = Rejected("malformed", what, type(given).__name__)
    example = f"{where}, {error}" if where else str(error)
    losses.add(what, error.reason, example)
    losses.add("point", error.reason, example, points)


def _resources(data: Any, losses: Losses) -> list[tuple[Any, Any]]:
    """Each resource with its scopes. Of equal resources the last one's scopes count, at the place
    and with the bytes of the first: the official encoder keeps them in a dict."""
    try:
        given = _listed(data.resource_metrics, "resource_metrics")
    except Exception as error:
        _lose("export", error, data, losses, 0)
        return []
    if only := _only(given, _RESOURCE_AND_SCOPES):
        return only
    groups = _keyed(given, "resource", _points_of_resource, losses)
    if len(groups) > 1:
        kept = _last_of_equal(groups, "resource", _points_of_resource, losses)
        groups = [(resource, last) for (resource, _), (_, last) in kept]
    return [(resource, _field(group, "scope_metrics")) for resource, group in groups]


def _scopes(given: Any, losses: Losses) -> list[tuple[Any, Any]]:
    """Each scope with its metrics. Of equal scopes the last counts, at the first one's place."""
    given = _listed(given, "scope_metrics")
    if only := _only(given, _SCOPE_AND_METRICS):
        return only
    groups = _keyed(given, "scope", _points_of_scope, losses)
    if len(groups) > 1:
        kept = _last_of_equal(groups, "scope", _points_of_scope, losses)
        groups = [last for _, last in kept]
    return [(scope, _field(group, "metrics")) for scope, group in groups]


_RESOURCE_AND_SCOPES = attrgetter("resource", "scope_metrics")
_SCOPE_AND_METRICS = attrgetter("scope", "metrics")


def _only(given: list[Any], parts: Callable[[Any], tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The parts of a single group, as most exports have it; nothing where that is not so."""
    try:
        return [parts(given[0])] if len(given) == 1 else []
    except Exception:
        return []  # it lacks one


def _keyed(given: list[Any], what: str, count: Any, losses: Losses) -> list[tuple[Any, Any]]:
    """(its resource or scope, the group) of each group that has one."""
    groups = []
    for group in given:
        try:
            groups.append((getattr(group, what), group))
        except Exception as error:
            _lose(what, error, group, losses, count(group))
    return groups


def _last_of_equal(
    groups: list[tuple[Any, Any]], what: str, count: Any, losses: Losses
) -> list[tuple[tuple[Any, Any], tuple[Any, Any]]]:
    """(first, last) of the groups whose keys are equal; what comes between is lost."""
    kept: dict[Any, tuple[tuple[Any, Any], tuple[Any, Any]]] = {}
    for group in groups:
        key = group[0]
        try:
            earlier = kept.get(key)
        except Exception:
            # No hash: it is equal to nothing, and encoding it will tell what is wrong.
            key, earlier = _Alone(), None
        if earlier is not None:
            losses.add(what, "duplicate", f"a {what}")
            losses.add("point", "duplicate", f"points of a {what}", count(earlier[1][1]))
        kept[key] = (group if earlier is None else earlier[0], group)
    return list(kept.values())


class _Alone:
    """A key that is equal to no other."""


# Points of what is lost as a whole, as far as they can be counted.


def _count_all(given: Any, count: Callable[[Any], int]) -> int:
    # Not of iterators: counting would use them up.
    return sum(map(count, given)) if isinstance(given, (list, tuple)) else 0


def _points_of_resource(resource_metrics: Any) -> int:
    return _count_all(_field(resource_metrics, "scope_metrics"), _points_of_scope)


def _points_of_scope(scope_metrics: Any) -> int:
    return _count_all(_field(scope_metrics, "metrics"), _points_of)


def _points_of(metric: Any) -> int:
    try:
        return len(metric.data.data_points)
    except Exception:
        return 0


def count_points(data: Any) -> int:
    """All points of an export, as far as they can be counted. Never raises."""
    return _count_all(_field(data, "resource_metrics"), _points_of_resource)


def _field(given: Any, name: str) -> Any:
    """A field of whatever object; None where it cannot be read."""
    try:
        return getattr(given, name)
    except Exception:
        return None
