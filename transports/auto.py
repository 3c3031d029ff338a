"""What ``transport="auto"`` takes: the system's own transport, or none and a warning."""

from __future__ import annotations

import sys

from otel_etw.log import warn
from otel_etw.transports.base import Delivery, Frames, Spec, Transport

__all__ = ["NobodyListens", "from_spec"]


class NobodyListens(Transport):
    """Is never enabled, so nothing is ever encoded for it."""

    @property
    def enabled(self) -> bool:
        return False

    def send(self, frames: Frames) -> Delivery:
        return Delivery.nothing(frames, "nobody_listens")


_warned = False


def from_spec(spec: Spec) -> Transport:
    """The system's own transport; where it has none, one that is never enabled and a warning."""
    if sys.platform == "win32":
        from otel_etw.transports.etw import ETWTransport

        return ETWTransport.from_spec(spec)
    return _none(spec)


def _none(spec: Spec) -> Transport:
    global _warned
    spec.refuse_target()
    spec.integers()
    if not _warned:
        _warned = True
        warn(
            "otel-etw: %s has no Event Tracing for Windows, so no metrics are exported. To export "
            "them all the same use transport='file:PATH' (or OTEL_EXPORTER_ETW_TRANSPORT=file:PATH)"
            "; in tests transport=InMemoryTransport().",
            sys.platform,
        )
    return NobodyListens()
