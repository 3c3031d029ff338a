"""The life of an exporter under the SDK's own periodic reader."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)

from otel_etw import Delivery, ETWMetricExporter, InMemoryTransport
from otel_etw.encoding import count_points
from otel_etw.transports import Frames
from tests.support.exports import some
from tests.support.transport_doubles import PATIENCE, Gate, Scripted

from .conftest import Warnings

NEVER = math.inf
TICKER = "OtelPeriodicExportingMetricReader"


def provided(exporter: ETWMetricExporter, interval: float = NEVER) -> MeterProvider:
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=interval)
    return MeterProvider(metric_readers=[reader], shutdown_on_exit=False)


def values(transport: InMemoryTransport, name: str = "requests") -> list[int]:
    return [point.as_int for point in transport.points(name)]


def wait_for_tickers() -> None:
    for thread in threading.enumerate():
        if thread.name == TICKER:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def test_a_tick_exports_in_the_readers_thread() -> None:
    sent = threading.Event()
    thread = ""

    def react(frames: Frames) -> Delivery:
        nonlocal thread
        thread = threading.current_thread().name
        sent.set()
        return Delivery.of(frames)

    transport = Scripted(react)
    provider = provided(ETWMetricExporter(transport), interval=5)
    provider.get_meter("m").create_counter("requests").add(1)
    assert sent.wait(PATIENCE)
    provider.shutdown()
    assert thread == TICKER
    assert transport.points == 1


def test_a_tick_without_data_sends_nothing() -> None:
    transport = Scripted()
    provider = provided(ETWMetricExporter(transport))
    provider.force_flush()
    provider.shutdown()
    assert transport.batches == []


def test_force_flush_exports_and_flushes_in_the_callers_thread() -> None:
    threads = []

    def react(frames: Frames) -> Delivery:
        threads.append(threading.get_ident())
        return Delivery.of(frames)

    transport = Scripted(react)
    provider = provided(ETWMetricExporter(transport))
    provider.get_meter("m").create_counter("requests").add(1)
    assert provider.force_flush(5000)
    assert threads == [threading.get_ident()]
    (millis,) = transport.flushes
    assert 0 < millis <= 5000
    provider.shutdown()


def test_shutdown_exports_what_is_left_and_closes_the_transport_once(warnings: Warnings) -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    provider = provided(exporter, interval=3_600_000)
    provider.get_meter("m").create_counter("requests").add(1)
    provider.shutdown()
    assert (transport.points, transport.closes) == (1, 1)
    assert exporter.counts.points_lost == 0
    assert warnings() == []


def test_force_flush_after_shutdown_loses_the_points_and_says_so(warnings: Warnings) -> None:
    transport = InMemoryTransport()
    exporter = ETWMetricExporter(transport)
    provider = provided(exporter)
    counter = provider.get_meter("m").create_counter("requests")
    counter.add(1)
    provider.force_flush()
    provider.shutdown()
    counter.add(2)
    provider.force_flush()
    assert values(transport) == [1]
    assert exporter.counts.lost[("export", "shutdown")] >= 1
    assert [line for line in warnings() if "export after shutdown" in line]


class Counting(ETWMetricExporter):
    """Knows how many points it was given."""

    given = 0

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        self.given += count_points(metrics_data)
        return super().export(metrics_data, timeout_millis, **kwargs)


@pytest.mark.parametrize("ask", ["provider", "reader"])
def test_shutdown_during_a_slow_export_returns_and_the_export_closes_the_transport(
    ask: str,
) -> None:
    def observe(options: CallbackOptions) -> Iterable[Observation]:
        return (Observation(n, {"n": n, "text": "x" * 100}) for n in range(1500))

    transport = Gate(limit=1000)
    exporter = Counting(transport)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=20)
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    provider.get_meter("m").create_observable_gauge("requests", [observe])
    assert transport.entered.wait(PATIENCE)
    if ask == "provider":
        provider.shutdown(timeout_millis=400)
    else:
        reader.shutdown(timeout_millis=0)
    assert transport.closes == 0
    transport.opened.set()
    assert transport.closed.wait(PATIENCE)
    wait_for_tickers()
    assert transport.closes == 1
    counts = exporter.counts
    assert len(transport.batches) == 1
    assert 0 < counts.points_exported == transport.points < 1500
    assert counts.lost[("point", "shutdown")] == counts.points_lost > 0
    assert counts.points_exported + counts.points_lost == exporter.given


def test_shutdown_while_another_thread_flushes_is_no_different() -> None:
    transport = Gate(limit=1000)
    exporter = Counting(transport)
    provider = provided(exporter, interval=3_600_000)
    counter = provider.get_meter("m").create_counter("requests")
    for n in range(1500):
        counter.add(1, {"n": n, "text": "x" * 100})
    flush = threading.Thread(target=provider.force_flush)
    flush.start()
    assert transport.entered.wait(PATIENCE)
    provider.shutdown(timeout_millis=400)
    assert transport.closes == 0
    transport.opened.set()
    flush.join(PATIENCE)
    wait_for_tickers()
    assert transport.closes == 1
    counts = exporter.counts
    assert 0 < counts.points_exported == transport.points
    assert counts.points_exported + counts.points_lost == exporter.given == 1500


def test_an_export_that_the_shutdown_waited_for_is_complete() -> None:
    transport = Gate(limit=1000)
    exporter = ETWMetricExporter(transport)
    provider = provided(exporter, interval=5)
    counter = provider.get_meter("m").create_counter("requests")
    for n in range(1500):
        counter.add(1, {"n": n, "text": "x" * 100})
    assert transport.entered.wait(PATIENCE)
    helper = threading.Timer(0.05, transport.opened.set)
    helper.start()
    provider.shutdown(timeout_millis=PATIENCE * 1000)
    helper.join()
    assert transport.points == exporter.counts.points_exported == 1500
    assert exporter.counts.points_lost == 0
    assert transport.closes == 1


def test_two_readers_may_share_a_transport_through_two_exporters() -> None:
    transport = InMemoryTransport()
    readers = [
        PeriodicExportingMetricReader(ETWMetricExporter(transport), export_interval_millis=NEVER)
        for _ in range(2)
    ]
    provider = MeterProvider(metric_readers=readers, shutdown_on_exit=False)
    provider.get_meter("m").create_counter("requests").add(1)
    provider.force_flush()
    provider.get_meter("m").create_counter("requests").add(2)
    provider.force_flush()
    provider.shutdown()
    assert sorted(values(transport)) == [1, 1, 2, 2]


def test_the_thread_of_the_reader_survives_whatever_a_transport_does() -> None:
    ticks = 0
    enough = threading.Event()

    def react(frames: Frames) -> Delivery:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            enough.set()
        raise RuntimeError("bad day")

    exporter = ETWMetricExporter(Scripted(react), temporality_preference="cumulative")
    provider = provided(exporter, interval=5)
    provider.get_meter("m").create_counter("requests").add(1)
    assert enough.wait(PATIENCE)
    provider.shutdown()
    assert exporter.counts.lost[("point", "transport_error")] >= 3


def test_what_is_exported_by_hand_and_by_a_reader_is_counted_together() -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    provider = provided(exporter)
    provider.get_meter("m").create_counter("requests").add(1)
    provider.force_flush()
    assert exporter.export(some(4)) is MetricExportResult.SUCCESS
    assert exporter.counts.points_exported == 5
    provider.shutdown()
