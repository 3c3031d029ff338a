"""Frames kept in memory: what a test asserts on."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar, overload

from otel_etw.limits import MESSAGE_MAXIMUM
from otel_etw.transports.arguments import whole_number
from otel_etw.transports.base import Delivery, Frames, Spec, Transport
from otel_etw.transports.call_guard import CallGuard, Refusal

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

__all__ = ["InMemoryTransport"]

T = TypeVar("T")


# Seconds to wait for another thread that adds or copies frames.
_PATIENCE = 1.0


class _Store:
    """The newest frames, numbered from 0.

    Each step is one call into C, which no thread and no signal handler interrupts where there is a
    GIL; without one a copy fails while another thread adds, so they take turns. A call that gets
    no turn, as a signal handler's amid another, goes on without: what is refused would be lost.
    """

    def __init__(self, max_frames: int) -> None:
        self._numbered: deque[tuple[bytes, int]] = deque(maxlen=max_frames)
        self._numbers = count()
        self._guard = CallGuard()

    def add(self, frames: list[bytes]) -> None:
        # In this order: ``zip`` takes no number where there is no frame.
        self._in_turn(self._numbered.extend, zip(frames, self._numbers, strict=False))

    @property
    def frames(self) -> list[bytes]:
        return [frame for frame, _ in self._in_turn(self._numbered.copy)]

    @property
    def evicted(self) -> int:
        for _, number in self._in_turn(self._numbered.copy):
            return number
        return 0

    def _in_turn(self, function: Callable[..., T], *arguments: Any) -> T:
        result = self._guard.run(_PATIENCE, function, *arguments)
        return function(*arguments) if isinstance(result, Refusal) else result


class InMemoryTransport(Transport):
    """Keeps the newest ``max_frames`` frames; any thread may send and read.

    ``limit`` is the most bytes of one frame; without it an export is one frame whatever its
    size. After ``close`` the frames stay readable and nothing more is taken; ``enabled``
    stays true, so that an export after it is counted as lost.
    """

    def __init__(self, limit: int | None = None, max_frames: int = 10_000) -> None:
        if limit is not None:
            whole_number("limit", limit, 1, MESSAGE_MAXIMUM)
        self._limit = limit
        self._max_frames = whole_number("max_frames", max_frames, 1, sys.maxsize)
        self._store = _Store(self._max_frames)
        self._closed = False

    @classmethod
    def from_spec(cls, spec: Spec) -> InMemoryTransport:
        """``memory`` or ``memory:?max_frames=100``."""
        spec.refuse_target()
        return cls(limit=spec.limit, **spec.integers("max_frames"))

    @property
    def limit(self) -> int | None:
        return self._limit

    def send(self, frames: Frames) -> Delivery:
        if self._closed:
            return Delivery.nothing(frames, "closed", "the transport was closed")
        self._store.add([bytes(frame) for frame in frames])
        return Delivery.of(frames)

    def close(self) -> None:
        self._closed = True

    @property
    def frames(self) -> list[bytes]:
        """The frames kept, oldest first; a copy."""
        return self._store.frames

    @property
    def evicted(self) -> int:
        """Frames that made room for newer ones since the start or ``clear``."""
        return self._store.evicted

    def clear(self) -> None:
        """Forget all frames, and how many were evicted."""
        self._store = _Store(self._max_frames)

    def metrics(self) -> list[ExportMetricsServiceRequest]:
        """The frames, parsed. ImportError without the extra ``otel-etw[proto]``."""
        try:
            from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
                ExportMetricsServiceRequest,
            )
        except ImportError as error:
            raise ImportError(
                "parsed metrics need the package opentelemetry-proto: "
                "pip install 'otel-etw[proto]' (InMemoryTransport.frames works without)"
            ) from error
        return [ExportMetricsServiceRequest.FromString(frame) for frame in self.frames]

    @overload
    def points(self, name: str) -> list[Any]: ...
    @overload
    def points(self, name: None = None) -> dict[str, list[Any]]: ...
    def points(self, name: str | None = None) -> list[Any] | dict[str, list[Any]]:
        """The protobuf points of the metric ``name`` over all frames, in order; none is an empty
        list. Without a name, those of every metric by its name.

        Metrics of the same name in several scopes or resources are taken together; `metrics`
        tells them apart. ImportError without the extra ``otel-etw[proto]``.
        """
        found: dict[str, list[Any]] = {}
        for request in self.metrics():
            for resource_metrics in request.resource_metrics:
                for scope_metrics in resource_metrics.scope_metrics:
                    for metric in scope_metrics.metrics:
                        points = found.setdefault(metric.name, [])
                        if kind := metric.WhichOneof("data"):
                            points.extend(getattr(metric, kind).data_points)
        return found if name is None else found.get(name, [])
