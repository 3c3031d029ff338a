"""Forked processes: both sides export, whatever the other was doing at the fork."""

from __future__ import annotations

import os
import threading
import traceback
import warnings
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import Delivery, ETWMetricExporter, FileTransport, InMemoryTransport
from otel_etw.transports import Frames
from tests.support.exports import some
from tests.support.processes import fork, in_child, wait
from tests.support.programs import frames, points, run, values
from tests.support.transport_doubles import PATIENCE, Gate, Scripted

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE


def test_a_child_forked_during_an_export_exports_at_once_and_the_parent_goes_on() -> None:
    transport = Gate()
    exporter = ETWMetricExporter(transport)
    results: list[MetricExportResult] = []
    export = threading.Thread(target=lambda: results.append(exporter.export(some(2))))
    export.start()
    assert transport.entered.wait(PATIENCE)

    def child() -> None:
        assert exporter.export(some(3)) is SUCCESS
        assert exporter.force_flush(1) is True
        assert exporter.counts.points_exported == 3
        exporter.shutdown(timeout=1)
        assert transport.closes == 1

    in_child(child)
    assert results == []
    transport.opened.set()
    export.join(PATIENCE)
    assert results == [SUCCESS]
    assert exporter.counts.points_exported == 2
    assert transport.closes == 0
    exporter.shutdown()
    assert transport.closes == 1


def test_a_child_forked_while_another_thread_waits_for_the_exporter() -> None:
    transport = Gate()
    exporter = ETWMetricExporter(transport)
    waiting = threading.Event()

    def flush() -> None:
        waiting.set()
        exporter.force_flush(PATIENCE * 1000)

    threads = [
        threading.Thread(target=lambda: exporter.export(some(1))),
        threading.Thread(target=flush),
    ]
    threads[0].start()
    assert transport.entered.wait(PATIENCE)
    threads[1].start()
    assert waiting.wait(PATIENCE)

    def child() -> None:
        assert exporter.export(some(3)) is SUCCESS

    in_child(child)
    transport.opened.set()
    for thread in threads:
        thread.join(PATIENCE)


@pytest.mark.parametrize("during", ["send", "flush"])
def test_a_child_forked_within_a_call_ends_that_call_in_peace(during: str) -> None:
    """As when a signal handler forks: there the thread that has the lock lives on."""
    children: list[int] = []

    def divide() -> None:
        if not children:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of threads of other tests
                children.append(os.fork())

    class Dividing(Scripted):
        def flush(self, timeout_millis: float = 10_000) -> bool:
            divide()
            return True

    def react(frames: Frames) -> Delivery:
        divide()
        return Delivery.of(frames)

    transport = Dividing(react)
    exporter = ETWMetricExporter(transport)
    status = 1
    try:
        if during == "send":
            assert exporter.export(some(2)) is SUCCESS
        else:
            assert exporter.force_flush() is True
            assert exporter.export(some(2)) is SUCCESS
        assert exporter.export(some(1)) is SUCCESS
        assert (exporter.counts.points_exported, exporter.counts.points_lost) == (3, 0)
        exporter.shutdown(timeout=1)
        assert transport.closes == 1
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        if children == [0]:
            os._exit(status)
    assert wait(children[0]) == 0, "the child's traceback is in the captured output"


def test_a_child_of_an_exporter_that_is_shut_down_says_so_too() -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    exporter.shutdown()

    def child() -> None:
        assert exporter.export(some(1)) is FAILURE

    in_child(child)


def test_a_child_may_make_exporters_of_its_own() -> None:
    transport = InMemoryTransport()
    ETWMetricExporter(transport)

    def child() -> None:
        mine = ETWMetricExporter(transport)
        assert mine.export(some(1)) is SUCCESS
        mine.shutdown()

    in_child(child)
    other = ETWMetricExporter(transport)
    assert other.export(some(1)) is SUCCESS


def test_many_children_share_the_file_of_their_parent(tmp_path: Path) -> None:
    path = tmp_path / "metrics.pb"
    exporter = ETWMetricExporter(FileTransport(path))
    exporter.export(some(1))

    def child() -> None:
        for _ in range(5):
            assert exporter.export(some(2)) is SUCCESS
        exporter.shutdown()

    children = [fork(child) for _ in range(10)]
    for _ in range(5):
        assert exporter.export(some(1)) is SUCCESS
    assert [wait(child) for child in children] == [0] * 10
    assert exporter.export(some(1)) is SUCCESS
    assert len(frames(path)) == 1 + 10 * 5 + 5 + 1
    assert len(values(path, "requests")) == 1 + 10 * 5 * 2 + 5 + 1


def test_a_fork_of_a_fork_exports(tmp_path: Path) -> None:
    path = tmp_path / "metrics.pb"
    exporter = ETWMetricExporter(FileTransport(path))

    def child() -> None:
        assert exporter.export(some(1)) is SUCCESS
        in_child(lambda: exporter.shutdown() if exporter.export(some(1)) is SUCCESS else None)

    in_child(child)
    exporter.export(some(1))
    assert len(frames(path)) == 3


PREFORK = """
    import os, sys, warnings
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from otel_etw import ETWMetricExporter

    warnings.simplefilter("ignore", DeprecationWarning)  # of fork among threads
    reader = PeriodicExportingMetricReader(
        ETWMetricExporter("file:metrics.pb"), export_interval_millis=3_600_000
    )
    provider = MeterProvider(metric_readers=[reader])
    served = provider.get_meter("server").create_counter("served")
    workers = []
    for worker in range(4):
        pid = os.fork()
        if pid == 0:
            for _ in range(100):
                served.add(1, {"worker": worker})
            if worker == 0:
                provider.force_flush()
            sys.exit(0)
        workers.append(pid)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers]
    assert statuses == [0] * 4, statuses
    served.add(7, {"worker": 99})
"""


def test_workers_of_a_prefork_server_export_what_each_has_served(tmp_path: Path) -> None:
    run(PREFORK, tmp_path)
    served: Counter[int] = Counter()
    for point in points(tmp_path / "metrics.pb", "served"):
        served[point.attributes[0].value.int_value] += point.as_int
    assert served == {0: 100, 1: 100, 2: 100, 3: 100, 99: 7}
