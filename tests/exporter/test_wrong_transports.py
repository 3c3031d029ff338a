"""A transport that breaks its promises is contained and counted; ``export`` never raises."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import Delivery, ETWMetricExporter, Transport
from otel_etw.transports import Frames, Loss
from tests.support.exports import large, some
from tests.support.transport_doubles import Scripted

from .conftest import Warnings

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE
pytestmark = pytest.mark.usefixtures("encoder")


def raising(frames: Frames) -> Delivery:
    raise OSError("the wire was cut")


def test_a_send_that_raises_costs_its_batch_and_the_rest_goes_on(warnings: Warnings) -> None:
    transport = Scripted(limit=500)
    exporter = ETWMetricExporter(transport)
    calls = 0

    def first_raises(frames: Frames) -> Delivery:
        nonlocal calls
        calls += 1
        return raising(frames) if calls == 1 else Delivery.of(frames)

    transport.react = first_raises
    assert exporter.export(large(3000)) is FAILURE
    counts = exporter.counts
    assert calls > 2
    assert counts.points_exported == transport.points > 0
    assert counts.lost[("point", "transport_error")] == counts.points_lost > 0
    assert counts.points_exported + counts.points_lost == 3000
    assert counts.lost[("frame", "transport_error")] == len(transport.batches[0])
    line = next(line for line in warnings() if "point(s)" in line)
    assert "Scripted.send raised OSError: the wire was cut" in line


@pytest.mark.parametrize("answer", [None, True, 5, (1, 1)])
def test_a_send_that_returns_no_delivery_costs_its_batch(warnings: Warnings, answer: Any) -> None:
    exporter = ETWMetricExporter(Scripted(lambda frames: answer))
    assert exporter.export(some(4)) is FAILURE
    assert exporter.counts.lost == {
        ("frame", "transport_error"): 1,
        ("point", "transport_error"): 4,
    }
    assert f"Scripted.send returned {type(answer).__name__}, no Delivery" in warnings()[0]


def test_what_a_transport_says_it_lost_is_counted_by_its_reasons(warnings: Warnings) -> None:
    def every_third(frames: Frames) -> Delivery:
        lost = {i: ("full" if i % 2 else "gone") for i in range(0, len(frames), 3)}
        return Delivery.of(frames, lost, {"full": "the disk of /var/x is full"})

    transport = Scripted(every_third, limit=500)
    exporter = ETWMetricExporter(transport)
    assert exporter.export(large(3000)) is FAILURE
    counts = exporter.counts
    sent = sum(len(batch) for batch in transport.batches)
    assert counts.points_exported == transport.points
    assert counts.points_exported + counts.points_lost == 3000
    assert counts.lost[("point", "full")] + counts.lost[("point", "gone")] == counts.points_lost
    lost = counts.lost[("frame", "full")] + counts.lost[("frame", "gone")]
    assert counts.frames + lost == sent
    assert any("the disk of /var/x is full" in line for line in warnings())


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(0, 0),
        Delivery(0, 0, (Loss("full", 1, 2),)),
        Delivery(9, 99),
    ],
)
def test_a_delivery_that_does_not_add_up_still_leaves_counts_that_do(delivery: Delivery) -> None:
    exporter = ETWMetricExporter(Scripted(lambda frames: delivery))
    assert exporter.export(some(4)) is FAILURE
    counts = exporter.counts
    assert counts.points_exported >= 0
    assert counts.points_exported + counts.points_lost == 4


def broken(name: str, error: BaseException) -> Scripted:
    """A transport whose property ``name`` raises."""

    def fail(self: Any) -> Any:
        raise error

    transport: Scripted = type("Broken", (Scripted,), {name: property(fail)})()
    return transport


@pytest.mark.parametrize("name", ["enabled", "limit"])
def test_a_property_that_raises_costs_the_export(warnings: Warnings, name: str) -> None:
    exporter = ETWMetricExporter(broken(name, RuntimeError("no idea")))
    assert exporter.export(some(4)) is FAILURE
    counts = exporter.counts
    assert (counts.points_exported, counts.points_lost) == (0, 4)
    assert any("RuntimeError: no idea" in line for line in warnings())
    assert exporter.export(some(1)) is FAILURE


@pytest.mark.parametrize("limit", ["64", 1.5, -1, 0, 2**70, object()])
def test_a_limit_that_is_none_costs_the_export(limit: Any) -> None:
    exporter = ETWMetricExporter(Scripted(limit=limit))
    result = exporter.export(some(4))
    counts = exporter.counts
    assert counts.points_exported + counts.points_lost == 4
    assert result is (FAILURE if counts.points_lost else SUCCESS)
    if limit in (-1, 0):
        assert counts.points_lost == 4


def test_a_flush_that_raises_is_false_and_said(warnings: Warnings) -> None:
    class Stuck(Scripted):
        def flush(self, timeout_millis: float = 10_000) -> bool:
            raise OSError("stuck")

    exporter = ETWMetricExporter(Stuck())
    assert exporter.force_flush() is False
    assert "flush failed: OSError: stuck" in warnings()[0]
    assert exporter.export(some(1)) is SUCCESS


def test_a_close_that_raises_is_said_and_not_called_again(warnings: Warnings) -> None:
    class Jammed(Scripted):
        def close(self) -> None:
            super().close()
            raise OSError("jammed")

    transport = Jammed()
    exporter = ETWMetricExporter(transport)
    exporter.shutdown()
    exporter.shutdown()
    assert "close failed: OSError: jammed" in warnings()[0]
    assert transport.closes == 1


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_goes_through_and_leaves_nothing_held(
    interrupt: type[BaseException],
) -> None:
    transport = Scripted(limit=500)
    exporter = ETWMetricExporter(transport)

    def interrupted(frames: Frames) -> Delivery:
        raise interrupt

    transport.react = interrupted
    with pytest.raises(interrupt):
        exporter.export(large(3000))
    transport.react = Delivery.of
    assert exporter.export(some(2)) is SUCCESS
    assert exporter.force_flush(1) is True
    counts = exporter.counts
    assert (counts.points_exported, counts.points_lost) == (2, 3000)
    exporter.shutdown(timeout=1)
    assert transport.closes == 1


def test_only_send_must_be_written() -> None:
    class Least(Transport):
        points = 0

        def send(self, frames: Frames) -> Delivery:
            self.points += frames.points
            return Delivery.of(frames)

    transport = Least()
    exporter = ETWMetricExporter(transport)
    assert exporter.export(some(3)) is SUCCESS
    assert exporter.force_flush() is True
    exporter.shutdown()
    assert transport.points == 3
