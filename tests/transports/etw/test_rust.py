"""The calls of the recorded Rust crate, played again through our transport.

Its metrics are exported in its form, one point an event, while ETW answers as it did in the
recording. What is not the same is a row of docs/rust.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import ETWMetricExporter, encoding
from otel_etw.event import ETW_LIMIT_MAXIMUM
from tests.support import rust_recordings as recording
from tests.support.etw_recorder import (
    Call,
    Recorder,
    Register,
    SetInformation,
    Unregister,
    Write,
)
from tests.support.rust_edits import edited, metric, parsed, point
from tests.support.rust_program import needs_sdk, standard
from tests.support.rust_recordings import EVENTS, payloads
from tests.support.sdk_rebuilding import rebuilt

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE


@pytest.fixture(autouse=True)
def _encoder(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "NATIVE", native)


def one_point() -> ETWMetricExporter:
    """As the crate exports: a point an event, of up to 65,360 bytes."""
    return ETWMetricExporter("etw", max_points_per_event=1, limit=ETW_LIMIT_MAXIMUM)


def recorded(name: str) -> list[Call]:
    """The calls in the recording, in the words of our recorder; payloads are edited to be ours."""
    made: list[Call] = []
    for call in recording.calls(name):
        handle = int(call.get("handle", call.get("handle_after", "0")), 16)
        if call["call"] == "EventRegister":
            made.append(Register(handle, bytes.fromhex(call["provider_id"]), None, None))
        elif call["call"] == "EventSetInformation":
            made.append(SetInformation(handle, call["class"], bytes.fromhex(call["bytes"])))
        elif call["call"] == "EventWriteTransfer":
            data = [(each["reserved"], bytes.fromhex(each["bytes"])) for each in call["user_data"]]
            data[-1] = data[-1][0], edited(data[-1][1])[0]
            activities = call["activity_id"], call["related_activity_id"]
            descriptor = bytes.fromhex(call["descriptor"])
            made.append(Write(handle, descriptor, activities, tuple(data)))
        elif call["call"] == "EventUnregister":
            made.append(Unregister(handle))
    return comparable(made)


def comparable(calls: list[Call]) -> list[Call]:
    """Without addresses; a handle is the number of its registration, whatever ETW made of it."""
    numbers: dict[int, int] = {}
    made = []
    for call in calls:
        if isinstance(call, Register):
            call = replace(call, callback=None, context=None)
            numbers.setdefault(call.handle, len(numbers))
        made.append(replace(call, handle=numbers[call.handle]))
    return made


def played(name: str) -> list[MetricExportResult]:
    """Exports the recording's events, one an export, and shuts down."""
    exporter = one_point()
    results = [exporter.export(rebuilt(payload)) for payload in payloads(name)]
    exporter.shutdown()
    return results


def values(written: list[bytes]) -> list[int]:
    return [point(parsed(payload)).as_int for payload in written]


# What is the same -------------------------------------------------------------------------------

SESSION_FROM_THE_START = ("readme", "schema", "size", "standard", "standard-run2")


@pytest.mark.parametrize("name", SESSION_FROM_THE_START)
def test_a_life_cycle_is_the_crate_s_call_by_call(name: str, recorder: Recorder) -> None:
    recorder.start()
    assert played(name) == [SUCCESS] * EVENTS[name]
    assert comparable(recorder.calls) == recorded(name)


def test_without_a_session_the_calls_are_the_crate_s(recorder: Recorder) -> None:
    exporter = one_point()
    for payload in payloads("standard"):
        assert exporter.export(rebuilt(payload)) is SUCCESS
    exporter.shutdown()
    assert comparable(recorder.calls) == recorded("nosession")


def test_after_a_failed_registration_there_is_no_further_call(recorder: Recorder) -> None:
    recorder.answers["EventRegister"] = 8
    exporter = one_point()
    assert exporter.export(rebuilt(payloads("standard")[0])) is SUCCESS
    exporter.shutdown()
    assert comparable(recorder.calls) == recorded("register-fails")


@needs_sdk
def test_the_program_on_the_python_sdk_makes_the_crate_s_calls(recorder: Recorder) -> None:
    recorder.start()
    for _ in standard(one_point()):
        pass
    frame, calls = recorded("standard"), comparable(recorder.calls)
    # What the events say, and how many there are: tests/rust/test_program.py.
    assert (calls[:2], calls[-1:]) == (frame[:2], frame[-1:])
    shape = around(frame[2])
    assert all(around(call) == shape for call in calls[2:-1])
    assert len(recorder.writes) == len(calls) - 3 == 50


def around(call: Any) -> Write:
    """A write without its payload."""
    assert isinstance(call, Write)
    return replace(call, data=call.data[:2])


# What differs by design -------------------------------------------------------------------------


def test_sessions_of_level_or_keyword_0_get_events(recorder: Recorder) -> None:
    exporter = one_point()
    template = parsed(payloads("gate")[0])
    number = 0
    for call in recording.calls("gate"):
        if call["call"] == "EnableCallback":
            if call["control_code"] == 1:
                masks = (int(call[f"match_{which}_keyword"], 16) for which in ("any", "all"))
                recorder.start(call["level"], *masks)
            elif call["control_code"] == 0:
                recorder.stop()
            else:
                recorder.play(call["control_code"])
        elif call.get("text", "").startswith("gate "):
            number += 1
            assert call["text"].startswith(f"gate {number}: ")
            point(template).as_int = number
            assert exporter.export(rebuilt(template.SerializeToString())) is SUCCESS
    exporter.shutdown()
    assert number == 24
    level_0, any_0, any_0_all_1 = 2, 9, 15
    theirs = values(payloads("gate"))
    assert values(recorder.payloads) == sorted([*theirs, level_0, any_0, any_0_all_1])


def test_every_exporter_has_a_registration_of_its_own(recorder: Recorder) -> None:
    first, second = payloads("lifecycle")
    recorder.start()
    exporters = [one_point(), one_point()]
    exporters[0].export(rebuilt(first))
    exporters[1].export(rebuilt(second))
    exporters[0].shutdown()
    late = parsed(first)
    point(late).as_int = 3
    assert exporters[1].export(rebuilt(late.SerializeToString())) is SUCCESS
    exporters.append(one_point())
    point(late).as_int = 4
    assert exporters[2].export(rebuilt(late.SerializeToString())) is SUCCESS
    exporters[1].shutdown()
    exporters[2].shutdown()
    assert values(payloads("lifecycle")) == [1, 2]  # the crate's others go silent
    assert values(recorder.payloads) == [1, 2, 3, 4]
    assert recorder.names.count("Register") == recorder.names.count("Unregister") == 3
    assert exporters[0].export(rebuilt(first)) is FAILURE  # the crate says Ok
    assert exporters[0].counts.lost["point", "shutdown"] == 1


def test_a_write_that_fails_is_a_failed_export_and_counted(recorder: Recorder) -> None:
    writes = recording.calls("errors", "EventWriteTransfer")
    recorder.start()
    recorder.answers["EventWriteTransfer"] = iter([call["returns"] for call in writes])
    exporter = one_point()
    results = [exporter.export(rebuilt(recording.payload(call))) for call in writes]
    exporter.shutdown()
    # As the crate: each is tried once, and the next after it.
    assert comparable(recorder.calls) == recorded("errors")
    assert results == [FAILURE if call["returns"] else SUCCESS for call in writes]
    lost = {what: number for what, number in exporter.counts.lost.items() if what[0] == "point"}
    assert lost == {
        ("point", reason): 2
        for reason in (
            "invalid_handle",
            "not_enough_memory",
            "invalid_parameter",
            "more_data",
            "arithmetic_overflow",
            "no_system_resources",
            "log_file_full",
        )
    }


def test_without_traits_the_payload_is_written_alone(recorder: Recorder) -> None:
    recorder.start()
    recorder.answers["EventSetInformation"] = 87
    assert played("setinformation-fails") == [SUCCESS]
    theirs = recorded("setinformation-fails")
    (write,) = (call for call in theirs if isinstance(call, Write))
    channel = 3
    alone = replace(
        write,
        descriptor=write.descriptor[:channel] + b"\0" + write.descriptor[channel + 1 :],
        data=write.data[2:],
    )
    ours = [alone if call is write else call for call in theirs]
    assert comparable(recorder.calls) == ours


def test_nothing_is_encoded_while_nobody_listens(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = one_point()
    asked: list[object] = []
    monkeypatch.setattr(exporter._encoder, "encode", lambda *given: asked.append(given) or [])
    export = rebuilt(payloads("standard")[0])
    assert exporter.export(export) is SUCCESS
    assert asked == []
    recorder.start()
    exporter.export(export)
    assert len(asked) == 1
    exporter.shutdown()


def test_the_largest_event_of_the_crate_needs_a_limit_set(recorder: Recorder) -> None:
    recorder.start()
    exporter = ETWMetricExporter("etw", max_points_per_event=1)
    large, *small = map(rebuilt, payloads("size"))
    assert exporter.export(large) is FAILURE
    assert exporter.counts.lost == {("point", "too_large"): 1}
    assert [exporter.export(each) for each in small] == [SUCCESS] * 2
    exporter.shutdown()
    assert [metric(parsed(payload)).name for payload in recorder.payloads] == ["g", "g"]
