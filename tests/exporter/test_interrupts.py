"""Signal handlers that raise: that export is lost and counted, the next one works."""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import Delivery, ETWMetricExporter, InMemoryTransport, Transport
from otel_etw.counts import ExportCounter
from otel_etw.encoding import Losses
from otel_etw.transports import Frames, call_guard
from otel_etw.transports.call_guard import BUSY, REENTRANT, CallGuard
from tests.support.exports import some
from tests.support.processes import in_child
from tests.support.transport_doubles import PATIENCE, Scripted

ROUNDS = 600
POINTS = 10
# Below the interpreter's own interval for switching threads an export is over.
LONGEST = 60e-6

needs_timers = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The standard library's log handlers have locks that do not survive an interrupt (3.12 and
    older): not what these tests are about."""
    logging.getLogger("otel_etw").disabled = True
    yield
    logging.getLogger("otel_etw").disabled = False


class Interruption(BaseException):
    """As little an ``Exception`` as KeyboardInterrupt, SystemExit and GeneratorExit are."""


@contextmanager
def raising(error: type[BaseException]) -> Iterator[None]:
    def handler(number: int, frame: object) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, handler)
    # What is raised amid a callback of the collector (hypothesis has one) is not raised out of it.
    gc.disable()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


def is_hit(work: Callable[[], object], error: type[BaseException], chance: random.Random) -> bool:
    """Call ``work`` with a timer that raises somewhere; whether it came out."""
    try:
        # At least as long as it takes to come to the call.
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(5e-6, LONGEST))
        work()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except error:
        return True
    return False


def interrupted(
    work: Callable[[], object], error: type[BaseException], seed: int, rounds: int = ROUNDS
) -> int:
    """So many times; how often it was hit."""
    chance = random.Random(seed)
    with raising(error):
        return sum(is_hit(work, error, chance) for _ in range(rounds))


def elsewhere(work: Callable[[], object]) -> bool:
    """Whether ``work`` ends in another thread."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


@needs_timers
@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, RuntimeError])
@pytest.mark.parametrize("target", ["memory", "file"])
def test_an_interrupted_export_leaves_nothing_held(
    error: type[BaseException], target: str, tmp_path: Path
) -> None:
    name = f"file:{tmp_path / 'm.pb'}" if target == "file" else target
    exporter = ETWMetricExporter(name)
    metrics = some(POINTS)
    hits = interrupted(lambda: exporter.export(metrics), error, seed=9)
    results = []
    assert elsewhere(lambda: results.append(exporter.export(metrics, 0)))
    assert results == [MetricExportResult.SUCCESS], exporter.counts
    assert exporter.force_flush(0) is True
    if not issubclass(error, Exception):
        assert hits > ROUNDS / 20, "the timers did not hit"
    exporter.shutdown(0)
    assert exporter.export(metrics) is MetricExportResult.FAILURE
    assert ("point", "shutdown") in exporter.counts.lost


@needs_timers
@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("error", [Interruption, RuntimeError, TimeoutError])
def test_what_an_interrupt_costs_is_counted_and_nothing_is_sent_twice(
    error: type[BaseException],
) -> None:
    """An ``Exception`` cannot be told from one of the data's own, but costs no more."""
    transport = Scripted(limit=300)
    exporter = ETWMetricExporter(transport)
    metrics = some(POINTS)
    begun = 0
    chance = random.Random(10)
    with raising(error):
        for _ in range(ROUNDS):
            before = total(exporter)
            is_hit(lambda: exporter.export(metrics), error, chance)
            given = total(exporter) - before
            # Nothing where the interrupt came before the first instruction.
            assert given in (0, POINTS)
            begun += given
    assert begun > ROUNDS * POINTS / 3
    sent = [bytes(frame) for batch in transport.batches for frame in batch]
    assert len(sent) >= exporter.counts.frames
    for frame in sent:
        request = ExportMetricsServiceRequest.FromString(frame)
        numbers = [
            point.as_int
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.sum.data_points
        ]
        assert len(set(numbers)) == len(numbers)


def total(exporter: ETWMetricExporter) -> int:
    counts = exporter.counts
    return counts.points_exported + counts.points_lost


def test_the_points_of_an_interrupted_export_are_counted_once() -> None:
    sent = []

    def react(frames: Frames) -> Delivery:
        sent.append(len(frames))
        if len(sent) == 2:
            raise Interruption
        return Delivery.of(frames)

    transport = Scripted(react, limit=200)
    exporter = ETWMetricExporter(transport)
    with pytest.raises(Interruption):
        exporter.export(some(3000, "x" * 80))
    counts = exporter.counts
    assert 0 < counts.points_exported == transport.points
    assert dict(counts.lost) == {("point", "interrupted"): 3000 - transport.points}
    transport.react = Delivery.of
    assert exporter.export(some(2)) is MetricExportResult.SUCCESS


@needs_timers
def test_an_interrupted_shutdown_or_flush_leaves_nothing_held() -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    interrupted(lambda: exporter.force_flush(0), Interruption, seed=11)
    assert exporter.force_flush(0) is True

    class Closing(Scripted):
        def close(self) -> None:
            super().close()
            raise Interruption

    transport = Closing()
    late = ETWMetricExporter(transport)
    with pytest.raises(Interruption):
        late.shutdown()
    assert transport.closes >= 1
    assert elsewhere(lambda: late.export(some(1), 0))


@needs_timers
def test_an_interrupted_shutdown_closes_the_transport_all_the_same() -> None:
    """When it is called again. Not at once: the transport's own locks may not survive it."""

    class Closing(Scripted):
        def close(self) -> None:
            self.closes += 1

    chance = random.Random(15)
    with raising(Interruption):
        for _ in range(ROUNDS):
            transport = Closing()
            exporter = ETWMetricExporter(transport)
            is_hit(partial(exporter.shutdown, 0), Interruption, chance)
            exporter.shutdown(0)
            assert transport.closes >= 1


@needs_timers
def test_an_interrupted_guard_is_free_and_an_interrupted_counter_counts_on() -> None:
    guard = CallGuard()
    interrupted(lambda: guard.run(0, lambda: None), Interruption, seed=12, rounds=3000)
    # Within a call of its own, too, as a handler's call is.
    interrupted(
        lambda: guard.run(0, guard.run, 0, lambda: None), Interruption, seed=14, rounds=3000
    )
    counter = ExportCounter()
    losses = Losses()
    losses.add("point", "gone", "", 1)

    def report() -> None:
        counter.reported.append(losses)
        counter.merge()

    hits = interrupted(report, Interruption, seed=13)
    outcomes: list[object] = []
    assert elsewhere(lambda: outcomes.append(guard.run(0, lambda: "ran")))
    assert outcomes == ["ran"]
    # Reported but not merged yet is not lost; never is one counted twice.
    assert ROUNDS - hits <= counter.counts.lost[("point", "gone")] <= ROUNDS


# A signal handler's own calls -------------------------------------------------------------------


@contextmanager
def on_alarm(handler: Callable[[], object]) -> Iterator[None]:
    number = getattr(signal, "SIGALRM", signal.SIGTERM)
    before = signal.signal(number, lambda *_: handler() and None)
    try:
        yield
    finally:
        signal.signal(number, before)


def send_signal() -> None:
    signal.raise_signal(getattr(signal, "SIGALRM", signal.SIGTERM))


class Shared(Scripted):
    """Is interrupted by a signal at each close."""

    def close(self) -> None:
        super().close()
        if self.closes == 1:
            send_signal()


def test_a_handler_may_shut_down_another_exporter_of_the_same_transport() -> None:
    transport = Shared()
    first, second = ETWMetricExporter(transport), ETWMetricExporter(transport)

    def both() -> None:
        first.shutdown()
        second.shutdown()

    with on_alarm(lambda: second.shutdown()):
        both()
    assert transport.closes >= 1
    assert second.export(some(1)) is MetricExportResult.FAILURE


def test_a_handler_may_shut_down_another_exporter_wherever_it_interrupts_a_shutdown() -> None:
    """At every line of what a shutdown runs."""
    lines = 0
    while True:
        transport = Scripted()
        first, second = ETWMetricExporter(transport), ETWMetricExporter(transport)
        if not interrupt_at_line(lines, first.shutdown, second.shutdown):
            break
        assert transport.closes >= 1
        lines += 1
    assert lines > 10


def interrupt_at_line(
    number: int, work: Callable[[], object], handler: Callable[[], object]
) -> bool:
    """Call ``handler`` before the given line of all that ``work`` runs of ours; whether there is
    such a line."""
    left = [number]

    def trace(frame: object, event: str, argument: object) -> object:
        if "otel_etw" not in frame.f_globals.get("__name__", ""):  # type: ignore[attr-defined]
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == -1:
                handler()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return left[0] < 0


@pytest.mark.parametrize("target", ["memory", "file", "null"])
def test_a_handler_may_export_through_a_second_exporter_of_the_same_transport(
    target: str, tmp_path: Path
) -> None:
    """At every line of what an export runs: refused and counted, or sent, but never a deadlock."""
    transport = ETWMetricExporter(
        f"file:{tmp_path / 'm.pb'}" if target == "file" else target
    ).transport
    first, second = ETWMetricExporter(transport), ETWMetricExporter(transport)
    exports = 0
    while interrupt_at_line(exports, lambda: first.export(some(2)), lambda: second.export(some(3))):
        exports += 1
    assert exports > 20
    assert first.counts.points_exported == 2 * (exports + 1)
    counts = second.counts
    assert counts.points_exported + counts.points_lost == 3 * exports
    assert counts.points_exported > 0
    assert set(counts.lost) <= {("point", "reentrant"), ("frame", "reentrant")}


def test_no_export_waits_for_another_longer_than_it_was_told() -> None:
    inside, leave = threading.Event(), threading.Event()

    def react(frames: Frames) -> Delivery:
        inside.set()
        assert leave.wait(PATIENCE)
        return Delivery.of(frames)

    exporter = ETWMetricExporter(Scripted(react))
    thread = threading.Thread(target=lambda: exporter.export(some(1)))
    thread.start()
    assert inside.wait(PATIENCE)
    assert exporter.export(some(2), 1) is MetricExportResult.FAILURE
    assert exporter.force_flush(1) is False
    leave.set()
    thread.join(PATIENCE)
    assert exporter.counts.lost == {("export", "busy"): 1, ("point", "busy"): 2}


# The guard --------------------------------------------------------------------------------------


def test_a_guard_refuses_its_own_caller_and_whoever_waits_too_long() -> None:
    guard = CallGuard()
    assert guard.run(0, guard.run, 0, print) is REENTRANT
    inside, leave = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=lambda: guard.run(0, lambda: (inside.set(), leave.wait(PATIENCE)))
    )
    thread.start()
    assert inside.wait(PATIENCE)
    assert guard.run(0.01, print) is BUSY
    leave.set()
    assert guard.run(PATIENCE, lambda: "after it") == "after it"
    thread.join(PATIENCE)


def test_a_guard_passes_exceptions_on() -> None:
    guard = CallGuard()
    with pytest.raises(ZeroDivisionError):
        guard.run(0, lambda: 1 // 0)
    assert guard.run(0, lambda: 1) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_guard_is_free_in_a_forked_child_but_for_the_forking_call() -> None:
    other, own = CallGuard(), CallGuard()
    inside, leave = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=lambda: other.run(0, lambda: (inside.set(), leave.wait(PATIENCE)))
    )
    thread.start()
    assert inside.wait(PATIENCE)

    def check() -> None:
        assert other.run(0, lambda: True) is True
        assert own.run(0, lambda: True) is REENTRANT

    own.run(0, in_child, check)
    leave.set()
    thread.join(PATIENCE)


# Exporters that come and go while another is shut down --------------------------------------------


def test_exporters_are_made_while_others_shut_down() -> None:
    """Listing a ``WeakSet`` fails when it changes meanwhile."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    stop = threading.Event()
    made: list[Transport] = []

    def make() -> None:
        while not stop.is_set():
            made[:] = [ETWMetricExporter(Scripted()).transport for _ in range(20)]

    makers = [threading.Thread(target=make) for _ in range(3)]
    for maker in makers:
        maker.start()
    try:
        for _ in range(200):
            transport = Scripted()
            ETWMetricExporter(transport).shutdown()
            assert transport.closes == 1
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        for maker in makers:
            maker.join(PATIENCE)


def test_guards_are_made_while_a_process_forks() -> None:
    """What runs in the child lists them."""
    stop = threading.Event()

    def make() -> None:
        while not stop.is_set():
            [CallGuard() for _ in range(50)]

    maker = threading.Thread(target=make)
    maker.start()
    try:
        for _ in range(300):
            call_guard._renew_all()
    finally:
        stop.set()
        maker.join(PATIENCE)
