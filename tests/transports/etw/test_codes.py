"""What ETW says no to: each code counted under its name, said in a sentence, and never retried."""

from __future__ import annotations

import logging
from itertools import chain, repeat
from types import ModuleType

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import ETWMetricExporter, ETWTransport
from otel_etw.transports.base import Loss
from otel_etw.transports.etw_codes import CODES
from tests.support.etw_recorder import Recorder, Write
from tests.support.exports import counter, data, number
from tests.support.otlp_files import batch, frame

# winerror.h
NAMES = {
    6: "ERROR_INVALID_HANDLE",
    8: "ERROR_NOT_ENOUGH_MEMORY",
    87: "ERROR_INVALID_PARAMETER",
    234: "ERROR_MORE_DATA",
    534: "ERROR_ARITHMETIC_OVERFLOW",
    1450: "ERROR_NO_SYSTEM_RESOURCES",
    1502: "ERROR_LOG_FILE_FULL",
}
FRAMES = [frame(1, number) for number in range(4)]


def test_the_table_has_every_code() -> None:
    assert {code: name for code, (name, _) in CODES.items()} == NAMES


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("code", [*NAMES, 5, 2**31 + 7])
def test_a_code_costs_its_frame(recorder: Recorder, code: int, at: int) -> None:
    recorder.start()
    recorder.answers["EventWriteTransfer"] = chain(repeat(0, at), [code], repeat(0))
    delivery = ETWTransport().send(batch(*FRAMES))
    assert recorder.payloads == FRAMES  # each was tried once
    assert (delivery.taken, delivery.points) == (3, 3)
    (loss,) = delivery.losses
    name = NAMES.get(code, f"windows_error_{code}")
    assert loss.reason == name.removeprefix("ERROR_").lower()
    assert (loss.frames, loss.points) == (1, 1)
    assert f"({code})" in loss.detail
    assert NAMES.get(code, "not document") in loss.detail


def test_several_codes_are_told_apart(recorder: Recorder) -> None:
    recorder.start()
    recorder.answers["EventWriteTransfer"] = iter([8, 0, 234, 8])
    delivery = ETWTransport().send(batch(*FRAMES))
    assert delivery.taken == 1
    assert {loss.reason: loss.frames for loss in delivery.losses} == {
        "not_enough_memory": 2,
        "more_data": 1,
    }
    assert all(isinstance(loss, Loss) and loss.detail for loss in delivery.losses)


def test_the_exporter_counts_and_says_it(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.start()
    exporter = ETWMetricExporter("etw", max_points_per_event=1)
    recorder.answers["EventWriteTransfer"] = iter([0, 234, 0])
    metrics = data(counter(number(1), number(2), number(3)))
    assert exporter.export(metrics) is MetricExportResult.FAILURE
    assert len(recorder.writes) == 3
    assert exporter.counts.points_exported == 2
    assert exporter.counts.lost == {("frame", "more_data"): 1, ("point", "more_data"): 1}
    assert "ERROR_MORE_DATA (234)" in caplog.text
    assert "61,440" in caplog.text
    exporter.shutdown()


def test_without_traits_the_payload_goes_alone(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """As .NET's EventSource writes it: ETW would put traits and schema before the payload."""
    recorder.start()
    recorder.answers["EventSetInformation"] = 87
    transport = ETWTransport()
    assert transport.enabled
    assert transport.send(batch(*FRAMES)).taken == 4
    transport.close()
    assert recorder.names == ["Register", "SetInformation", *["Write"] * 4, "Unregister"]
    assert [write.data for write in recorder.writes] == [((0, payload),) for payload in FRAMES]
    channel_0 = bytes.fromhex("51000000040000000100000000000000")
    assert {write.descriptor for write in recorder.writes} == {channel_0}
    (warning,) = (r for r in caplog.records if r.levelno == logging.WARNING)
    assert "EventSetInformation: error 87" in warning.getMessage()


def test_what_cannot_be_registered_is_never_enabled(
    recorder: Recorder, calls: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.start()
    recorder.answers["EventRegister"] = 8
    exporter = ETWMetricExporter("etw")
    assert not exporter.transport.enabled
    assert exporter.export(data(counter(number(1)))) is MetricExportResult.SUCCESS
    assert exporter.transport.send(batch(*FRAMES)).taken == 0
    exporter.shutdown()
    assert recorder.names == ["Register"]
    (warning,) = (r for r in caplog.records if r.levelno == logging.WARNING)
    assert "EventRegister: error 8" in warning.getMessage()


def test_a_limit_that_usual_sessions_refuse_is_warned_about(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    ETWTransport(limit=65_312).close()
    assert caplog.text == ""
    ETWTransport(limit=65_313).close()
    assert "65312" in caplog.text


@pytest.mark.parametrize("limit", [0, -1, 65_361, True, 1.5, "9", None])
def test_a_limit_that_cannot_be(recorder: Recorder, limit: object) -> None:
    with pytest.raises((TypeError, ValueError), match="limit="):
        ETWTransport(limit=limit)  # type: ignore[arg-type]
    assert recorder.calls == []


def test_an_exporter_s_limit_is_bounded_by_the_event_s(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = ETWMetricExporter("etw", limit=100_000)
    assert exporter.transport.limit == 65_360
    assert "limit=100000 is more than an event can carry" in caplog.text
    exporter.shutdown()


@pytest.mark.parametrize("limit", [200, 1_000, 61_440, 65_360])
def test_no_event_is_larger_than_the_limit(recorder: Recorder, limit: int) -> None:
    recorder.start()
    exporter = ETWMetricExporter("etw", limit=limit)
    points = [number(value, {"key": "x" * 50}) for value in range(3_000)]
    assert exporter.export(data(counter(*points))) is MetricExportResult.SUCCESS
    sizes = [len(payload) for payload in recorder.payloads]
    assert max(sizes) <= limit
    assert min(sizes[:-1]) > limit - 200  # packed
    assert all(isinstance(call, Write) for call in recorder.calls[2:])
    exporter.shutdown()
