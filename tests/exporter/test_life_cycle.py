"""Export, force_flush and shutdown called directly, in every order and with odd arguments."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import Delivery, ETWMetricExporter, InMemoryTransport, Transport
from otel_etw.transports import Frames
from tests.support.exports import Trap, large, some
from tests.support.transport_doubles import PATIENCE, Gate, Scripted

from .conftest import Warnings

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE


def in_thread(task: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=task, daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_shutdown_closes_the_transport_that_the_exporter_was_given() -> None:
    transport = Scripted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "listening", False)
        ETWMetricExporter(transport).shutdown()
    assert transport.closes == 1


def test_shutdown_closes_the_transport_that_the_exporter_opened() -> None:
    exporter = ETWMetricExporter("memory")
    exporter.shutdown()
    late = ETWMetricExporter(exporter.transport)
    assert late.export(some(1)) is FAILURE
    assert late.counts.lost[("point", "closed")] == 1


def test_export_after_shutdown_fails_is_counted_and_said_once(warnings: Warnings) -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    exporter.shutdown()
    assert exporter.export(some(3)) is FAILURE
    assert exporter.export(some(4)) is FAILURE
    assert exporter.counts.lost == {("export", "shutdown"): 2, ("point", "shutdown"): 7}
    assert (transport.batches, transport.closes) == ([], 1)
    lines = [line for line in warnings() if "lost 1 export(s)" in line]
    assert len(lines) == 1
    assert "export after shutdown" in lines[0]


def test_a_second_shutdown_warns_and_does_nothing(warnings: Warnings) -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    exporter.shutdown()
    exporter.shutdown()
    assert transport.closes == 1
    (warning,) = warnings()
    assert "already shut down" in warning


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"timeout_millis": 100},
        {"timeout": 100},
        {"timeout": 0},
        {"timeout": -5.0},
        {"timeout_millis": 0},
        {"timeout": math.inf},
        {"timeout_millis": math.nan},
        {"timeout_millis": None},
        {"timeout": 100, "something_new": 1},
    ],
)
def test_shutdown_takes_every_timeout(arguments: dict[str, Any]) -> None:
    transport = Scripted()
    ETWMetricExporter(transport).shutdown(**arguments)
    assert transport.closes == 1


@pytest.mark.parametrize("millis", [0, -1, 0.5, 10_000, math.inf, math.nan, None])
def test_force_flush_takes_every_timeout(millis: Any) -> None:
    transport = Scripted()
    assert ETWMetricExporter(transport).force_flush(millis) is True
    assert len(transport.flushes) == 1


def test_export_takes_every_timeout_and_more() -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    assert exporter.export(some(1), 0) is SUCCESS
    assert exporter.export(some(1), timeout_millis=math.nan, something_new=1) is SUCCESS


@pytest.mark.parametrize("name", ["timeout", "timeout_millis"])
def test_shutdown_waits_no_longer_than_it_was_told(name: str) -> None:
    transport = Gate()
    exporter = ETWMetricExporter(transport)
    export = in_thread(lambda: exporter.export(some(1)))
    assert transport.entered.wait(PATIENCE)
    arguments: dict[str, Any] = {name: 1}
    exporter.shutdown(**arguments)
    assert transport.closes == 0
    transport.opened.set()
    assert ended(export)
    assert transport.closes == 1


def test_what_a_shutdown_cuts_short_is_counted_as_lost_by_it() -> None:
    transport = Gate(limit=500)
    exporter = ETWMetricExporter(transport)
    results: list[MetricExportResult] = []
    export = in_thread(lambda: results.append(exporter.export(large(3000))))
    assert transport.entered.wait(PATIENCE)
    exporter.shutdown(timeout=0)
    transport.opened.set()
    assert ended(export)
    assert results == [FAILURE]
    counts = exporter.counts
    assert len(transport.batches) == 1
    assert 0 < counts.points_exported == transport.points
    assert counts.lost[("point", "shutdown")] == 3000 - counts.points_exported


def test_an_export_that_was_all_sent_when_the_shutdown_came_is_a_success() -> None:
    transport = Gate()
    exporter = ETWMetricExporter(transport)
    results: list[MetricExportResult] = []
    export = in_thread(lambda: results.append(exporter.export(some(5))))
    assert transport.entered.wait(PATIENCE)
    exporter.shutdown(timeout=0)
    transport.opened.set()
    assert ended(export)
    assert results == [SUCCESS]
    assert (exporter.counts.points_exported, exporter.counts.points_lost) == (5, 0)


def test_an_export_in_vain_does_not_close_the_transport_under_a_running_one() -> None:
    transport = Gate()
    exporter = ETWMetricExporter(transport)
    export = in_thread(lambda: exporter.export(some(1)))
    assert transport.entered.wait(PATIENCE)
    exporter.shutdown(timeout=0)
    assert exporter.export(some(1)) is FAILURE
    assert transport.closes == 0
    transport.opened.set()
    assert ended(export)
    assert transport.closes == 1


def test_an_export_that_shutdown_overtook_sends_nothing_to_a_closed_transport() -> None:
    looked, go_on = threading.Event(), threading.Event()

    class Slow(Scripted):
        @property
        def enabled(self) -> bool:
            looked.set()
            return go_on.wait(PATIENCE)

    transport = Slow()
    exporter = ETWMetricExporter(transport)
    results: list[MetricExportResult] = []
    export = in_thread(lambda: results.append(exporter.export(some(3))))
    assert looked.wait(PATIENCE)
    exporter.shutdown()
    go_on.set()
    assert ended(export)
    assert transport.closes == 1
    assert transport.batches == []
    assert results == [FAILURE]
    assert (exporter.counts.points_exported, exporter.counts.points_lost) == (0, 3)


def test_force_flush_gives_up_when_an_export_takes_too_long() -> None:
    transport = Gate()
    exporter = ETWMetricExporter(transport)
    export = in_thread(lambda: exporter.export(some(1)))
    assert transport.entered.wait(PATIENCE)
    assert exporter.force_flush(1) is False
    transport.opened.set()
    assert ended(export)
    assert exporter.force_flush(1000) is True


def test_a_flush_that_shutdown_would_not_wait_for_closes_the_transport_when_it_ends() -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Slow(Scripted):
        def flush(self, timeout_millis: float = 10_000) -> bool:
            entered.set()
            return go_on.wait(PATIENCE)

    transport = Slow()
    exporter = ETWMetricExporter(transport)
    flush = in_thread(exporter.force_flush)
    assert entered.wait(PATIENCE)
    exporter.shutdown(timeout=0)
    assert transport.closes == 0
    go_on.set()
    assert ended(flush)
    assert transport.closes == 1


def test_force_flush_says_what_the_transport_says() -> None:
    class Clogged(Scripted):
        def flush(self, timeout_millis: float = 10_000) -> bool:
            return False

    assert ETWMetricExporter(Clogged()).force_flush() is False


def test_force_flush_after_shutdown_is_false_and_does_not_reach_the_transport() -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    exporter.shutdown()
    assert exporter.force_flush() is False
    assert transport.flushes == []


# One transport, several exporters -----------------------------------------------------------


def test_a_shared_transport_is_closed_by_the_last_exporter() -> None:
    transport = Scripted()
    first, second = ETWMetricExporter(transport), ETWMetricExporter(transport)
    first.shutdown()
    first.shutdown()
    assert transport.closes == 0
    assert second.export(some(1)) is SUCCESS
    second.shutdown()
    assert transport.closes == 1


def test_a_transport_may_get_a_new_exporter_after_the_last_one() -> None:
    transport = Scripted()
    ETWMetricExporter(transport).shutdown()
    ETWMetricExporter(transport).shutdown()
    assert transport.closes == 2


def test_an_exporter_that_was_dropped_does_not_keep_a_shared_transport_open() -> None:
    transport = Scripted()
    ETWMetricExporter(transport)
    ETWMetricExporter(transport).shutdown()
    assert transport.closes == 1


def test_an_exporter_that_could_not_be_made_does_not_count() -> None:
    transport = Scripted()
    with pytest.raises(ValueError, match="attribute"):
        ETWMetricExporter(transport, attributes={"a": {1}})
    ETWMetricExporter(transport).shutdown()
    assert transport.closes == 1


def test_two_transports_that_are_equal_are_still_two() -> None:
    class Equal(Scripted):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

        def __hash__(self) -> int:
            return 1

    one, other = Equal(), Equal()
    first, second = ETWMetricExporter(one), ETWMetricExporter(other)
    first.shutdown()
    assert (one.closes, other.closes) == (1, 0)
    second.shutdown()
    assert (one.closes, other.closes) == (1, 1)


def test_a_transport_need_not_be_hashable() -> None:
    @dataclass
    class Plain(Transport):
        points: int = 0
        closes: int = 0

        def send(self, frames: Frames) -> Delivery:
            self.points += frames.points
            return Delivery.of(frames)

        def close(self) -> None:
            self.closes += 1

    transport = Plain()
    exporter = ETWMetricExporter(transport)
    assert exporter.export(some(2)) is SUCCESS
    exporter.shutdown()
    assert (transport.points, transport.closes) == (2, 1)


# Nobody listens ------------------------------------------------------------------------------


def test_nothing_is_looked_at_while_nobody_listens() -> None:
    transport = Scripted()
    transport.listening = False
    exporter = ETWMetricExporter(transport)
    trap: Any = Trap()
    assert exporter.export(trap) is SUCCESS
    assert transport.batches == []
    counts = exporter.counts
    assert (counts.exports, counts.points_exported, counts.points_lost) == (0, 0, 0)
    assert (counts.frames, counts.bytes, dict(counts.lost)) == (0, 0, {})


def test_the_export_after_somebody_begins_to_listen_is_sent() -> None:
    transport = Scripted()
    transport.listening = False
    exporter = ETWMetricExporter(transport)
    exporter.export(some(1))
    transport.listening = True
    exporter.export(some(2))
    assert transport.points == exporter.counts.points_exported == 2
