"""Sessions that come, change and go: when the transport is enabled, and what an export costs."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import ETWMetricExporter, ETWTransport
from tests.support.etw_recorder import ALL_ONES, CAPTURE_STATE, Recorder
from tests.support.exports import counter, data, number

METRICS = data(counter(number(1), number(2)))

# level, any, all → whether our event (level 4, keyword 1) is taken.
SETTINGS = [
    (0, ALL_ONES, 0, True),  # all levels; the Rust crate writes nothing here
    (1, ALL_ONES, 0, False),
    (3, ALL_ONES, 0, False),
    (4, ALL_ONES, 0, True),
    (5, ALL_ONES, 0, True),
    (255, ALL_ONES, 0, True),
    (5, 0, 0, True),  # all keywords; nor here
    (0, 0, 0, True),
    (1, 0, 0, False),
    (5, 1, 0, True),
    (5, 3, 0, True),
    (5, 2, 0, False),
    (5, ALL_ONES - 1, 0, False),
    (5, 1, 1, True),
    (5, ALL_ONES, 1, True),
    (5, ALL_ONES, 2, False),
    (5, 3, 3, False),
    (5, ALL_ONES, ALL_ONES, False),
    (5, 0, 2, True),  # "This mask is not used if MatchAnyKeyword is zero" (EnableTraceEx2)
]


@pytest.mark.parametrize(("level", "any_mask", "all_mask", "taken"), SETTINGS)
def test_a_session_enables_what_it_asks_for(
    recorder: Recorder, level: int, any_mask: int, all_mask: int, taken: bool
) -> None:
    transport = ETWTransport()
    assert not transport.enabled
    recorder.start(level, any_mask, all_mask)
    assert transport.enabled is taken
    recorder.stop()
    assert not transport.enabled


@pytest.mark.parametrize(("level", "any_mask", "all_mask", "taken"), SETTINGS)
def test_a_session_that_runs_already_is_noticed(
    recorder: Recorder, level: int, any_mask: int, all_mask: int, taken: bool
) -> None:
    recorder.start(level, any_mask, all_mask)
    assert ETWTransport().enabled is taken


def test_a_session_may_change_its_mind(recorder: Recorder) -> None:
    transport = ETWTransport()
    seen = []
    for level, any_mask in ((5, 1), (3, 1), (4, 1), (4, 2), (4, 0)):
        recorder.start(level, any_mask)
        seen.append(transport.enabled)
    assert seen == [True, False, True, False, True]


def test_other_control_codes_change_nothing(recorder: Recorder) -> None:
    transport = ETWTransport()
    for code in (CAPTURE_STATE, 3, 77):
        recorder.play(code)
        assert not transport.enabled
    recorder.start()
    for code in (CAPTURE_STATE, 3, 77):
        recorder.play(code)
        assert transport.enabled


def test_each_provider_has_a_state_of_its_own(recorder: Recorder) -> None:
    early = ETWTransport()
    recorder.start()
    late = ETWTransport()
    assert early.enabled
    assert late.enabled
    early.close()
    recorder.stop()
    assert not late.enabled
    recorder.start()
    assert late.enabled


def test_nothing_is_encoded_for_nobody(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = ETWMetricExporter("etw")

    def encode(*arguments: Any) -> None:
        raise AssertionError("encoded for nobody")

    with monkeypatch.context() as patched:
        patched.setattr(exporter._encoder, "encode", encode)
        assert exporter.export(METRICS) is MetricExportResult.SUCCESS
    recorder.start()
    assert exporter.export(METRICS) is MetricExportResult.SUCCESS
    assert len(recorder.writes) == 1
    recorder.stop()
    assert exporter.export(METRICS) is MetricExportResult.SUCCESS
    assert len(recorder.writes) == 1
    assert exporter.counts.lost == {}
    exporter.shutdown()
