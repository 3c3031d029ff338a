"""What stands otherwise in the crate's events than in ours, each as one edit of a parsed event.

An edit does to an event of the crate's what makes it ours, and says whether there was anything to
do. No edit loosens a comparison: afterwards all bytes must be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

Edit = Callable[[Any], bool]


def parsed(payload: bytes) -> Any:
    return ExportMetricsServiceRequest.FromString(payload)


def metric(request: Any) -> Any:
    """The one metric of an event with one point."""
    ((found,),) = [scope.metrics for scope in request.resource_metrics[0].scope_metrics]
    return found


def point(request: Any) -> Any:
    """The one point of an event."""
    data = metric(request)
    (found,) = getattr(data, data.WhichOneof("data")).data_points
    return found


def gauge_start(request: Any) -> bool:
    """A gauge's point loses its start time."""
    if not metric(request).HasField("gauge") or not point(request).start_time_unix_nano:
        return False
    point(request).ClearField("start_time_unix_nano")
    return True


def empty_buckets(request: Any) -> bool:
    """A side of an exponential histogram that has no bucket loses its empty message."""
    if not metric(request).HasField("exponential_histogram"):
        return False
    empty = [
        side
        for side in ("positive", "negative")
        if point(request).HasField(side) and not getattr(point(request), side).ByteSize()
    ]
    for side in empty:
        point(request).ClearField(side)
    return bool(empty)


def double_keys(request: Any) -> bool:
    """Of attributes with the same key only the last stays: a dict's rule."""
    attributes = point(request).attributes
    last = {attribute.key: attribute for attribute in attributes}
    if len(last) == len(attributes):
        return False
    kept = [copied(attribute) for attribute in last.values()]
    del attributes[:]
    attributes.extend(kept)
    return True


def copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


EDITS: tuple[Edit, ...] = (gauge_start, empty_buckets, double_keys)
"""All that an event of the crate's differs in from ours, when both are given the same metrics."""


def edited(payload: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The payload with all edits done, and the names of those that there was a reason for."""
    request = parsed(payload)
    done = tuple(edit.__name__ for edit in EDITS if edit(request))
    return request.SerializeToString(), done


def joined(names: Iterable[str]) -> str:
    return " and ".join(names) or "identical"
