"""Serialized requests → objects of opentelemetry-proto, for who wants to read them in Python.

Reading captures needs none of these objects but in the reference implementation and for JSON.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

__all__ = ["ExportMetricsServiceRequest", "parse_request"]

# Makes one tag of the tags of all fields of OTLP metrics that are messages, and 0 of the lengths of
# tiny ones. With a short unknown field in it a message takes more memory than an empty one.
_TAGS = bytes(number << 3 | 2 for number in range(1, 13))
_LENGTHS = bytes(range(4))
_TO_ONE_TAG_AND_LENGTH = bytes.maketrans(
    _TAGS + _LENGTHS, _TAGS[:1] * len(_TAGS) + _LENGTHS[:1] * len(_LENGTHS)
)
_TINY = _TAGS[:1] + _LENGTHS[:1]
# What a decoded message takes in memory, about, and what the tiny ones of a frame may take. Strings
# of up to three letters are counted too: in metrics with many of them one comes each 10 bytes.
_MESSAGE_SIZE = 100
_TINY_ALLOWANCE = 24 << 20
_TINY_PER_BYTE = 12


def parse_request(payload: bytes) -> ExportMetricsServiceRequest:
    """The request that ``payload`` is; ValueError where protobuf refuses it, and where the objects
    would take some fifty times the memory of the bytes."""
    tiny = payload.translate(_TO_ONE_TAG_AND_LENGTH).count(_TINY)
    if tiny * _MESSAGE_SIZE > _TINY_ALLOWANCE + _TINY_PER_BYTE * len(payload):
        raise ValueError(f"its protobuf holds about {tiny:,} empty or tiny messages")
    request = ExportMetricsServiceRequest()
    try:
        request.ParseFromString(payload)
    except (DecodeError, UnicodeDecodeError) as error:
        raise ValueError("its protobuf is broken") from error
    return request
