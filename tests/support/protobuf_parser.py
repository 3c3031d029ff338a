"""Whether protobuf here has the parser whose verdicts the check of payloads promises."""

from __future__ import annotations

from importlib import import_module

from google.protobuf.internal import api_implementation
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

__all__ = ["IS_THE_PARSER"]

# Before protobuf 7.34 upb took lengths of more than 5 bytes, and no field number 0 in a group; the
# parser in Python takes longer tags, too. Of OTLP before 1.35 it does not know all texts.
PARSER = tuple(map(int, import_module("google.protobuf").__version__.split(".")[:2]))
IS_THE_PARSER = (
    api_implementation.Type() == "upb"
    and PARSER >= (7, 34)
    and "entity_refs" in Resource.DESCRIPTOR.fields_by_name
)
