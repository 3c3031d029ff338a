"""Measures this machine for a while and exports that."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from time import process_time

# Ctrl-C ends it at once on Windows too, where it does not end a wait for an event or a lock.
from time import sleep as _sleep

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

__all__ = ["can_measure", "measure"]

_logger = logging.getLogger("otel_etw.demo")


def can_measure() -> bool:
    """Whether opentelemetry-instrumentation-system-metrics is installed."""
    try:
        return find_spec("opentelemetry.instrumentation.system_metrics") is not None
    except ModuleNotFoundError:
        return False


def measure(exporter: MetricExporter, seconds: float, interval: float) -> None:
    """Export every ``interval`` seconds and at the end, which `KeyboardInterrupt` brings early.

    It uses a meter provider of its own and does not touch the process's global one.
    """
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=interval * 1000)],
        resource=Resource.create({"service.name": "otel-etw-demo"}),
        shutdown_on_exit=False,
    )
    with _instrumented(provider):
        try:
            _sleep(seconds)
        finally:
            # The last export, while there is something to measure.
            provider.shutdown()


@contextmanager
def _instrumented(provider: MeterProvider) -> Iterator[None]:
    try:
        from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor

        instrumentor = SystemMetricsInstrumentor()
        instrumentor.instrument(meter_provider=provider)
    except Exception as error:
        # psutil does not know every system. What it began to measure is measured all the same.
        _logger.warning("this machine cannot be measured: %s: %s", type(error).__name__, error)
        _measure_python(provider)
        yield
        return
    try:
        yield
    finally:
        instrumentor.uninstrument()


def _measure_python(provider: MeterProvider) -> None:
    """The one thing that Python itself knows everywhere."""

    def seconds(options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(process_time())

    provider.get_meter("otel_etw.demo").create_observable_counter(
        "process.cpu.time", [seconds], "s"
    )
