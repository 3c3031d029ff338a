"""OpenTelemetry metrics to Event Tracing for Windows, to files and to memory.

>>> from otel_etw import ETWMetricExporter, InMemoryTransport
>>> exporter = ETWMetricExporter(transport=InMemoryTransport())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_etw.transports.base import Delivery, Transport

if TYPE_CHECKING:
    from otel_etw.exporter import ETWMetricExporter
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
    """What is imported when it is asked for: of the transports a program needs one, and the
    exporter brings the SDK, which takes longer to import than all else and is not needed to read
    captures.

    By statements rather than by a table of names, so that programs that freeze others see them.
    """
    if name == "ETWMetricExporter":
        from otel_etw.exporter import ETWMetricExporter

        return ETWMetricExporter
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


Transport.__module__ = Delivery.__module__ = __name__
