"""InMemoryTransport keeps what a test wants to assert on."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw.encoding.frames import Frames
from otel_etw.transports import open as open_transport
from otel_etw.transports.memory import InMemoryTransport
from tests.support.otlp_files import batch, frame, numbers


def test_frames_are_kept_in_order_as_bytes() -> None:
    transport = InMemoryTransport()
    assert transport.send(batch(frame(1, 0), frame(1, 1))).taken == 2
    assert transport.send(batch(frame(1, 2))).taken == 1
    assert all(type(kept) is bytes for kept in transport.frames)
    assert numbers(transport.frames) == [(1, 0), (1, 1), (1, 2)]


def test_frames_are_a_copy() -> None:
    transport = InMemoryTransport()
    transport.send(batch(b"a"))
    transport.frames.clear()
    assert transport.frames == [b"a"]


def test_what_is_kept_does_not_depend_on_the_batch() -> None:
    memory = bytearray(b"abc")

    class Borrowed(Frames):
        def __iter__(self) -> Any:
            return iter([memoryview(memory)])

    transport = InMemoryTransport()
    transport.send(Borrowed([b"abc"], [1]))
    memory[:] = b"xyz"
    assert transport.frames == [b"abc"]


def test_the_oldest_frames_make_room_and_are_counted() -> None:
    transport = InMemoryTransport(max_frames=3)
    delivery = transport.send(batch(b"0", b"1"))
    assert (delivery.taken, transport.evicted) == (2, 0)
    delivery = transport.send(batch(b"2", b"3"))
    assert (delivery.taken, delivery.losses) == (2, ())
    assert transport.frames == [b"1", b"2", b"3"]
    assert transport.evicted == 1


def test_a_batch_larger_than_the_room_leaves_its_newest_frames() -> None:
    transport = InMemoryTransport(max_frames=2)
    transport.send(batch(*(b"%d" % number for number in range(5))))
    assert transport.frames == [b"3", b"4"]
    assert transport.evicted == 3


def test_clear_forgets_frames_and_evictions() -> None:
    transport = InMemoryTransport(max_frames=1)
    transport.send(batch(b"0", b"1"))
    transport.clear()
    assert (transport.frames, transport.evicted) == ([], 0)
    transport.send(batch(b"2"))
    assert transport.frames == [b"2"]


def test_metrics_are_parsed_requests() -> None:
    transport = InMemoryTransport()
    transport.send(batch(frame(1, 0), frame(2, 7)))
    first, second = transport.metrics()
    assert isinstance(first, ExportMetricsServiceRequest)
    assert first.SerializeToString() == frame(1, 0)
    assert second.SerializeToString() == frame(2, 7)


def request_of_every_kind() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="gauge").gauge.data_points.add(as_double=0.5)
    scope.metrics.add(name="sum").sum.data_points.add(as_int=1)
    scope.metrics.add(name="histogram").histogram.data_points.add(count=2)
    scope.metrics.add(name="exponential").exponential_histogram.data_points.add(count=3)
    scope.metrics.add(name="summary").summary.data_points.add(count=4)
    scope.metrics.add(name="no.points").gauge.SetInParent()
    scope.metrics.add(name="no.data")
    return request


def test_points_of_a_metric_come_in_order_over_all_frames() -> None:
    transport = InMemoryTransport()
    transport.send(batch(frame(1, 5), frame(2, 6)))
    transport.send(batch(frame(1, 4)))
    assert [point.as_int for point in transport.points("writer.1")] == [5, 4]
    assert [point.as_int for point in transport.points("writer.2")] == [6]
    assert transport.points("writer.3") == []


def test_points_without_a_name_are_those_of_every_metric() -> None:
    transport = InMemoryTransport()
    transport.send(batch(request_of_every_kind().SerializeToString()))
    points = transport.points()
    assert {name: len(found) for name, found in points.items()} == {
        "gauge": 1, "sum": 1, "histogram": 1, "exponential": 1, "summary": 1,
        "no.points": 0, "no.data": 0,
    }  # fmt: skip
    assert points["gauge"][0].as_double == 0.5
    assert points["summary"][0].count == 4


def test_after_close_nothing_is_taken_and_everything_is_readable() -> None:
    transport = InMemoryTransport()
    transport.send(batch(frame(1, 0)))
    transport.close()
    delivery = transport.send(batch(frame(1, 1)))
    assert (delivery.taken, [loss.reason for loss in delivery.losses]) == (0, ["closed"])
    assert transport.enabled
    assert [point.as_int for point in transport.points("writer.1")] == [0]


def test_threads_may_send_and_read_at_once() -> None:
    transport = InMemoryTransport(max_frames=500)

    def send(writer: int) -> int:
        for number in range(200):
            transport.send(batch(b"%d" % writer, b"%d" % number))
            assert len(transport.frames) <= 500
        return 400

    with ThreadPoolExecutor(8) as pool:
        sent = sum(pool.map(send, range(8)))
    assert len(transport.frames) == 500
    assert transport.evicted == sent - 500


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"limit": 0}, ValueError, "limit=0 is out of range: it may be from 1 to 2,147,483,647"),
        ({"limit": 2**31}, ValueError, "limit=2147483648 is out of range"),
        ({"limit": "64"}, TypeError, "limit='64' must be a whole number, not str"),
        ({"limit": True}, TypeError, "limit=True must be a whole number, not bool"),
        ({"max_frames": 0}, ValueError, "max_frames=0 is out of range: it may be from 1"),
        ({"max_frames": sys.maxsize + 1}, ValueError, "out of range"),
        ({"max_frames": None}, TypeError, "max_frames=None must be a whole number"),
    ],
)
def test_bad_arguments_are_named(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        InMemoryTransport(**arguments)


def test_a_spec_sets_what_the_arguments_set() -> None:
    transport = open_transport("memory:?max_frames=2", limit=99)
    assert isinstance(transport, InMemoryTransport)
    assert transport.limit == 99
    transport.send(batch(b"0", b"1", b"2"))
    assert transport.frames == [b"1", b"2"]
    assert open_transport("memory").limit is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory:here", "takes no target, got 'here'"),
        ("memory:?frames=2", "has no option 'frames'; its options: max_frames"),
        ("memory:?max_frames=many", "max_frames='many' must be a whole number"),
        ("memory:?max_frames=0", "max_frames=0 is out of range"),
    ],
)
def test_a_bad_spec_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        open_transport(text)


def test_parsed_metrics_without_the_extra_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules, "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2", None
    )
    transport = InMemoryTransport()
    transport.send(batch(b""))
    assert transport.frames == [b""]
    with pytest.raises(ImportError, match=re.escape("pip install 'otel-etw[proto]'")):
        transport.metrics()
