"""A transport of another distribution, which the frozen program finds by its entry point."""

from __future__ import annotations

from otel_etw import Delivery, Transport
from otel_etw.transports import Frames, Spec


class Pigeon(Transport):
    def send(self, frames: Frames) -> Delivery:
        return Delivery.of(frames)

    @classmethod
    def from_spec(cls, spec: Spec) -> Pigeon:
        return cls()
