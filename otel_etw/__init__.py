"""OpenTelemetry metrics to Event Tracing for Windows, to files and to memory.

>>> from otel_etw import ETWMetricExporter, InMemoryTransport
>>> exporter = ETWMetricExporter(transport=InMemoryTransport())
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from otel_etw.exporter import ETWMetricExporter
from otel_etw.transports.base import Delivery, Transport

if TYPE_CHECKING:
    from otel_etw.transports.etw import ETWTransport
    from otel_etw.transports.file import FileTransport
    from otel_etw.transports.memory import InMemoryTransport

__all__ = [
    "Delivery",
    "ETWMetricExporter",
    "ETWTransport",
    "FileTransport",
    "InMemoryTransport",
    "Transport",
]

# Imported when asked for: a program needs one of them.
_LATER = {
    "ETWTransport": "otel_etw.transports.etw",
    "FileTransport": "otel_etw.transports.file",
    "InMemoryTransport": "otel_etw.transports.memory",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


ETWMetricExporter.__module__ = Transport.__module__ = Delivery.__module__ = __name__
