"""Many threads at one exporter: every point is counted exactly once, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import Delivery, ETWMetricExporter, InMemoryTransport
from otel_etw.transports import Frames
from tests.support.exports import counter, data, large, number, some
from tests.support.transport_doubles import PATIENCE, Scripted

THREADS, EXPORTS = 8, 40


def together(*tasks: Callable[[], None]) -> None:
    """Run each task in a thread of its own, all at once; none may raise or hang."""
    errors: list[BaseException] = []
    ready = threading.Barrier(len(tasks))

    def run(task: Callable[[], None]) -> None:
        try:
            ready.wait(PATIENCE)
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []


@pytest.mark.usefixtures("encoder")
def test_exports_of_many_threads_do_not_overlap_and_all_arrive() -> None:
    inside = 0
    most = 0

    def react(frames: Frames) -> Delivery:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.0001)
        inside -= 1
        return Delivery.of(frames)

    transport = Scripted(react)
    exporter = ETWMetricExporter(transport)

    def task() -> None:
        for _ in range(EXPORTS):
            assert exporter.export(some(3)) is MetricExportResult.SUCCESS

    together(*[task] * THREADS)
    assert most == 1
    counts = exporter.counts
    assert counts.exports == THREADS * EXPORTS
    assert counts.points_exported == transport.points == THREADS * EXPORTS * 3
    assert counts.points_lost == 0


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("millis", [0, PATIENCE * 1000])
def test_exports_flushes_and_a_shutdown_at_once_leave_counts_that_add_up(millis: float) -> None:
    transport = Scripted(limit=2000)
    exporter = ETWMetricExporter(transport)
    given = threading.Semaphore(0)
    shut = threading.Event()
    flushed: list[bool] = []

    def export() -> None:
        for _ in range(EXPORTS):
            exporter.export(large(50))
            given.release()
        assert shut.wait(PATIENCE)
        assert exporter.export(large(50)) is MetricExportResult.FAILURE

    def spoiled() -> None:
        for _ in range(EXPORTS):
            exporter.export(data(counter(*(number(n if n % 2 else None) for n in range(50)))))

    def flush() -> None:
        for _ in range(EXPORTS):
            flushed.append(exporter.force_flush(100))

    def shutdown() -> None:
        for _ in range(THREADS * EXPORTS // 4):
            assert given.acquire(timeout=PATIENCE)
        exporter.shutdown(millis)
        shut.set()

    together(*[export] * THREADS, spoiled, flush, flush, shutdown)
    counts = exporter.counts
    assert counts.points_exported == transport.points > 0
    assert counts.points_exported + counts.points_lost == ((THREADS + 1) * EXPORTS + THREADS) * 50
    assert counts.lost["export", "shutdown"] >= THREADS
    assert transport.closes == 1
    assert len(flushed) == 2 * EXPORTS


def test_one_transport_takes_from_many_exporters() -> None:
    transport = InMemoryTransport()
    exporters = [ETWMetricExporter(transport) for _ in range(THREADS)]

    def task(exporter: ETWMetricExporter) -> Callable[[], None]:
        def run() -> None:
            for _ in range(EXPORTS):
                assert exporter.export(some(2)) is MetricExportResult.SUCCESS
            exporter.shutdown()

        return run

    together(*map(task, exporters))
    assert len(transport.points("requests")) == THREADS * EXPORTS * 2
    late = ETWMetricExporter(transport)
    assert late.export(some(1)) is MetricExportResult.FAILURE
    assert late.counts.lost[("point", "closed")] == 1


def test_only_one_of_many_shutdowns_closes() -> None:
    for _ in range(20):
        transport = Scripted()
        exporter = ETWMetricExporter(transport)
        together(*[exporter.shutdown] * THREADS)
        assert transport.closes == 1


def test_counts_may_be_read_at_any_time() -> None:
    exporter = ETWMetricExporter(Scripted(lambda f: Delivery.nothing(f, "gone")))
    done = threading.Event()

    def export() -> None:
        for _ in range(200):
            exporter.export(some(1))
        done.set()

    def read() -> None:
        before = 0
        while not done.is_set():
            lost = exporter.counts.points_lost
            assert lost >= before
            before = lost

    together(export, read, read)
    assert exporter.counts.points_lost == 200
