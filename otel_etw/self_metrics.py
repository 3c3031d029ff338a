"""The exporter's metrics about itself, as the semantic conventions for SDK components name them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from time import perf_counter
from typing import Any

from opentelemetry.metrics import MeterProvider, get_meter_provider

from otel_etw.encoding import Losses
from otel_etw.log import warn

__all__ = ["SelfMetrics"]

_COMPONENT_TYPE = "otel_etw.ETWMetricExporter"
_component_numbers = itertools.count()


class SelfMetrics:
    """``otel.sdk.exporter.*``.

    ``provider``: where they go; by default the global one. What raises is given up, with one
    warning: it must not cost an export.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        self._instruments: _Instruments | None = self._contained(
            lambda: _Instruments(provider or get_meter_provider())
        )

    def begin(self, points: int) -> float:
        """An export of so many points begins. Returns what ``end`` takes."""
        if instruments := self._instruments:
            self._contained(lambda: instruments.inflight.add(points, instruments.attributes))
        return perf_counter()

    def end(self, begun: float, given: int, exported: int, losses: Losses) -> None:
        """An export of ``given`` points is over."""
        if instruments := self._instruments:
            self._contained(
                lambda: instruments.record(perf_counter() - begun, given, exported, losses)
            )

    def _contained(self, function: Callable[[], Any]) -> Any:
        try:
            return function()
        except Exception as error:
            self._instruments = None
            warn("otel-etw: self-metrics are given up: %s: %s", type(error).__name__, error)
            return None


class _Instruments:
    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("otel_etw")
        self.attributes = {
            "otel.component.type": _COMPONENT_TYPE,
            "otel.component.name": f"{_COMPONENT_TYPE}/{next(_component_numbers)}",
        }
        self.exported = meter.create_counter(
            "otel.sdk.exporter.metric_data_point.exported",
            unit="{data_point}",
            description="Metric data points whose export has finished, either way",
        )
        self.inflight = meter.create_up_down_counter(
            "otel.sdk.exporter.metric_data_point.inflight",
            unit="{data_point}",
            description="Metric data points passed to the exporter, but not yet exported",
        )
        self.duration = meter.create_histogram(
            "otel.sdk.exporter.operation.duration",
            unit="s",
            description="The duration of exporting a batch of telemetry records",
        )

    def record(self, seconds: float, given: int, exported: int, losses: Losses) -> None:
        self.inflight.add(-given, self.attributes)
        if exported:
            self.exported.add(exported, self.attributes)
        failed = {reason: n for (what, reason), n in losses.counts.items() if what == "point"}
        for reason, count in failed.items():
            self.exported.add(count, {**self.attributes, "error.type": reason})
        error = {"error.type": max(failed, key=failed.__getitem__)} if failed else {}
        self.duration.record(seconds, {**self.attributes, **error})
