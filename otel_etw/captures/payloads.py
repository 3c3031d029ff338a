"""What stands behind a length in a length-prefixed file, so that it is known among damage."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from otel_etw.captures.compression import Codec, expanded
from otel_etw.captures.expansion import Expansion
from otel_etw.captures.json_requests import check_values, object_from, request_from, text_from
from otel_etw.captures.requests import parse_request
from otel_etw.framing import RESOURCE_METRICS, follow_resource_metrics
from otel_etw.limits import FRAME_MAXIMUM

__all__ = ["Outline", "PayloadKind", "ProtobufPayloads", "ZstdPayloads"]

_OTHER = "other content than a frame's"

# A ResourceMetrics with one point takes more bytes than this; some may be empty.
_LEAST_RESOURCE_METRICS = 16
_EMPTY_RESOURCE_METRICS = 1024


class Outline(NamedTuple):
    """What a payload looks like from outside."""

    reached: int
    """The index up to which it was looked at, its end when nothing is left to look at."""
    fields: int
    """How many fields were looked at: the work it was."""
    fault: str = ""
    """What is wrong with it; empty when what is there looks right."""


class PayloadKind(Protocol):
    """What `FrameReader` asks about the payloads of a file. Indices are into its buffer."""

    beginning: re.Pattern[bytes]
    """A length that is not too large, and what a payload begins with."""

    def outline(self, buffer: bytearray, start: int, end: int) -> Outline:
        """How the payload from ``start`` to ``end`` looks, as far as it is there."""
        ...

    def decode(self, payload: bytes) -> bytes:
        """The serialized request that the payload holds; ValueError says why there is none."""
        ...


def _beginning(payload: bytes) -> re.Pattern[bytes]:
    first = FRAME_MAXIMUM >> 24
    return re.compile(rb"[\0-\x%02x].{3}" % first + re.escape(payload), re.DOTALL)


class ProtobufPayloads:
    """Protobuf: a payload is a chain of ``resource_metrics`` fields that fills it exactly."""

    beginning = _beginning(bytes([RESOURCE_METRICS]))

    def outline(self, buffer: bytearray, start: int, end: int) -> Outline:
        most = _EMPTY_RESOURCE_METRICS + (end - start) // _LEAST_RESOURCE_METRICS
        chain = follow_resource_metrics(buffer, start, end, most)
        fault = ""
        if not chain.agrees:
            fault = _OTHER
        elif chain.fields == most and chain.reached < min(end, len(buffer)):
            fault = "more empty fields than a frame has"
        return Outline(chain.reached, chain.fields + 1, fault)

    def decode(self, payload: bytes) -> bytes:
        parse_request(payload)
        return payload


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
            return Outline(end, 1)
        return Outline(start, 1, "" if magic.startswith(there) else _OTHER)

    def decode(self, payload: bytes) -> bytes:
        message = expanded(self._codec, payload, FRAME_MAXIMUM, self._expansion)
        if not message.startswith(b"{"):
            parse_request(message)
            return message
        text = text_from(message)
        check_values(text)
        content, _ = object_from(text)
        return request_from(content).SerializeToString()
