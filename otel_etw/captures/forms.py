"""How the frames of a length-prefixed file look, so that they can be found among damage."""

from __future__ import annotations

import re
from typing import Protocol

from google.protobuf.message import DecodeError

from otel_etw.captures.compression import Codec, expanded
from otel_etw.captures.items import ExportMetricsServiceRequest
from otel_etw.captures.otlp_json import object_from, request_from, text_from
from otel_etw.limits import FRAME_MAXIMUM

__all__ = ["PREFIX", "Form", "Messages", "ZstdMessages"]

# Bytes of the big-endian length before a frame.
PREFIX = 4

_RESOURCE_METRICS = 0x0A  # the one field of a request, length-delimited


def _beginning(payload: bytes) -> re.Pattern[bytes]:
    first = FRAME_MAXIMUM >> 24
    return re.compile(rb"[\0-\x%02x].{3}" % first + re.escape(payload), re.DOTALL)


class Form(Protocol):
    """What `FrameReader` asks about the payloads of a file. Indices are into its buffer."""

    beginning: re.Pattern[bytes]
    """A length that is not too large, and what a payload begins with."""

    def outline(self, buffer: bytearray, start: int, end: int) -> tuple[int, bool]:
        """How far the payload from ``start`` to ``end`` was looked at, ``end`` when nothing is left
        to look at, and whether what is there of it looks right."""
        ...

    def decode(self, payload: bytes) -> ExportMetricsServiceRequest:
        """The payload as a request; ValueError says why not."""
        ...


class Messages:
    """Protobuf: a payload is a chain of ``resource_metrics`` fields that fills it exactly."""

    beginning = _beginning(bytes([_RESOURCE_METRICS]))

    def outline(self, buffer: bytearray, start: int, end: int) -> tuple[int, bool]:
        position = start
        while position < end and position < len(buffer):
            if buffer[position] != _RESOURCE_METRICS:
                return position, False
            after = position + 1
            length = shift = 0
            while True:
                if after == len(buffer):
                    return position, True
                byte = buffer[after]
                after += 1
                length |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
                if shift > 28:
                    return position, False
            if after + length > end:
                return position, False
            position = after + length
        return position, True

    def decode(self, payload: bytes) -> ExportMetricsServiceRequest:
        return _decoded(payload)


class ZstdMessages:
    """The Collector's ``compression: zstd``: each message compressed apart, JSON or protobuf."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.beginning = _beginning(codec.magic)

    def outline(self, buffer: bytearray, start: int, end: int) -> tuple[int, bool]:
        magic = self._codec.magic
        there = bytes(buffer[start : min(end, start + len(magic))])
        return (end if there == magic else start), magic.startswith(there)

    def decode(self, payload: bytes) -> ExportMetricsServiceRequest:
        message = expanded(self._codec, payload, FRAME_MAXIMUM)
        if not message.startswith(b"{"):
            return _decoded(message)
        content, _ = object_from(text_from(message))
        return request_from(content)


def _decoded(message: bytes) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    try:
        request.ParseFromString(message)
    except DecodeError as error:
        raise ValueError("its protobuf is broken") from error
    return request
