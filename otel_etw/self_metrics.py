"""The exporter's metrics about itself, as the semantic conventions for SDK components name them."""

from __future__ import annotations

import itertools

from opentelemetry.metrics import Meter, MeterProvider, get_meter_provider

from otel_etw.encoding import Losses
from otel_etw.log import warn

__all__ = ["SelfMetrics"]

_METER = "otel_etw"
_COMPONENT_TYPE = "otel_etw.ETWMetricExporter"
_component_numbers = itertools.count()


class SelfMetrics:
    """``otel.sdk.exporter.*``.

    ``provider``: where they go; by default the global one. What raises is given up, with one
    warning: it must not cost an export.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        self._inflight = 0  # points, as they were added to the instrument
        self._instruments: _Instruments | None = None
        try:
            self._instruments = _Instruments((provider or get_meter_provider()).get_meter(_METER))
        except Exception as error:
            self._give_up(error)

    def begin(self, points: int) -> None:
        """An export of so many points begins."""
        if self._instruments:
            try:
                self._instruments.inflight.add(points, self._instruments.attributes)
                self._inflight = points
            except Exception as error:
                self._give_up(error)

    def end(self, seconds: float, exported: int, losses: Losses) -> None:
        """The export is over: how long it took, and how many points the transport took."""
        if self._instruments:
            try:
                inflight, self._inflight = self._inflight, 0
                self._instruments.inflight.add(-inflight, self._instruments.attributes)
                self._instruments.record(seconds, exported, losses)
            except Exception as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._instruments = None
        warn("otel-etw: self-metrics are given up: %s: %s", type(error).__name__, error)


class _Instruments:
    def __init__(self, meter: Meter) -> None:
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

    def record(self, seconds: float, exported: int, losses: Losses) -> None:
        if exported:
            self.exported.add(exported, self.attributes)
        failed = {reason: n for (what, reason), n in losses.counts.items() if what == "point"}
        for reason, count in failed.items():
            self.exported.add(count, {**self.attributes, "error.type": reason})
        error = {"error.type": max(failed, key=failed.__getitem__)} if failed else {}
        self.duration.record(seconds, {**self.attributes, **error})
