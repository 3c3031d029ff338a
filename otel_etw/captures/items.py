"""What reading a capture gives: frames, and what stood between them, each with its offset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

__all__ = [
    "CaptureError",
    "Damage",
    "ExportMetricsServiceRequest",
    "Foreign",
    "Frame",
    "Item",
    "Reader",
]


class CaptureError(Exception):
    """A capture that cannot be read at all; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, decoded. Offset and length are bytes of the file, prefix or newline included;
    of a compressed stream, bytes of its content."""

    offset: int
    length: int
    request: ExportMetricsServiceRequest


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch that holds no readable frame, and a sentence that says what is wrong with it."""

    offset: int
    length: int
    reason: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A piece that is whole but holds no metrics: ``what`` names its kind."""

    offset: int
    length: int
    what: str


Item: TypeAlias = Frame | Damage | Foreign


class Reader(Protocol):
    """Turns the bytes of one file into items, however they are cut into chunks.

    Each call gives its items lazily and must be read to its end before the next call.
    """

    def feed(self, data: bytes) -> Iterator[Item]:
        """Take what comes next in the file."""
        ...

    def settle(self) -> Iterator[Item]:
        """Nothing more has come yet: give what is whole, keep what is not."""
        ...

    def finish(self) -> Iterator[Item]:
        """The file ends here: give everything. The reader may be fed on with another piece."""
        ...
