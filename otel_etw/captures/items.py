"""What reading a capture gives: frames, and what stood between them, each with its offset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from otel_etw.captures.requests import ExportMetricsServiceRequest

__all__ = [
    "CaptureError",
    "Damage",
    "Event",
    "Foreign",
    "Frame",
    "Item",
    "Notice",
    "Reader",
    "UnknownFormatError",
]


class CaptureError(Exception):
    """A capture that cannot be read at all; the text names it and says why."""


class UnknownFormatError(CaptureError):
    """The content is of no format that is read."""


class Event(NamedTuple):
    """Where and when the ETW event that held a frame was written."""

    time: int
    """ns since 1970, UTC."""
    process: int
    """The id of the process that wrote it."""
    thread: int
    """The id of the thread that wrote it."""
    processor: int
    """The number of the processor it was written on."""


@dataclass(slots=True)
class Frame:
    """One frame. Offset and length are bytes of the file, prefix or newline included; of a
    compressed stream, bytes of its content."""

    offset: int
    length: int
    payload: bytes
    """A serialized ``ExportMetricsServiceRequest``."""
    event: Event | None = None
    """The event that held it, where the capture is one of events."""
    checked: bool = field(default=False, repr=False, compare=False)
    """Whether the payload is known to be what protobuf's parser accepts."""
    _request: ExportMetricsServiceRequest | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def request(self) -> ExportMetricsServiceRequest:
        """The payload as an object of opentelemetry-proto, parsed when it is asked for first;
        ValueError as of `otel_etw.captures.requests.parse_request`."""
        if self._request is None:
            from otel_etw.captures.requests import parse_request

            self._request = parse_request(self.payload)
        return self._request


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
    unit: str
    """What one such piece of a file is called: ``line``, ``event``, ``member``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is no damage of the file, but who reads it should know; a sentence's worth of text."""

    offset: int
    text: str


Item: TypeAlias = Frame | Damage | Foreign | Notice


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
