"""The exporter's own metrics, after the semantic conventions for SDK components."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_etw import Delivery, ETWMetricExporter, InMemoryTransport
from otel_etw.transports import Frames
from tests.support.exports import counter, data, large, number, some
from tests.support.transport_doubles import Scripted

PREFIX = "otel.sdk.exporter."
EXPORTED = f"{PREFIX}metric_data_point.exported"
INFLIGHT = f"{PREFIX}metric_data_point.inflight"
DURATION = f"{PREFIX}operation.duration"
TYPE = "otel_etw.ETWMetricExporter"


class Witness:
    """A provider whose metrics can be read."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self._reader], shutdown_on_exit=False)

    def metrics(self) -> dict[str, Any]:
        read = self._reader.get_metrics_data()
        return {
            metric.name: metric
            for resource_metrics in (read.resource_metrics if read else ())
            for scope_metrics in resource_metrics.scope_metrics
            for metric in scope_metrics.metrics
            if metric.name.startswith(PREFIX)
        }

    def exported(self) -> dict[str | None, int]:
        """error.type → points"""
        metric = self.metrics().get(EXPORTED)
        points = metric.data.data_points if metric else ()
        return {point.attributes.get("error.type"): point.value for point in points}

    def inflight(self) -> int:
        (point,) = self.metrics()[INFLIGHT].data.data_points
        value: int = point.value
        return value

    def durations(self) -> dict[str | None, int]:
        """error.type → operations"""
        points = self.metrics()[DURATION].data.data_points
        return {point.attributes.get("error.type"): point.count for point in points}


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Witness:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    return Witness()


def test_names_kinds_and_units_are_the_conventions(witness: Witness) -> None:
    exporter = ETWMetricExporter(InMemoryTransport(), meter_provider=witness.provider)
    exporter.export(some(3))
    found = {name: (type(m.data).__name__, m.unit) for name, m in witness.metrics().items()}
    assert found == {
        EXPORTED: ("Sum", "{data_point}"),
        INFLIGHT: ("Sum", "{data_point}"),
        DURATION: ("Histogram", "s"),
    }
    assert witness.metrics()[EXPORTED].data.is_monotonic is True
    assert witness.metrics()[INFLIGHT].data.is_monotonic is False
    assert all(metric.description for metric in witness.metrics().values())


def test_attributes_name_the_component(witness: Witness) -> None:
    one = ETWMetricExporter(InMemoryTransport(), meter_provider=witness.provider)
    other = ETWMetricExporter(InMemoryTransport(), meter_provider=witness.provider)
    one.export(some(3))
    other.export(some(4))
    for metric in witness.metrics().values():
        attributes = [point.attributes for point in metric.data.data_points]
        assert {frozenset(a) for a in attributes} == {
            frozenset(("otel.component.type", "otel.component.name"))
        }
        assert {a["otel.component.type"] for a in attributes} == {TYPE}
        names = sorted(a["otel.component.name"] for a in attributes)
        assert len(set(names)) == 2
        assert all(name.rpartition("/")[0] == TYPE for name in names)
        assert all(name.rpartition("/")[2].isdecimal() for name in names)


@pytest.mark.usefixtures("encoder")
def test_a_good_export_has_no_error_type(witness: Witness) -> None:
    exporter = ETWMetricExporter(InMemoryTransport(), meter_provider=witness.provider)
    exporter.export(some(3))
    exporter.export(some(4))
    assert witness.exported() == {None: 7}
    assert witness.durations() == {None: 2}
    assert witness.inflight() == 0


@pytest.mark.usefixtures("encoder")
def test_every_point_is_counted_once_with_the_reason_of_its_loss(witness: Witness) -> None:
    def react(frames: Frames) -> Delivery:
        return Delivery.of(frames, dict.fromkeys(range(0, len(frames), 3), "gone"))

    transport = Scripted(react, limit=500)
    exporter = ETWMetricExporter(transport, meter_provider=witness.provider)
    exporter.export(large(3000))
    bad = counter(number(1), number(None), number(2**70), number(1, {"a": "x" * 999}))
    exporter.export(data(bad))
    exported, counts = witness.exported(), exporter.counts
    assert sum(exported.values()) == 3004
    assert exported.pop(None) == counts.points_exported == transport.points
    assert exported == {
        reason: count for (what, reason), count in counts.lost.items() if what == "point"
    }
    assert {"gone", "unsupported_type", "out_of_range", "too_large"} == set(exported)
    assert witness.inflight() == 0


def test_a_failed_export_has_the_error_type_of_most_of_its_points(witness: Witness) -> None:
    exporter = ETWMetricExporter(InMemoryTransport(), meter_provider=witness.provider)
    exporter.export(data(counter(number(None), number(2**70), number(2**71))))
    assert witness.durations() == {"out_of_range": 1}


def test_points_are_in_flight_while_they_are_sent(witness: Witness) -> None:
    during = []

    def react(frames: Frames) -> Delivery:
        during.append(witness.inflight())
        return Delivery.of(frames)

    transport = Scripted(react)
    exporter = ETWMetricExporter(transport, meter_provider=witness.provider)
    exporter.export(some(5))
    assert during == [5]
    assert witness.inflight() == 0


def test_nothing_stays_in_flight_when_send_raises(witness: Witness) -> None:
    def react(frames: Frames) -> Delivery:
        raise RuntimeError("bad day")

    exporter = ETWMetricExporter(Scripted(react), meter_provider=witness.provider)
    exporter.export(some(5))
    assert witness.inflight() == 0
    assert witness.exported() == {"transport_error": 5}


def test_nothing_stays_in_flight_when_send_is_interrupted(witness: Witness) -> None:
    def react(frames: Frames) -> Delivery:
        raise KeyboardInterrupt

    exporter = ETWMetricExporter(Scripted(react), meter_provider=witness.provider)
    with pytest.raises(KeyboardInterrupt):
        exporter.export(some(5))
    assert witness.inflight() == 0


def test_nothing_is_measured_while_nobody_listens(witness: Witness) -> None:
    transport = Scripted()
    transport.listening = False
    ETWMetricExporter(transport, meter_provider=witness.provider).export(some(5))
    assert witness.metrics() == {}


@pytest.mark.parametrize("value", [None, "", "false", "no", "0"])
def test_they_are_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is not None:
        monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", value)
    witness = Witness()
    exporter = ETWMetricExporter(InMemoryTransport(), meter_provider=witness.provider)
    exporter.export(some(3))
    assert witness.metrics() == {}


def test_the_switch_is_read_without_regard_to_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", " True ")
    witness = Witness()
    ETWMetricExporter(InMemoryTransport(), meter_provider=witness.provider).export(some(3))
    assert witness.exported() == {None: 3}


def test_without_a_provider_they_go_to_the_global_one(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", witness.provider)
    ETWMetricExporter(InMemoryTransport()).export(some(3))
    assert witness.exported() == {None: 3}


class Hostile(metrics.NoOpMeterProvider):
    """Whose instruments raise."""

    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        class Instrument:
            def add(self, *args: Any, **kwargs: Any) -> None:
                raise RuntimeError("no")

            record = add

        class Meter:
            def create_counter(self, *args: Any, **kwargs: Any) -> Instrument:
                return Instrument()

            create_up_down_counter = create_histogram = create_counter

        return Meter()


def test_instruments_that_raise_cost_neither_the_export_nor_the_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    transport = Scripted()
    exporter = ETWMetricExporter(transport, meter_provider=Hostile())
    exporter.export(data(counter(number(1), number(None), number(2))))
    counts = exporter.counts
    assert (counts.points_exported, counts.points_lost) == (transport.points, 1) == (2, 1)
