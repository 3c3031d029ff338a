"""Other threads get the interpreter while an export goes on, and an export alone loses no time."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import MetricsData

from otel_etw import ETWMetricExporter, exporter
from otel_etw.encoding import count_points
from otel_etw.gil import HOLD, yield_gil
from tests.support.exports import large, some
from tests.support.transport_doubles import Scripted


class Clock:
    """Each look at it takes ``step`` seconds."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._now = 1000.0
        self.yields = 0

    def __call__(self) -> float:
        self._now += self._step
        return self._now

    def yield_gil(self) -> None:
        self.yields += 1


def export(
    monkeypatch: pytest.MonkeyPatch, step: float, data: MetricsData, limit: int | None
) -> tuple[int, int]:
    """With a clock of such steps: how often others may run, and how many batches arrive."""
    clock = Clock(step)
    monkeypatch.setattr(exporter, "perf_counter", clock)
    monkeypatch.setattr(exporter, "yield_gil", clock.yield_gil)
    transport = Scripted(limit=limit)
    ETWMetricExporter(transport).export(data)
    assert transport.points == count_points(data)
    assert all(transport.batches), "an empty batch was sent"
    return clock.yields, len(transport.batches)


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("limit", [200, 61_440, None])
def test_a_short_export_does_not_yield(monkeypatch: pytest.MonkeyPatch, limit: int | None) -> None:
    yields, _ = export(monkeypatch, 1e-9, large(), limit)
    assert yields == 0


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("limit", [200, 61_440])
def test_a_slow_export_yields_at_each_batch(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    yields, batches = export(monkeypatch, 1.0, large(), limit)
    assert yields == batches > 1


@pytest.mark.usefixtures("encoder")
def test_a_slow_export_yields_amid_a_large_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    yields, batches = export(monkeypatch, 1.0, large(), None)
    assert batches == 1
    assert yields > 1


def test_a_small_export_yields_at_most_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert export(monkeypatch, 1.0, some(1), 61_440) == (1, 1)


def test_a_waiting_thread_runs_during_a_yield() -> None:
    """It would else wait for the interpreter's own interval, here made endless."""
    ran = threading.Event()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        threading.Thread(target=ran.set, daemon=True).start()
        for _ in range(10_000):
            if ran.is_set():
                break
            yield_gil()
    finally:
        sys.setswitchinterval(interval)
    assert ran.is_set()


def test_yields_cost_a_small_part_of_what_they_follow() -> None:
    """The shortest of some, for a loaded machine may keep any of them away for long."""
    shortest = 1.0
    for _ in range(200):
        begun = time.perf_counter()
        yield_gil()
        shortest = min(shortest, time.perf_counter() - begun)
    assert shortest < HOLD / 2


def test_a_program_that_patches_sleep_and_clocks_loses_nothing(tmp_path: Path) -> None:
    """As gevent does late, and as tests do with clocks that stand still."""
    program = """
        import time
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from otel_etw import ETWMetricExporter
        exporter = ETWMetricExporter("file:metrics.pb")

        def forbidden(*arguments):
            raise AssertionError("looked up at the call")

        for name in ("sleep", "perf_counter", "monotonic", "time", "thread_time"):
            setattr(time, name, forbidden)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
        provider = MeterProvider([reader], shutdown_on_exit=False)
        counter = provider.get_meter("m").create_counter("c")
        for n in range(1999):
            counter.add(1, {"text": "x" * 200 + str(n)})
        data = {}
        reader._receive_metrics = lambda metrics, **_: data.update(metrics=metrics)
        reader.collect()
        exporter.export(data["metrics"])
        exporter.force_flush()
        exporter.shutdown()
        print(exporter.counts.points_exported, dict(exporter.counts.lost))
    """
    from tests.support.programs import run

    assert run(program, tmp_path).split() == ["1999", "{}"]
