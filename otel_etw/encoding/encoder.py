"""MetricsData into frames: the walk over resources, scopes, metrics and points.

Where compiled code is there, points take the fast path: `otel_etw.encoding.fast_path` reads their
fields and the compiled packer encodes them. A point that it does not take falls back to pure
Python, and so does every point where nothing is compiled. A wrong object costs itself: what is lost
is counted in a `Losses`, the rest goes on.

The encoder does no I/O, knows no clock and starts no thread. One that is used by one thread at a
time needs no lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from .attributes import key_value
from .counting import count_points_of_metric, count_points_of_metrics, count_points_of_scopes
from .fast_path import no_fast_path
from .grouping import as_list, grouped_resources, grouped_scopes
from .identity_cache import IdentityCache
from .kinds import KINDS, Kind, kind_of
from .losses import Losses, Rejected, TooLarge, name_of, quoted
from .metrics import metric_head, resource_ends, scope_ends
from .otlp import ROOM
from .results import FALLBACK, FLUSH, TAKEN, Result

try:
    from . import _data_points
except ImportError:
    _data_points = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from ._data_points import PointPacker
    from ._frames import Frames as CompiledFrames
    from .frames import Frames
    from .packing import Packer

__all__ = ["COMPILED", "Encoder"]

COMPILED = _data_points is not None


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
        """
        Args:
            max_points: the most points a frame may have, 1 or more; None: as many as the limit
                allows.
            attributes: added to every point that has none of the same key.
            resource_attributes: replace the resource's of the same key.
            native: whether to encode with compiled code.

        Raises:
            ValueError: an attribute cannot be encoded; the message names it.
            RuntimeError: ``native`` is asked for where nothing is compiled.
        """
        if native and _data_points is None:
            raise RuntimeError("otel-etw was installed without its compiled encoder")
        self._packer_class: type[Packer] | None = None
        if not native:
            # Imported here, since where the compiled one is nobody needs it; and not amid an
            # export: an import that a signal handler interrupts may leave the import system locked.
            from .packing import Packer

            self._packer_class = Packer
        self._max_points = max_points
        self._constants = tuple(
            _constant(key, value, ROOM.POINT) for key, value in (attributes or {}).items()
        )
        constants = dict(resource_attributes or {})
        for key, value in constants.items():
            _constant(key, value, ROOM.RESOURCE)
        self._resources = IdentityCache(Resource, partial(resource_ends, constants=constants))
        self._scopes = IdentityCache(InstrumentationScope, scope_ends)

    def encode(
        self, data: MetricsData, limit: int | None, losses: Losses
    ) -> Iterator[Frames | CompiledFrames]:
        """Frames, batch by batch, each batch as soon as it is full.

        With neither ``limit`` nor ``max_points`` there is one frame, equal to the official
        encoder's request, whatever is in it. Otherwise a frame holds as many points as fit, of one
        resource, and what has no point is not written.

        A batch may be empty: one comes for every 64 KiB of points while a single frame grows, so
        that the caller can let other threads run.

        Args:
            data: what the SDK collected. It is read while batches are asked for.
            limit: the most bytes a frame may have.
            losses: what is left out is added here as it is found; what was lost up to a batch is
                there when the batch comes.

        Raises:
            MemoryError: and nothing else. Batches that came before it are complete.
        """
        packer = self._packer(limit)
        for resource, scopes in grouped_resources(data, losses):
            try:
                ends = self._resources.ends(resource, losses)
                scopes = grouped_scopes(scopes, losses)
            except Exception as error:
                losses.reject("resource", error, resource, count_points_of_scopes(scopes))
                continue
            packer.resource(*ends)
            for scope, metrics in scopes:
                try:
                    ends = self._scopes.ends(scope, losses)
                    metrics = as_list(metrics, "metrics")
                except Exception as error:
                    losses.reject("scope", error, scope, count_points_of_metrics(metrics))
                    continue
                packer.scope(*ends)
                for metric in metrics:
                    kind, points = self._begin(packer, metric, losses)
                    where = ""
                    for result, point in points:
                        if result == FALLBACK:
                            where = where or name_of(metric)
                            result = self._fall_back(packer, kind, point, losses, where)
                        if result == FLUSH:
                            yield packer.take()
        packer.end()
        frames = packer.take()
        if len(frames):
            yield frames

    def _packer(self, limit: int | None) -> Packer | PointPacker:
        if self._packer_class:
            return self._packer_class(limit, self._max_points)
        return _data_points.PointPacker(  # pyright: ignore[reportOptionalMemberAccess]
            limit, self._max_points, self._constants
        )

    def _begin(
        self, packer: Packer | PointPacker, metric: Any, losses: Losses
    ) -> tuple[Kind, Iterable[tuple[Result, Any]]]:
        """Begin a metric. Iterating over the second of what is returned gives its points to the
        packer, and tells where to act: see `otel_etw.encoding.fast_path`."""
        points: list[Any] | None = None
        fast = packer if _data_points and isinstance(packer, _data_points.PointPacker) else None
        try:
            data = metric.data
            kind = kind_of(data)
            if kind:
                points = as_list(data.data_points, "data_points")
                tag, tail = kind.tag, kind.tail(data) if points else b""
            else:
                tag, tail = KINDS[0].tag, b""
            if fast is None or (
                fast.metric_fields(metric.name, metric.description, metric.unit, tag, tail)
                == FALLBACK
            ):
                packer.metric(metric_head(metric, losses, name_of(metric)), tag, tail)
        except Exception as error:
            count = count_points_of_metric(metric) if points is None else len(points)
            losses.reject("metric", error, metric, count, name_of(metric))
            return KINDS[0], ()
        if kind is None or points is None:
            # The metric is written without data, as the official encoder does.
            example = f"{name_of(metric)}, data ({type(data).__name__})"
            losses.add("metric", "unsupported_type", example)
            losses.add("point", "unsupported_type", example, count_points_of_metric(metric))
            return KINDS[0], ()
        if fast is None:
            return kind, no_fast_path(points)
        fast.expect(points)
        return kind, kind.read_points(points, fast)

    def _fall_back(
        self, packer: Packer | PointPacker, kind: Kind, point: Any, losses: Losses, where: str
    ) -> Result:
        """Encode a point in pure Python and give it to the packer, or count it as lost."""
        try:
            body = kind.encode_point(point, self._constants, losses, where)
        except Exception as error:
            rejected = Rejected.of(error, "a data point", point)
            losses.add("point", rejected.reason, f"{where}, {rejected}")
            return TAKEN
        try:
            return packer.add(body)
        except TooLarge as error:
            losses.add("point", "too_large", f"{where}, {error}")
            return TAKEN


def _constant(key: str, value: object, room: int) -> tuple[str, bytes]:
    """An attribute from the settings: its key and KeyValue. ValueError names what is wrong."""
    if not isinstance(key, str) or not key:
        raise ValueError(f"attribute key {repr(key)[:80]}: it must be a non-empty string")
    try:
        return str.__str__(key), key_value(key, value, room)
    except Exception as error:
        wrong = error if isinstance(error, Rejected) else type(error).__name__
        raise ValueError(f"attribute {quoted(key)}: {wrong}") from None
