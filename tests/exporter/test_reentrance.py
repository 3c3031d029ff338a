"""An exporter called while it works, by the transport or by a signal handler, never deadlocks."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import Delivery, ETWMetricExporter
from otel_etw.transports import Frames
from tests.support.exports import counter, data, large, number, some
from tests.support.transport_doubles import PATIENCE, Gate, Scripted

from .conftest import Warnings

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE


@contextmanager
def on_signal(handler: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """``handler`` runs in the main thread wherever the function that this gives is called."""
    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda number, frame: handler() and None)
    try:
        yield lambda: signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_export_from_within_send_is_refused_and_counted(warnings: Warnings) -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    results = []

    def react(frames: Frames) -> Delivery:
        results.append(exporter.export(some(3)))
        return Delivery.of(frames)

    transport.react = react
    assert exporter.export(some(2)) is SUCCESS
    assert results == [FAILURE]
    counts = exporter.counts
    assert (counts.points_exported, counts.lost[("point", "reentrant")]) == (2, 3)
    assert any("export from within an export" in line for line in warnings())
    transport.react = Delivery.of
    assert exporter.export(some(1)) is SUCCESS


def test_force_flush_from_within_send_is_false() -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    results = []

    def react(frames: Frames) -> Delivery:
        results.append(exporter.force_flush(PATIENCE * 1000))
        return Delivery.of(frames)

    transport.react = react
    assert exporter.export(some(2)) is SUCCESS
    assert results == [False]
    assert transport.flushes == []


def test_shutdown_from_within_send_lets_the_export_close_the_transport() -> None:
    transport = Scripted(limit=500)
    exporter = ETWMetricExporter(transport)
    closed_inside: list[int] = []

    def react(frames: Frames) -> Delivery:
        if not closed_inside:
            exporter.shutdown(PATIENCE * 1000)
        closed_inside.append(transport.closes)
        return Delivery.of(frames)

    transport.react = react
    assert exporter.export(large(3000)) is FAILURE
    assert closed_inside == [0]
    assert transport.closes == 1
    counts = exporter.counts
    assert counts.points_exported == transport.points > 0
    assert counts.lost[("point", "shutdown")] == 3000 - transport.points


def test_export_after_shutdown_from_within_send_leaves_the_closing_to_the_outer_one() -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    closed_inside: list[int] = []

    def react(frames: Frames) -> Delivery:
        exporter.shutdown()
        exporter.export(some(1))
        closed_inside.append(transport.closes)
        return Delivery.of(frames)

    transport.react = react
    exporter.export(some(1))
    assert closed_inside == [0]
    assert transport.closes == 1


def test_an_export_from_within_flush_does_not_send() -> None:
    inside = []

    class Flushing(Scripted):
        def flush(self, timeout_millis: float = 10_000) -> bool:
            inside.append(exporter.export(some(1)))
            return not self.batches

    transport = Flushing()
    exporter = ETWMetricExporter(transport)
    assert exporter.force_flush() is True
    assert inside == [FAILURE]
    assert exporter.export(some(1)) is SUCCESS


def test_an_export_from_within_close_fails() -> None:
    inside = []

    class Closing(Scripted):
        def close(self) -> None:
            super().close()
            inside.append(exporter.export(some(1)))

    transport = Closing()
    exporter = ETWMetricExporter(transport)
    exporter.shutdown()
    assert inside == [FAILURE]
    assert (transport.closes, transport.batches) == (1, [])


def test_a_log_handler_may_export_what_it_hears() -> None:
    transport = Scripted(lambda frames: Delivery.nothing(frames, "gone"))
    exporter = ETWMetricExporter(transport)

    class Exporting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            exporter.export(some(1))

    handler = Exporting()
    logging.getLogger("otel_etw").addHandler(handler)
    try:
        assert exporter.export(some(2)) is FAILURE
    finally:
        logging.getLogger("otel_etw").removeHandler(handler)
    # Losses are logged when the export is over, so what the handler exports is sent: one point for
    # the line about the frame and one for the line about the points.
    assert exporter.counts.lost[("point", "gone")] == exporter.counts.points_lost == 2 + 1 + 1


class Signalling:
    """A number whose conversion is interrupted by a signal."""

    def __init__(self, send_signal: Callable[[], None]) -> None:
        self.send_signal = send_signal

    def __index__(self) -> int:
        self.send_signal()
        return 5

    def __float__(self) -> float:
        self.send_signal()
        return 5.0


@pytest.mark.usefixtures("encoder")
def test_a_signal_handler_that_exports_while_a_point_is_encoded() -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    results = []
    with on_signal(lambda: results.append(exporter.export(some(3)))) as send_signal:
        value: Any = Signalling(send_signal)
        assert exporter.export(data(counter(number(1), number(value), number(2)))) is SUCCESS
    assert results == [FAILURE] * len(results)
    assert results
    assert exporter.counts.points_exported == transport.points == 3
    assert exporter.counts.lost[("point", "reentrant")] == 3 * len(results)


@pytest.mark.parametrize("what", ["export", "force_flush", "shutdown", "counts"])
def test_a_signal_handler_may_do_anything_while_send_runs(what: str) -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    done: list[object] = []

    def handler() -> None:
        tasks: dict[str, Callable[[], object]] = {
            "export": lambda: exporter.export(some(3)),
            "force_flush": lambda: exporter.force_flush(PATIENCE * 1000),
            "shutdown": lambda: exporter.shutdown(PATIENCE * 1000),
            "counts": lambda: exporter.counts.exports,
        }
        done.append(tasks[what]())

    with on_signal(handler) as send_signal:

        def react(frames: Frames) -> Delivery:
            send_signal()
            return Delivery.of(frames)

        transport.react = react
        assert exporter.export(some(2)) is SUCCESS
    assert done == [{"export": FAILURE, "force_flush": False, "shutdown": None, "counts": 1}[what]]
    assert transport.closes == (what == "shutdown")
    assert exporter.counts.points_exported == 2


def test_a_signal_handler_that_raises_out_of_send_leaves_nothing_held() -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)

    def handler() -> None:
        raise KeyboardInterrupt

    with on_signal(handler) as send_signal:

        def react(frames: Frames) -> Delivery:
            send_signal()
            return Delivery.of(frames)

        transport.react = react
        with pytest.raises(KeyboardInterrupt):
            exporter.export(some(2))
    transport.react = Delivery.of
    assert exporter.export(some(1)) is SUCCESS
    elsewhere = threading.Thread(target=lambda: exporter.force_flush(PATIENCE * 1000))
    elsewhere.start()
    elsewhere.join(PATIENCE)
    assert len(transport.flushes) == 1


def test_a_signal_handler_may_export_while_another_thread_does() -> None:
    transport = Gate()
    exporter = ETWMetricExporter(transport)
    export = threading.Thread(target=lambda: exporter.export(some(1)))
    results = []

    def handler() -> None:
        transport.opened.set()
        results.append(exporter.export(some(2)))

    export.start()
    assert transport.entered.wait(PATIENCE)
    with on_signal(handler) as send_signal:
        send_signal()
    export.join(PATIENCE)
    assert results == [SUCCESS]
    assert exporter.counts.points_exported == 3
