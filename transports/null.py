"""Takes every frame and keeps none: for benchmarks, and the model of a native transport."""

from __future__ import annotations

from otel_etw.event import ETW_LIMIT
from otel_etw.transports.base import Delivery, Frames, Spec, Transport

try:
    from otel_etw.transports import _null
except ImportError:
    _null = None  # type: ignore[assignment]

__all__ = ["NullTransport"]


class NullTransport(Transport):
    """Takes everything until it is closed. Compiled frames are read without the GIL."""

    def __init__(self, limit: int | None = ETW_LIMIT) -> None:
        self._limit = limit
        self._closed = False

    @classmethod
    def from_spec(cls, spec: Spec) -> NullTransport:
        spec.refuse_target()
        spec.integers()
        return cls(ETW_LIMIT if spec.limit is None else spec.limit)

    @property
    def limit(self) -> int | None:
        return self._limit

    def send(self, frames: Frames) -> Delivery:
        if self._closed:
            return Delivery.nothing(frames, "closed", "the transport is closed")
        if _null is not None:
            _null.send(frames)
        return Delivery.of(frames)

    def close(self) -> None:
        self._closed = True
