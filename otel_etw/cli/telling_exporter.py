"""The exporter of ``otel-etw demo``."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from otel_etw import ETWMetricExporter
from otel_etw.cli.texts import counted
from otel_etw.counts import Counts

__all__ = ["TellingExporter", "amount"]


class TellingExporter(ETWMetricExporter):
    """Says what became of each export."""

    def __init__(self, spec: str) -> None:
        super().__init__(spec)
        self.listened = True

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        before = self.counts
        result = super().export(metrics_data, timeout_millis, **kwargs)
        after = self.counts
        self.listened = (after.exports, after.lost) != (before.exports, before.lost)
        lost = after.points_lost - before.points_lost
        line = amount(after, before) if self.listened else "not sent: nobody listens"
        # Whoever reads our output may have gone; that must not look like a failed export.
        with suppress(OSError):
            click.echo(f"  {line}" + (f", {counted(lost, 'point')} lost" if lost else ""))
        return result


def amount(after: Counts, before: Counts | None = None) -> str:
    """What was exported since ``before``, in words."""
    points, frames, size, lost = (
        getattr(after, name) - (getattr(before, name) if before else 0)
        for name in ("points_exported", "frames", "bytes", "points_lost")
    )
    # The bytes are those of all frames, of the lost ones too.
    handed_over = " handed over" if lost else ""
    return f"{counted(points, 'point')} in {counted(frames, 'frame')}, {size:,} bytes{handed_over}"
