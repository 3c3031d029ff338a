"""A program that .ci/frozen freezes: it exports one point and prints what became of it, as JSON.

program code TRANSPORT    the exporter is constructed in code, with this transport
program environment       the SDK constructs everything from OTEL_* variables
"""

from __future__ import annotations

import gc
import json
import sys

from opentelemetry import metrics
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from otel_etw import ETWMetricExporter, encoding


def configure(way: str, *transport: str) -> None:
    if way == "environment":
        _OTelSDKConfigurator().configure()
    else:
        reader = PeriodicExportingMetricReader(ETWMetricExporter(*transport))
        metrics.set_meter_provider(MeterProvider([reader]))


def main(*arguments: str) -> None:
    configure(*arguments)
    # The SDK has no public way from a provider to its exporters.
    (exporter,) = (found for found in gc.get_objects() if isinstance(found, ETWMetricExporter))
    provider = metrics.get_meter_provider()
    assert isinstance(provider, MeterProvider), f"nothing was configured: {provider}"
    provider.get_meter("frozen").create_counter("frozen.runs").add(1)
    provider.shutdown()
    report = {
        "native": encoding.NATIVE,
        "transport": type(exporter.transport).__name__,
        "exported": exporter.counts.points_exported,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
