"""What is promised of the frames of an export, checked through protobuf against one big request."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest as Request,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics


class Place(NamedTuple):
    """A point of a request: where it stands, each message by its index in the one around it."""

    resource: int
    scope: int
    metric: int
    point: int


def readable(big: bytes) -> bool:
    """At the last depth that is written protobuf refuses to read: see docs/policies.md."""
    try:
        Request.FromString(big)
    except DecodeError:
        return False
    return True


def places(request: Request) -> list[Place]:
    """All points, in order."""
    return [
        Place(r, s, m, p)
        for r, resource in enumerate(request.resource_metrics)
        for s, scope in enumerate(resource.scope_metrics)
        for m, metric in enumerate(scope.metrics)
        for p in range(len(data_of(metric).data_points) if metric.WhichOneof("data") else 0)
    ]


def data_of(metric: Any) -> Any:
    return getattr(metric, metric.WhichOneof("data"))


def cut(request: Request, some: Sequence[Place]) -> Request:
    """A request of ``some`` of the points, and of nothing else that holds none."""
    new = Request()
    before = (None, None, None)
    for r, s, m, p in some:
        resource = request.resource_metrics[r]
        scope = resource.scope_metrics[s]
        metric = scope.metrics[m]
        if before[:1] != (r,):
            new.resource_metrics.append(
                ResourceMetrics(resource=resource.resource, schema_url=resource.schema_url)
            )
        if before[:2] != (r, s):
            new.resource_metrics[-1].scope_metrics.append(
                ScopeMetrics(scope=scope.scope, schema_url=scope.schema_url)
            )
        metrics = new.resource_metrics[-1].scope_metrics[-1].metrics
        if before != (r, s, m):
            head = metrics.add()
            head.CopyFrom(metric)
            del data_of(head).data_points[:]
        data_of(metrics[-1]).data_points.append(data_of(metric).data_points[p])
        before = (r, s, m)
    return new


def parses(frame: bytes) -> bool:
    """Whether protobuf takes the frame for a request."""
    try:
        Request.FromString(frame)
    except DecodeError:
        return False
    return True


def check(
    big: bytes,
    frames: Sequence[bytes],
    counts: Sequence[int],
    limit: int | None,
    max_points: int | None,
) -> int:
    """The frames are ``big`` in pieces, as large as they may be; returns the points too large.

    ``big`` is the request that has no limit; ``limit`` and ``max_points`` are those of a frame.
    """
    request = Request.FromString(big)
    given = places(request)
    if limit is not None:
        given = [place for place in given if cut(request, [place]).ByteSize() <= limit]
    assert sum(counts) == len(given)
    assert all(counts)
    ends = [sum(counts[:index]) for index in range(len(counts) + 1)]
    for frame, (begin, end) in zip(frames, pairwise(ends), strict=True):
        assert frame == cut(request, given[begin:end]).SerializeToString()
        assert limit is None or len(frame) <= limit
        assert max_points is None or end - begin <= max_points
        assert len({place.resource for place in given[begin:end]}) == 1
        if end < len(given) and given[end].resource == given[begin].resource:
            full = max_points is not None and end - begin == max_points
            larger = cut(request, given[begin : end + 1]).ByteSize()
            assert full or (limit is not None and larger > limit)
    return len(places(request)) - len(given)
