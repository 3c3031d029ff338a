"""What stands behind a length in a length-prefixed file, so that it is known among damage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from otel_etw.captures.columns import NATIVE, check_request
from otel_etw.captures.compression import Codec, expanded
from otel_etw.captures.expansion import Expansion
from otel_etw.captures.json_requests import check_values, object_from, request_from, text_from
from otel_etw.framing import RESOURCE_METRICS, follow_resource_metrics
from otel_etw.limits import FRAME_MAXIMUM

if TYPE_CHECKING or NATIVE:
    from otel_etw.captures import _frame_scan

__all__ = ["Decoded", "Outline", "PayloadKind", "ProtobufPayloads", "ZstdPayloads"]

_OTHER = "other content than a frame's"

# What Python does for a call, or for a field, takes as long as compiled code with so many bytes.
_CALL = 64

# A ResourceMetrics with one point takes more bytes than this; some may be empty. Compiled code
# looks at as many of them as there are.
_LEAST_RESOURCE_METRICS = 16
_EMPTY_RESOURCE_METRICS = 1024


class Outline(NamedTuple):
    """What a payload looks like from outside."""

    reached: int
    """The index up to which it was looked at, its end when nothing is left to look at."""
    work: int
    """What it was to look: as much as compiled code has with so many bytes."""
    fault: str = ""
    """What is wrong with it; empty when what is there looks right."""


class Decoded(NamedTuple):
    """What a payload is."""

    request: bytes
    """A serialized request that protobuf takes."""
    holds_metrics: bool


class PayloadKind(Protocol):
    """What `FrameReader` asks about the payloads of a file. Indices are into its buffer."""

    beginning: re.Pattern[bytes]
    """A length that is not too large, and what a payload begins with."""

    def outline(self, buffer: bytearray, start: int, end: int) -> Outline:
        """How the payload from ``start`` to ``end`` looks, as far as it is there."""
        ...

    def decode(self, buffer: bytearray, start: int, end: int) -> Decoded:
        """What the payload from ``start`` to ``end`` is; ValueError says why it is none."""
        ...

    def leading(self, buffer: bytearray, ahead: int) -> list[bytes]:
        """Payloads of sound frames that the buffer begins with, which are requests as they stand
        there and hold something. The last of them must have ``ahead`` bytes behind it that look
        like frames. Fewer than there are may be given, or none."""
        ...


def _beginning(payload: bytes) -> re.Pattern[bytes]:
    first = FRAME_MAXIMUM >> 24
    return re.compile(rb"[\0-\x%02x].{3}" % first + re.escape(payload), re.DOTALL)


class ProtobufPayloads:
    """Protobuf: a payload is a chain of ``resource_metrics`` fields that fills it exactly."""

    beginning = _beginning(bytes([RESOURCE_METRICS]))

    def outline(self, buffer: bytearray, start: int, end: int) -> Outline:
        if NATIVE:
            reached, fields, agrees = _frame_scan.follow_resource_metrics(buffer, start, end)
            return Outline(reached, _CALL + fields, "" if agrees else _OTHER)
        most = _EMPTY_RESOURCE_METRICS + (end - start) // _LEAST_RESOURCE_METRICS
        chain = follow_resource_metrics(buffer, start, end, most)
        fault = ""
        if not chain.agrees:
            fault = _OTHER
        elif chain.fields == most and chain.reached < min(end, len(buffer)):
            fault = "more empty fields than a frame has"
        return Outline(chain.reached, _CALL * (chain.fields + 1), fault)

    def decode(self, buffer: bytearray, start: int, end: int) -> Decoded:
        holds_metrics = check_request(buffer, start, end)
        return Decoded(_copied(buffer, start, end), holds_metrics)

    def leading(self, buffer: bytearray, ahead: int) -> list[bytes]:
        return _frame_scan.leading_payloads(buffer, ahead) if NATIVE else []


class ZstdPayloads:
    """The Collector's ``compression: zstd``: each message compressed apart, JSON or protobuf."""

    def __init__(self, codec: Codec, expansion: Expansion) -> None:
        self._codec = codec
        self._expansion = expansion
        self.beginning = _beginning(codec.magic)

    def outline(self, buffer: bytearray, start: int, end: int) -> Outline:
        magic = self._codec.magic
        there = bytes(buffer[start : min(end, start + len(magic))])
        if there == magic:
            return Outline(end, _CALL)
        return Outline(start, _CALL, "" if magic.startswith(there) else _OTHER)

    def decode(self, buffer: bytearray, start: int, end: int) -> Decoded:
        payload = _copied(buffer, start, end)
        message = expanded(self._codec, payload, FRAME_MAXIMUM, self._expansion)
        if message.startswith(b"{"):
            text = text_from(message)
            check_values(text)
            content, _ = object_from(text)
            message = request_from(content).SerializeToString()
        return Decoded(message, check_request(message))

    def leading(self, buffer: bytearray, ahead: int) -> list[bytes]:
        return []


def _copied(buffer: bytearray, start: int, end: int) -> bytes:
    with memoryview(buffer) as view:
        return bytes(view[start:end])
