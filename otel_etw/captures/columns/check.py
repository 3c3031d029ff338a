"""The twin of ``_check.pyx``: the same question, answered by protobuf's parser itself."""

from __future__ import annotations

from otel_etw.captures.requests import parse_request

__all__ = ["check_request"]


def check_request(
    data: bytes | bytearray | memoryview, start: int = 0, end: int | None = None
) -> bool:
    """Whether the bytes from ``start`` to ``end``, a serialized request, hold any metric.

    ValueError with a reason where protobuf's parser refuses it, and where the objects that it makes
    would take some fifty times the memory of the bytes.
    """
    with memoryview(data) as view:
        request = parse_request(bytes(view[start:end]))
    return any(
        scope_metrics.metrics
        for resource_metrics in request.resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
    )
