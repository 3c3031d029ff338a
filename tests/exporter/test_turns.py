"""Other threads get their turns while an export goes on."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics.export import MetricsData

from otel_etw import ETWMetricExporter, encoding, exporter, telemetry
from otel_etw.encoding import count_points
from tests.exporter.doubles import Scripted
from tests.exporter.material import large, some


class Clock:
    """Each look at it takes ``step`` seconds."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._now = 1000.0
        self.pauses: list[float] = []

    def perf_counter(self) -> float:
        self._now += self._step
        return self._now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def export(
    monkeypatch: pytest.MonkeyPatch, step: float, data: MetricsData, limit: int | None
) -> tuple[int, int]:
    """With a clock of such steps: how many pauses, and how many batches arrive."""
    clock = Clock(step)
    monkeypatch.setattr(exporter, "time", clock)
    monkeypatch.setattr(telemetry, "time", clock)
    transport = Scripted(limit=limit)
    ETWMetricExporter(transport).export(data)
    assert transport.points == count_points(data)
    assert all(transport.batches), "an empty batch was sent"
    assert all(0 < pause < 0.001 for pause in clock.pauses)
    return len(clock.pauses), len(transport.batches)


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("limit", [200, 61_440, None])
def test_an_export_that_takes_no_time_does_not_pause(
    monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    pauses, _ = export(monkeypatch, 1e-9, large(), limit)
    assert pauses == 0


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("limit", [200, 61_440])
def test_a_slow_export_pauses_at_each_batch(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    pauses, batches = export(monkeypatch, 1.0, large(), limit)
    assert pauses == batches > 1


def test_a_slow_export_pauses_amid_a_large_frame(
    monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    """The plain encoder need not: the interpreter takes turns amid its code by itself."""
    monkeypatch.setattr(encoding, "NATIVE", native)
    pauses, batches = export(monkeypatch, 1.0, large(), None)
    assert batches == 1
    assert (pauses > 1) == native


def test_a_small_export_pauses_at_most_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert export(monkeypatch, 1.0, some(1), 61_440) == (1, 1)
