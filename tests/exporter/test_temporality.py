"""Temporality and aggregation, from the preference to the bytes that a real reader gets out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common._internal.metrics_encoder import (
    OTLPMetricExporterMixin,
)
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation

from otel_etw import ETWMetricExporter, InMemoryTransport
from otel_etw.settings import TEMPORALITIES, Settings

DELTA, CUMULATIVE = 1, 2  # OTLP's numbers
OTLP = "OTEL_EXPORTER_OTLP_METRICS_"


class Program:
    """A program with one instrument of each kind, and what it has exported."""

    def __init__(self, **arguments: Any) -> None:
        self.transport = InMemoryTransport()
        reader = PeriodicExportingMetricReader(
            ETWMetricExporter(self.transport, **arguments), export_interval_millis=math.inf
        )
        self.provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
        meter = self.provider.get_meter("program")
        self.total = 0
        self.counter = meter.create_counter("counter")
        self.up_down = meter.create_up_down_counter("up_down")
        self.histogram = meter.create_histogram("histogram")
        self.gauge = meter.create_gauge("gauge")
        meter.create_observable_counter("observable_counter", [self._observe])
        meter.create_observable_up_down_counter("observable_up_down", [self._observe])
        meter.create_observable_gauge("observable_gauge", [self._observe])

    def _observe(self, options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self.total)

    def round(self, value: int) -> None:
        self.total += value
        self.counter.add(value)
        self.up_down.add(value)
        self.histogram.record(value)
        self.gauge.set(value)
        self.provider.force_flush()

    def values(self) -> dict[str, list[Any]]:
        return {
            name: [p.count if name == "histogram" else p.as_int for p in points]
            for name, points in self.transport.points().items()
        }

    def temporalities(self) -> dict[str, int]:
        found = {}
        for request in self.transport.metrics():
            for metric in request.resource_metrics[0].scope_metrics[0].metrics:
                kind = metric.WhichOneof("data")
                if kind in ("sum", "histogram"):
                    found[metric.name] = getattr(metric, kind).aggregation_temporality
        return found


@pytest.mark.parametrize("preference", ["delta", "cumulative", "lowmemory"])
def test_the_maps_are_those_of_the_official_exporter(
    monkeypatch: pytest.MonkeyPatch, preference: str
) -> None:
    monkeypatch.setenv(f"{OTLP}TEMPORALITY_PREFERENCE", preference)
    official = OTLPMetricExporterMixin()._get_temporality(None)  # type: ignore[arg-type]
    assert Settings().temporality == TEMPORALITIES[preference] == official


@pytest.mark.parametrize(
    "aggregation", ["explicit_bucket_histogram", "base2_exponential_bucket_histogram"]
)
def test_the_aggregations_are_those_of_the_official_exporter(
    monkeypatch: pytest.MonkeyPatch, aggregation: str
) -> None:
    monkeypatch.setenv(f"{OTLP}DEFAULT_HISTOGRAM_AGGREGATION", aggregation)
    official = OTLPMetricExporterMixin()._get_aggregation(None)  # type: ignore[arg-type]
    ours = Settings().aggregation
    assert {k: type(v) for k, v in ours.items()} == {k: type(v) for k, v in official.items()}


@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        (
            "delta",
            {
                "counter": ([1, 2], DELTA),
                "observable_counter": ([1, 2], DELTA),
                "histogram": ([1, 1], DELTA),
            },
        ),
        (
            "lowmemory",
            {
                "counter": ([1, 2], DELTA),
                "observable_counter": ([1, 3], CUMULATIVE),
                "histogram": ([1, 1], DELTA),
            },
        ),
        (
            "cumulative",
            {
                "counter": ([1, 3], CUMULATIVE),
                "observable_counter": ([1, 3], CUMULATIVE),
                "histogram": ([1, 2], CUMULATIVE),
            },
        ),
    ],
)
def test_a_reader_collects_as_the_preference_says(
    preference: str, expected: dict[str, tuple[list[int], int]]
) -> None:
    always = {"up_down": ([1, 3], CUMULATIVE), "observable_up_down": ([1, 3], CUMULATIVE)}
    program = Program(temporality_preference=preference)
    program.round(1)
    program.round(2)
    values, temporalities = program.values(), program.temporalities()
    for name, (numbers, temporality) in {**always, **expected}.items():
        assert (name, values[name], temporalities[name]) == (name, numbers, temporality)
    assert values["gauge"] == [1, 2]
    assert values["observable_gauge"] == [1, 3]
    program.provider.shutdown()


def test_delta_is_the_default() -> None:
    program = Program()
    program.round(1)
    program.round(2)
    assert program.values()["counter"] == [1, 2]
    assert program.values()["up_down"] == [1, 3]
    program.provider.shutdown()


def kinds(program: Program) -> dict[str, str]:
    metrics = program.transport.metrics()[0].resource_metrics[0].scope_metrics[0].metrics
    return {metric.name: str(metric.WhichOneof("data")) for metric in metrics}


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        (None, "histogram"),
        ("explicit_bucket_histogram", "histogram"),
        ("base2_exponential_bucket_histogram", "exponential_histogram"),
    ],
)
def test_a_reader_aggregates_histograms_as_the_argument_says(
    argument: str | None, kind: str
) -> None:
    program = Program(default_histogram_aggregation=argument)
    program.round(5)
    assert kinds(program)["histogram"] == kind
    (point,) = program.transport.points("histogram")
    assert (point.count, point.sum, point.min, point.max) == (1, 5, 5, 5)
    program.provider.shutdown()


def test_a_reader_aggregates_histograms_as_the_otlp_variable_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{OTLP}DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram")
    program = Program()
    program.round(5)
    assert kinds(program)["histogram"] == "exponential_histogram"
    program.provider.shutdown()


def test_a_preferred_aggregation_beats_the_default_one() -> None:
    program = Program(
        default_histogram_aggregation="base2_exponential_bucket_histogram",
        preferred_aggregation={Histogram: ExplicitBucketHistogramAggregation([3.0, 6.0])},
    )
    program.round(5)
    (point,) = program.transport.points("histogram")
    assert list(point.explicit_bounds) == [3.0, 6.0]
    assert list(point.bucket_counts) == [0, 1, 0]
    program.provider.shutdown()
