"""No line of code: ``OTEL_METRICS_EXPORTER=etw`` through the SDK's own configurators."""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from otel_etw import ETWMetricExporter
from tests.support.programs import points, run, values

ETW = {
    "OTEL_METRICS_EXPORTER": "etw",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_EXPORTER_ETW_TRANSPORT": "file:metrics.pb",
}
# What a user's program looks like: it knows the API alone.
APPLICATION = """
    from opentelemetry import metrics

    counter = metrics.get_meter("application").create_counter("requests")
    counter.add(2, {"path": "/"})
    metrics.get_meter_provider().force_flush()
    counter.add(5, {"path": "/"})
"""
WAITING = """
    import threading
    from pathlib import Path
    from opentelemetry import metrics

    metrics.get_meter("application").create_counter("requests").add(3)
    while not Path("metrics.pb").exists():
        threading.Event().wait(0.01)
"""
CONFIGURED = """
    from opentelemetry.sdk._configuration import _initialize_components

    _initialize_components()
"""


def instrument() -> list[str]:
    """The command ``opentelemetry-instrument`` of this environment."""
    suffix = ".exe" if os.name == "nt" else ""
    command = Path(sysconfig.get_path("scripts")) / f"opentelemetry-instrument{suffix}"
    assert command.exists(), f"{command}: install the extra test"
    return [str(command), sys.executable]


def test_the_entry_point_is_the_class() -> None:
    (entry,) = entry_points(group="opentelemetry_metrics_exporter", name="etw")
    assert entry.load() is ETWMetricExporter


def test_the_sdk_imports_it_by_name() -> None:
    from opentelemetry.sdk._configuration import _import_exporters

    _, found, _ = _import_exporters([], ["etw"], [])
    assert found == {"etw": ETWMetricExporter}


def test_the_sdk_sets_it_up_from_the_environment(tmp_path: Path) -> None:
    run(CONFIGURED + APPLICATION, tmp_path, ETW)
    assert values(tmp_path / "metrics.pb", "requests") == [2, 5]


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    run(
        CONFIGURED + APPLICATION,
        tmp_path,
        {
            **ETW,
            "OTEL_EXPORTER_ETW_TEMPORALITY_PREFERENCE": "cumulative",
            "OTEL_EXPORTER_ETW_ATTRIBUTES": "zone=1",
        },
    )
    assert values(tmp_path / "metrics.pb", "requests") == [2, 7]
    for point in points(tmp_path / "metrics.pb", "requests"):
        assert {a.key: a.value.string_value for a in point.attributes} == {"path": "/", "zone": "1"}


def test_the_interval_is_the_sdks(tmp_path: Path) -> None:
    run(CONFIGURED + WAITING, tmp_path, {**ETW, "OTEL_METRIC_EXPORT_INTERVAL": "250"})
    assert values(tmp_path / "metrics.pb", "requests") == [3]


def test_its_own_metrics_come_out_too_when_asked_for(tmp_path: Path) -> None:
    run(
        CONFIGURED + APPLICATION,
        tmp_path,
        {**ETW, "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true"},
    )
    path = tmp_path / "metrics.pb"
    assert values(path, "requests") == [2, 5]
    # The last export knows of the one before, which had one point or, with the SDK's own, more.
    (exported,) = points(path, "otel.sdk.exporter.metric_data_point.exported")
    assert exported.as_int >= 1


def test_without_a_transport_the_program_runs_and_is_told_once(tmp_path: Path) -> None:
    said = run(
        CONFIGURED + APPLICATION + "\n    raise SystemExit(3)",
        tmp_path,
        {**ETW, "OTEL_EXPORTER_ETW_TRANSPORT": ""},
        status=3,
    )
    if os.name != "nt":
        assert said.count("no metrics are exported") == 1
    assert "Traceback" not in said


def test_opentelemetry_instrument_sets_it_up_for_a_program(tmp_path: Path) -> None:
    run(APPLICATION, tmp_path, ETW, through=instrument())
    assert values(tmp_path / "metrics.pb", "requests") == [2, 5]


@pytest.mark.parametrize("exporters", ["etw,etw", "none", ""])
def test_naming_it_twice_or_not_at_all_is_the_sdks_business(tmp_path: Path, exporters: str) -> None:
    run(CONFIGURED + APPLICATION, tmp_path, {**ETW, "OTEL_METRICS_EXPORTER": exporters})
    assert (tmp_path / "metrics.pb").exists() is ("etw" in exporters)
