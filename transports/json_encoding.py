"""OTLP JSON: one frame as one line, the way the OTLP specification and the Collector write it."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

__all__ = ["JsonEncoder"]

# The kinds of metric whose points may have exemplars.
_WITH_EXEMPLARS = ("gauge", "sum", "histogram", "exponentialHistogram")


class JsonEncoder:
    """Frames to JSON; needs the extra ``otel-etw[proto]`` and says so by an ImportError."""

    def __init__(self) -> None:
        try:
            from google.protobuf.json_format import MessageToDict
            from google.protobuf.message import DecodeError
            from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
                ExportMetricsServiceRequest,
            )
        except ImportError as error:
            raise ImportError(
                "JSON Lines need the package opentelemetry-proto: pip install 'otel-etw[proto]' "
                "(a file of protobuf frames works without: format='proto')"
            ) from error
        self._parse = ExportMetricsServiceRequest.FromString
        self._to_dict = MessageToDict
        self._decode_error = DecodeError

    def line(self, frame: bytes) -> bytes:
        """One compact JSON object in UTF-8 and its ``\\n``; ValueError for what is no frame."""
        try:
            request = self._parse(frame)
        except self._decode_error as error:
            raise ValueError(f"no ExportMetricsServiceRequest: {error}") from error
        content = self._to_dict(request, use_integers_for_enums=True)
        _hex_ids(content)
        # allow_nan: a bare NaN would cost the whole line in the Collector.
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode() + b"\n"


def _hex_ids(request: dict[str, Any]) -> None:
    """Protobuf's own JSON has bytes as base64; OTLP's has trace and span ids in hex."""
    for resource_metrics in request.get("resourceMetrics", ()):
        for scope_metrics in resource_metrics.get("scopeMetrics", ()):
            for metric in scope_metrics.get("metrics", ()):
                for kind in _WITH_EXEMPLARS:
                    for point in metric.get(kind, {}).get("dataPoints", ()):
                        for exemplar in point.get("exemplars", ()):
                            for key in ("traceId", "spanId"):
                                if key in exemplar:
                                    exemplar[key] = b64decode(exemplar[key]).hex()
