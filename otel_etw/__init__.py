"""OpenTelemetry metrics to Event Tracing for Windows, to files and to memory.

>>> from otel_etw import ETWMetricExporter, InMemoryTransport
>>> exporter = ETWMetricExporter(transport=InMemoryTransport())
"""

from __future__ import annotations

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


def __getattr__(name: str) -> object:
    """The transports, each imported when it is asked for: a program needs one of them.

    By statements rather than by a table of names, so that programs that freeze others see them.
    """
    if name == "ETWTransport":
        from otel_etw.transports.etw import ETWTransport

        return ETWTransport
    if name == "FileTransport":
        from otel_etw.transports.file import FileTransport

        return FileTransport
    if name == "InMemoryTransport":
        from otel_etw.transports.memory import InMemoryTransport

        return InMemoryTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


ETWMetricExporter.__module__ = Transport.__module__ = Delivery.__module__ = __name__
