"""What an exporter says of its work: counts that add up, and log lines that are rare and safe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import Delivery, ETWMetricExporter, InMemoryTransport
from otel_etw.counts import LOG_INTERVAL
from otel_etw.transports import Frames
from tests.support.exports import counter, data, large, number, some
from tests.support.transport_doubles import Scripted

from .conftest import Warnings

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE
SECRET = "hunter2"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("otel_etw.counts.monotonic", clock)
    return clock


@pytest.mark.usefixtures("encoder")
def test_what_was_exported_is_counted() -> None:
    transport = Scripted(limit=400)
    exporter = ETWMetricExporter(transport)
    exporter.export(large(100))
    exporter.export(some(5))
    frames = [frame for batch in transport.batches for frame in batch]
    counts = exporter.counts
    assert (counts.exports, counts.points_exported, counts.points_lost) == (2, 105, 0)
    assert (counts.frames, counts.bytes) == (len(frames), sum(map(len, frames)))
    assert dict(counts.lost) == {}


def test_counts_are_a_snapshot_that_nobody_can_change() -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    exporter.export(data(counter(number(1), number(None))))
    counts = exporter.counts
    exporter.export(data(counter(number(1), number(None))))
    assert (counts.points_exported, counts.points_lost) == (1, 1)
    assert dict(counts.lost) == {("point", "unsupported_type"): 1}
    with pytest.raises(TypeError):
        counts.lost["point", "gone"] = 5  # type: ignore[index]
    with pytest.raises(AttributeError):
        counts.exports = 5  # type: ignore[misc]


def test_each_exporter_counts_for_itself() -> None:
    transport = InMemoryTransport()
    one, other = ETWMetricExporter(transport), ETWMetricExporter(transport)
    one.export(some(3))
    assert (one.counts.points_exported, other.counts.points_exported) == (3, 0)


def test_frames_that_were_not_taken_are_in_the_bytes_only() -> None:
    exporter = ETWMetricExporter(Scripted(lambda frames: Delivery.nothing(frames, "gone")))
    exporter.export(some(3))
    counts = exporter.counts
    assert (counts.frames, counts.points_exported) == (0, 0)
    assert counts.bytes > 0
    assert dict(counts.lost) == {("frame", "gone"): 1, ("point", "gone"): 3}


def test_an_attribute_or_exemplar_alone_is_a_failure_with_all_points_exported() -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    exemplar: Any = Exemplar({}, "no number", 1)  # type: ignore[arg-type]
    points = [number(1, {"a": {1}}), number(1, {}, [exemplar])]
    assert exporter.export(data(counter(*points))) is FAILURE
    counts = exporter.counts
    assert (counts.points_exported, counts.points_lost) == (2, 0)
    assert {what for what, _ in counts.lost} == {"attribute", "exemplar"}


def test_replaced_characters_are_no_failure_but_counted_and_said(warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    assert exporter.export(data(counter(number(1), name="cut\ud800"))) is SUCCESS
    assert dict(exporter.counts.lost) == {("text", "not_unicode"): 1}
    assert exporter.counts.points_lost == 0
    assert "replaced characters in 1 text(s)" in warnings()[0]


# Log lines -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("encoder")
def test_a_line_names_metric_attribute_and_type(warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    exporter.export(data(counter(number(1, {"colour": {1}}))))
    (line,) = warnings()
    for word in ("1 attribute(s)", "unsupported_type", "'requests'", "'colour'", "set"):
        assert word in line


@pytest.mark.usefixtures("encoder")
def test_a_line_about_a_point_names_metric_field_and_type(warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    exporter.export(data(counter(number("x"))))
    (line,) = warnings()
    for word in ("1 point(s)", "unsupported_type", "'requests'", "value", "str"):
        assert word in line


@pytest.mark.usefixtures("encoder")
def test_a_line_about_a_large_point_names_metric_and_size(warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport(limit=500))
    exporter.export(data(counter(number(1, {"a": "x" * 1000}))))
    (line,) = warnings()
    for word in ("1 point(s)", "too_large", "'requests'", "bytes"):
        assert word in line


class Secretive:
    """Whoever converts it hears the secret."""

    def __repr__(self) -> str:
        return SECRET

    def __index__(self) -> int:
        raise ValueError(SECRET)

    def __float__(self) -> float:
        raise ValueError(SECRET)


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize(
    "point",
    [
        number(SECRET),
        number(Secretive()),
        number(1, {"password": {SECRET}}),
        number(1, {"password": Secretive()}),
        number(1, {"password": f"{SECRET}\ud800"}),
        number(1, {"password": ["a", {SECRET}]}),
        number(1, {"password": {"inner": {SECRET}}}),
        number(1, {"text": SECRET * 1000}),
        number(1, SECRET),  # type: ignore[arg-type]
        number(1, {}, [SECRET]),
        number(1, {}, [Exemplar({}, SECRET, 1)]),  # type: ignore[arg-type]
    ],
)
def test_no_value_is_ever_logged(caplog: pytest.LogCaptureFixture, point: Any) -> None:
    exporter = ETWMetricExporter(InMemoryTransport(limit=2000))
    assert exporter.export(data(counter(point))) is FAILURE
    assert caplog.records
    assert SECRET not in caplog.text


def test_a_line_stays_short_and_on_one_line(warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    exporter.export(data(counter(number("x"), name="long\n" * 2000)))
    exporter.export(data(counter(number(1, {"key\n" * 2000: {1}}))))
    assert len(warnings()) == 2
    for line in warnings():
        assert len(line) < 500
        assert "\n" not in line


def test_a_loss_is_said_once_and_counted_always(clock: Clock, warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    for _ in range(100):
        exporter.export(data(counter(number(None), number(None))))
        clock.now += LOG_INTERVAL / 101
    assert len(warnings()) == 1
    assert "lost 2 point(s)" in warnings()[0]
    assert exporter.counts.points_lost == 200


def test_it_is_said_again_after_a_while_with_the_sum(clock: Clock, warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    for _ in range(3):
        exporter.export(data(counter(number(None))))
    clock.now += LOG_INTERVAL
    exporter.export(data(counter(number(None))))
    first, second = warnings()
    assert "(1 since the start" in first
    assert "(4 since the start" in second


def test_each_kind_of_loss_has_its_own_quiet(clock: Clock, warnings: Warnings) -> None:
    exporter = ETWMetricExporter(InMemoryTransport())
    bad = [number(None), number(2**70), number(1, {"a": {1}})]
    for _ in range(3):
        for point in bad:
            exporter.export(data(counter(point)))
    assert len(warnings()) == 3
    assert exporter.counts.points_lost == 6


def test_a_good_export_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "otel_etw")
    exporter = ETWMetricExporter(InMemoryTransport())
    exporter.export(some(10))
    exporter.force_flush()
    exporter.shutdown()
    assert [record for record in caplog.records if record.name == "otel_etw"] == []


def test_the_logger_is_none_of_the_sdks(caplog: pytest.LogCaptureFixture) -> None:
    """A log exporter listens to ``opentelemetry``: a failure there would feed on itself."""
    ETWMetricExporter(Scripted(lambda frames: Delivery.nothing(frames, "gone"))).export(some(1))
    assert {record.name for record in caplog.records} == {"otel_etw"}


@pytest.fixture
def raising_handler() -> Iterator[Callable[[], int]]:
    class Raising(logging.Handler):
        calls = 0

        def emit(self, record: logging.LogRecord) -> None:
            self.calls += 1
            raise RuntimeError("a handler of the application's own")

    handler = Raising()
    logging.getLogger("otel_etw").addHandler(handler)
    yield lambda: handler.calls
    logging.getLogger("otel_etw").removeHandler(handler)


def test_a_log_handler_that_raises_costs_neither_the_export_nor_the_counts(
    raising_handler: Callable[[], int],
) -> None:
    transport = Scripted()
    exporter = ETWMetricExporter(transport)
    assert exporter.export(data(counter(number(1), number(None), number(2)))) is FAILURE
    assert raising_handler() > 0
    counts = exporter.counts
    assert (counts.points_exported, counts.points_lost) == (2, 1)
    exporter.shutdown()
    assert exporter.export(some(1)) is FAILURE
    exporter.shutdown()
    assert transport.closes == 1


@pytest.mark.usefixtures("encoder")
def test_losses_of_one_export_that_took_many_batches_are_said_once(warnings: Warnings) -> None:
    def half(frames: Frames) -> Delivery:
        return Delivery.of(frames, dict.fromkeys(range(0, len(frames), 2), "gone"))

    transport = Scripted(half, limit=500)
    exporter = ETWMetricExporter(transport)
    exporter.export(large(3000))
    counts = exporter.counts
    assert len(transport.batches) > 2
    assert len(warnings()) == 2  # frames, points
    assert counts.points_exported + counts.points_lost == 3000
    assert f"lost {counts.points_lost} point(s)" in " ".join(warnings())
