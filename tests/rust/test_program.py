"""The recorded program `standard` on the Python SDK: what comes out is what came out of the crate.

Times, and the orders that the recording's README calls random, are made equal. All else that the
two SDKs do differently has a name here, and is counted.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from otel_etw import InMemoryTransport
from tests.support.rust_edits import Edit, copied, gauge_start, metric, parsed, point
from tests.support.rust_program import needs_sdk, standard
from tests.support.rust_recordings import collections

from .conftest import Make

pytestmark = needs_sdk

# What the two SDKs make of the same measurements, and the two exporters of that -----------------


def scope_schema_url(request: Any) -> bool:
    """The scope gets its own schema URL back. The crate writes the resource's, here none."""
    scope = request.resource_metrics[0].scope_metrics[0]
    if scope.scope.name != "reference.scope":
        return False
    scope.schema_url = "https://opentelemetry.io/schemas/1.30.0"
    return True


def negative_measurements(request: Any) -> bool:
    """A histogram without −3 and −0.25, which Python's API refuses."""
    if metric(request).name != "latency.exp":
        return False
    its = point(request)
    its.count -= 2
    its.sum += 3.25
    its.min = 0
    its.negative.Clear()
    return True


def unused_sides(request: Any) -> bool:
    """A side of an exponential histogram without measurements has a bucket, which is empty."""
    if not metric(request).HasField("exponential_histogram"):
        return False
    its = point(request)
    unused = [side for side in (its.positive, its.negative) if not side.bucket_counts]
    for side in unused:
        side.bucket_counts.append(0)
    return bool(unused)


def spare_buckets(request: Any) -> bool:
    """Behind the last bucket used stand empty ones, up to the 160 that the view allows."""
    if metric(request).name not in ("latency.exp", "positive.exp"):
        return False
    counts = point(request).positive.bucket_counts
    counts.extend([0] * (160 - len(counts)))
    return True


def scale_of_zeros(request: Any) -> bool:
    """The scale is 0, not the largest there may be, when nothing but zeros was measured."""
    if metric(request).name != "only.zero.exp":
        return False
    point(request).scale = 0
    return True


def one_bucket(request: Any) -> bool:
    """A histogram without bounds has one bucket, not none."""
    if metric(request).name != "no.bounds":
        return False
    point(request).bucket_counts.append(1)
    return True


def duplicate_key(request: Any) -> bool:
    """The last of two attributes with the same key is the one that is left."""
    if metric(request).name != "duplicate.key":
        return False
    attributes = point(request).attributes
    del attributes[1:]
    attributes[0].value.string_value = "last"
    return True


EDITS: tuple[Edit, ...] = (
    gauge_start,
    scope_schema_url,
    negative_measurements,
    unused_sides,
    spare_buckets,
    scale_of_zeros,
    one_bucket,
    duplicate_key,
)


def beyond_int64(request: Any) -> bool:
    """u64::MAX: the crate writes 0, we lose the point and count it."""
    return bool(metric(request).name == "huge")


def not_finite(request: Any) -> bool:
    """Python's API refuses infinity and NaN; an exporter given them writes them."""
    return metric(request).name == "special" and point(request).attributes[
        0
    ].value.string_value in ("inf", "nan")


REFUSED: tuple[Edit, ...] = (beyond_int64, not_finite)


def repeated(request: Any) -> bool:
    """Python's synchronous gauges come again with every collection."""
    return metric(request).name in ("temperature", "pressure", "special")


# Comparing --------------------------------------------------------------------------------------


def alike(payload: bytes) -> Any:
    """The request with all times 1 and without random orders."""
    request = parsed(payload)
    its = point(request)
    for field in ("start_time_unix_nano", "time_unix_nano"):
        if getattr(its, field):
            setattr(its, field, 1)
    for attributes in (request.resource_metrics[0].resource.attributes, its.attributes):
        in_order = sorted(map(copied, attributes), key=lambda attribute: attribute.key)
        del attributes[:]
        attributes.extend(in_order)
    return request


@pytest.fixture
def ran(one_point: Make) -> tuple[list[list[bytes]], Any]:
    """The events of each collection, and what the exporter counted."""
    transport = InMemoryTransport()
    exporter = one_point(transport)
    found = []
    for _ in standard(exporter):
        found.append(transport.frames)
        transport.clear()
    found.append(transport.frames)
    assert found.pop(0) == []
    return found, exporter.counts


@pytest.mark.parametrize("name", ["standard", "standard-run2"])
def test_the_same_program_writes_the_same_events(
    name: str, ran: tuple[list[list[bytes]], Any]
) -> None:
    ours, counts = ran
    theirs = list(collections(name))
    assert list(map(len, theirs)) == [27, 7, 5, 5]
    found: Counter[str] = Counter()
    again: list[bytes] = []
    for mine, crates in zip(ours, theirs, strict=True):
        wanted = Counter(again)
        for payload in crates:
            request = alike(payload)
            refused = [reason.__name__ for reason in REFUSED if reason(request)]
            edits = [edit.__name__ for edit in EDITS if not refused and edit(request)]
            found.update(refused or edits or ["identical"])
            if not refused:
                wanted[request.SerializeToString()] += 1
                if repeated(request):
                    again.append(request.SerializeToString())
        assert Counter(alike(payload).SerializeToString() for payload in mine) == wanted
    assert found == {
        "identical": 1,
        "scope_schema_url": 40,
        "gauge_start": 7,
        "unused_sides": 4,
        "spare_buckets": 2,
        "negative_measurements": 1,
        "scale_of_zeros": 1,
        "one_bucket": 1,
        "duplicate_key": 1,
        "beyond_int64": 1,
        "not_finite": 2,
    }
    assert len(again) == 3
    assert counts.lost == {("point", "out_of_range"): 1}


def test_metrics_come_in_the_order_of_their_creation(
    ran: tuple[list[list[bytes]], Any],
) -> None:
    ours = [metric(parsed(payload)).name for payload in ran[0][0]]
    theirs = [metric(parsed(payload)).name for payload in next(collections("standard"))]
    expected = dict.fromkeys(name for name in theirs if name not in ("huge", "plain"))
    assert list(dict.fromkeys(name for name in ours if name != "plain")) == list(expected)
