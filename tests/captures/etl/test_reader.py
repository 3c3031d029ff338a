"""What a session wrote is what the reader finds, in files of all versions of Windows."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from otel_etw import captures
from otel_etw.captures import CaptureError, Damage, Event, Foreign, Frame, Item, Notice
from otel_etw.captures.etl import EtlReader, EventCount
from otel_etw.captures.recognition import RecognisingReader
from otel_etw.provider import DEFAULT_PROVIDER
from tests.support.capture_files import damage, fed, read_by, reasons, request
from tests.support.etl_files import (
    EPOCH,
    SCHEMA,
    TRAITS,
    EtlFile,
    EtlWriter,
    array_event,
    bare_event,
    classic,
    compact,
    event,
    instance,
    message,
    other,
    our_event,
    perfinfo,
    system,
)
from tests.support.etl_walks import WALKS
from tests.support.windows_compressors import COMPRESSORS

OTHER_PROVIDER = UUID("a83fa99f-c356-4ded-9fd6-5a5eb8546d68")

pytestmark = pytest.mark.parametrize("walk", WALKS, indirect=True)


@pytest.fixture
def walk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_etw.captures.etl.reader.Walk", request.param)


def payload(number: int, filling: int = 0) -> bytes:
    return request(number, filling).SerializeToString()


def busy(writer: EtlWriter, count: int = 300, seed: int = 1) -> EtlFile:
    """Events of ours on all processors, in both shapes, among records of all kinds."""
    chance = random.Random(seed)
    time = writer.reference
    kinds: list[Callable[..., bytes]] = [system, compact, perfinfo, classic, instance]
    for number in range(count):
        time += chance.randrange(100_000)
        processor = chance.randrange(writer.processors)
        if chance.random() < 0.4:
            shape = chance.choice([our_event, bare_event, array_event])
            filling = chance.choice([0, 0, 50, 1000])
            process = chance.choice([4, 4242, 4294967295])
            writer.frame(time, payload(number, filling), processor, shape, process)
        elif chance.random() < 0.4:
            noise = chance.randbytes(chance.randrange(200))
            options = {
                "provider": OTHER_PROVIDER,
                "event_id": chance.randrange(9),
                "bits": writer.bits,
            }
            writer.add(event(time, noise, **options), processor)
        elif chance.random() < 0.2:
            writer.add(message(time, bytes(5), marked=chance.random() < 0.5), processor)
        elif chance.random() < 0.1:
            writer.add(other(time, bytes(9)), processor)
        else:
            record = chance.choice(kinds)(time, bytes(chance.randrange(40)), bits=writer.bits)
            writer.add(record, processor)
    return writer.file()


def check(items: list[Item], file: EtlFile) -> None:
    """The frames are the file's events, and nothing is damaged."""
    frames = [item for item in items if isinstance(item, Frame)]
    assert [
        (frame.event, frame.offset, frame.length, frame.payload, frame.checked) for frame in frames
    ] == [
        (
            Event(found.time, found.process, found.thread, found.processor),
            found.offset,
            found.length,
            found.payload,
            True,
        )
        for found in file.events
    ]
    assert reasons(items) == []


# Versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1000, 1 << 20])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="Windows 11"),
        pytest.param({"version": (6, 1), "build": 7601}, id="Windows 7"),
        pytest.param({"bits": 32, "version": (6, 1), "build": 7601}, id="Windows 7, 32 bits"),
        pytest.param({"bits": 32}, id="Windows 10, 32 bits"),
        pytest.param({"processors": 1, "mode": 0x1000_0001}, id="no buffers per processor"),
        pytest.param({"processors": 300}, id="more than 256 processors"),
        pytest.param({"clock": 2, "reference": EPOCH + 17 * 10**15}, id="system time"),
        pytest.param({"clock": 3}, id="CPU cycles"),
        pytest.param({"frequency": 1_818_300}, id="an odd frequency"),
        pytest.param({"buffer_size": 1024, "first_buffer_size": 1024 * 2}, id="small buffers"),
        pytest.param({"buffer_size": 1 << 20}, id="large buffers"),
        pytest.param({"mode": 0x2, "keep": 7}, id="circular, wrapped"),
        pytest.param({"mode": 0x8, "first_sequence": 908}, id="new file"),
        pytest.param({"mode": 0x21, "preallocated": 100_000}, id="preallocated"),
        pytest.param({"mode": 0x21, "preallocated": 100}, id="a few zeros"),
        pytest.param({"unfinished": True}, id="unfinished"),
        pytest.param({"mode": 0x1_0001, "first_buffer_size": 1024}, id="merged"),
        pytest.param({"mode": 0x1_0001, "first_buffer_size": 512}, id="merged, a small sector"),
    ],
)
def test_every_event_is_found_in_the_order_of_its_time(
    walk: None, settings: dict[str, Any], chunk: int
) -> None:
    if settings.get("buffer_size") == 1024:
        writer = EtlWriter(**settings)
        for number in range(200):
            writer.frame(writer.reference + number, payload(number), number % 3)
            writer.add(system(writer.reference + number, bytes(number)), number % 3)
        file = writer.file()
    else:
        file = busy(EtlWriter(**settings))
    items = read_by(EtlReader(), file.data, chunk)
    check(items, file)
    assert len(file.events) > 10


@pytest.mark.parametrize("algorithm", COMPRESSORS)
def test_compressed_buffers_are_expanded(walk: None, algorithm: int) -> None:
    mode = 0x401_0001
    writer = EtlWriter(
        mode=mode, compress=COMPRESSORS[algorithm], algorithm=algorithm, first_buffer_size=512
    )
    file = busy(writer)
    reader = EtlReader()
    items = read_by(reader, file.data, 777)
    check(items, file)
    assert reader.report.compressed_buffers == len(file.buffers) - 1
    assert reader.report.session
    assert reader.report.session.mode_names == ["sequential", "relogged", "compressed"]


def test_a_file_may_come_in_any_pieces(walk: None) -> None:
    file = busy(EtlWriter(), 60)
    whole = read_by(EtlReader(), file.data, 1 << 20)
    assert read_by(EtlReader(), file.data, 1) == whole


# The session ------------------------------------------------------------------------------------


def test_the_header_says_what_the_session_was(walk: None) -> None:
    writer = EtlWriter(
        mode=0x800_2002, bits=32, lost_events=3, lost_buffers=2, name="Größe ✓", bias=480
    )
    reader = EtlReader()
    items = read_by(reader, writer.file().data)
    session = reader.report.session
    assert session
    start = 1_700_000_000_000_000_000
    assert (session.name, session.file_name) == ("Größe ✓", r"C:\traces\otel.etl")
    assert (session.system_version, session.build) == ("10.0", 22_631)
    assert (session.processors, session.pointer_size, session.buffer_size) == (4, 4, 0x2000)
    assert (session.start, session.end) == (start, start + 60 * 10**9)
    assert (session.clock_name, session.ticks_per_second) == ("performance counter", 10_000_000)
    assert session.mode_names == ["circular", "sizes in KB", "independent"]
    assert session.is_circular
    assert session.maximum_file_size == 100 << 10
    assert (session.utc_bias, session.time_zone) == (480, "@tzres.dll,-322")
    assert (session.lost_events, session.lost_buffers) == (3, 2)
    assert (reader.report.lost_events, reader.report.lost_buffers) == (3, 2)
    texts = [item.text for item in items if isinstance(item, Notice)]
    assert len(texts) == 2
    assert texts[0].startswith("3 events were lost while it was recorded. Likely cause: its buffer")
    assert "no payload of more than 7,968" in texts[0]
    assert texts[1].startswith("2 buffers were lost")


def test_large_buffers_lose_events_for_another_reason(walk: None) -> None:
    writer = EtlWriter(lost_events=1, buffer_size=1 << 20)
    (notice,) = read_by(EtlReader(), writer.file().data)
    assert isinstance(notice, Notice)
    assert notice.text.startswith("1 event was lost")
    assert "faster than buffers were written" in notice.text


def test_an_unfinished_session_is_told(walk: None) -> None:
    file = busy(EtlWriter(unfinished=True, lost_events=7))
    reader = EtlReader()
    items = read_by(reader, file.data)
    (notice,) = (item for item in items if isinstance(item, Notice))
    assert "had not ended" in notice.text
    assert reader.report.session
    assert reader.report.session.end is None


def test_records_and_events_are_counted(walk: None) -> None:
    writer = EtlWriter()
    time = writer.reference
    for number in range(5):
        writer.frame(time + number, payload(number))
    for _ in range(3):
        writer.add(event(time, b"abc", provider=OTHER_PROVIDER, event_id=7))
    for record in (system(time), compact(time), perfinfo(time), classic(time), instance(time)):
        writer.add(record)
    writer.add(perfinfo(time, bytes(8), bits=32))
    writer.add(message(time, marked=False))
    writer.add(message(time, marked=True))
    writer.add(other(time, bytes(3)))
    writer.add(other(time, kind=0x0D, marker=0xC0))
    reader = EtlReader()
    read_by(reader, writer.file().data)
    report = reader.report
    assert report.records == {
        "system": 2,
        "compact": 1,
        "full_header": 1,
        "instance": 1,
        "message": 2,
        "perfinfo": 2,
        "event_header": 8,
        "other": 2,
    }
    assert report.events == [
        EventCount(DEFAULT_PROVIDER.guid, 81, 5, DEFAULT_PROVIDER.name, "otlp_metrics"),
        EventCount(OTHER_PROVIDER, 7, 3),
    ]
    assert report.processes == {4242: 5}
    assert (report.frames, report.buffers, report.damages) == (5, 2, 0)
    assert (report.first_event, report.last_event) == (writer.utc(time), writer.utc(time + 4))


def test_a_file_that_was_appended_to_has_two_sessions(walk: None) -> None:
    first = busy(EtlWriter(lost_events=1), seed=1)
    later = EtlWriter(start=EPOCH + 17_100_000_000_000_000, frequency=3_000_000, lost_events=2)
    second = busy(later, seed=2)
    reader = EtlReader()
    items = read_by(reader, first.data + second.data)
    times = [item.event.time for item in items if isinstance(item, Frame) and item.event]
    assert times == [found.time for file in (first, second) for found in file.events]
    assert len(reader.report.sessions) == 2
    assert reader.report.lost_events == 3


# Events -----------------------------------------------------------------------------------------


ITEMS = {
    "TraceLogging": ((12, TRAITS), (11, SCHEMA)),
    "none": (),
    "a related activity": ((1, bytes(16)),),
    "a related activity and a stack": ((1, bytes(16)), (6, bytes(8 + 8 * 20))),
    "many of odd sizes": tuple((number % 19, bytes(number)) for number in range(40)),
}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("items", ITEMS.values(), ids=ITEMS)
def test_the_payload_stands_behind_all_extended_items(
    walk: None, items: tuple[tuple[int, bytes], ...], bits: int
) -> None:
    writer = EtlWriter(bits=bits)
    writer.add(event(writer.reference, payload(1), items=items, bits=bits))
    (frame,) = read_by(EtlReader(), writer.file().data)
    assert isinstance(frame, Frame)
    assert frame.payload == payload(1)


def test_the_largest_event_is_read(walk: None) -> None:
    writer = EtlWriter(buffer_size=1 << 17)
    padding = 65_383 - len(payload(1, 65_000))
    largest = payload(1, 65_000 + padding)
    writer.frame(writer.reference, largest)
    assert len(largest) == 65_383
    (frame,) = read_by(EtlReader(), writer.file().data)
    assert isinstance(frame, Frame)
    assert (frame.length, frame.payload) == (65_535, largest)


def test_events_of_other_writers_are_named(walk: None) -> None:
    writer = EtlWriter()
    for event_id in (50, 55, 55, 70, 65534, 1234, 81):
        writer.add(event(writer.reference, payload(1), event_id=event_id))
    reader = EtlReader()
    items = read_by(reader, writer.file().data)
    assert reader.report.foreign == {
        "events 50 in Geneva's own format": 1,
        "events 55 in Geneva's own format": 2,
        "events 70 in Geneva's own format": 1,
        "events 65534 with the manifest of an EventSource": 1,
        "events 1234": 1,
    }
    assert sum(isinstance(item, Foreign) for item in items) == 6
    assert sum(isinstance(item, Frame) for item in items) == 1
    assert reasons(items) == []


def test_another_provider_may_be_asked_for(walk: None) -> None:
    writer = EtlWriter()
    writer.frame(writer.reference, payload(1))
    writer.add(event(writer.reference, payload(2), provider=OTHER_PROVIDER))
    (frame,) = read_by(EtlReader(OTHER_PROVIDER), writer.file().data)
    assert isinstance(frame, Frame)
    assert frame.payload == payload(2)


def test_an_empty_request_is_a_frame(walk: None) -> None:
    writer = EtlWriter()
    writer.frame(writer.reference, b"")
    file = writer.file()
    check(read_by(EtlReader(), file.data), file)


def patched(record: bytes, at: int, byte: int) -> bytes:
    return record[:at] + bytes([byte]) + record[at + 1 :]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (bare_event(0, b"\xff\xff\xff", process=77), r"event 81 of process 77: its protobuf .*"),
        (
            event(0, b"\x05\0\0\0abcd", event_id=80, process=77),
            "event 80 of process 77: its length is 5, and 4 bytes follow",
        ),
        (
            event(0, b"\x05", event_id=80, process=77),
            "event 80 of process 77: it has 1 bytes, fewer than its length",
        ),
        (
            patched(event(0, b"", items=((1, bytes(16)),), process=77), 84, 1),  # another follows
            "event 81 of process 77: its extended items do not fit in it",
        ),
        (
            patched(event(0, b"", items=((1, bytes(16)),), process=77), 80, 7),  # less than itself
            "event 81 of process 77: its extended items do not fit in it",
        ),
        (
            patched(event(0, b"", items=((1, bytes(16)),), process=77), 81, 1),  # too much
            "event 81 of process 77: its extended items do not fit in it",
        ),
    ],
    ids=range(6),
)
def test_what_does_not_decode_costs_its_event(walk: None, record: bytes, reason: str) -> None:
    writer = EtlWriter()
    writer.frame(writer.reference, payload(1))
    writer.add(record)
    writer.frame(writer.reference, payload(2))
    items = read_by(EtlReader(), writer.file().data)
    frames = [item.payload for item in items if isinstance(item, Frame)]
    assert frames == [payload(1), payload(2)]
    (found,) = (item for item in items if isinstance(item, Damage))
    assert found.length == len(record)
    assert re.fullmatch(reason, found.reason)


def test_an_impossible_time_is_damage_and_the_frame_is_kept(walk: None) -> None:
    writer = EtlWriter()
    writer.frame(writer.reference, payload(1))
    writer.add(our_event(2**63 - 1, payload(2)))
    items = read_by(EtlReader(), writer.file().data)
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.payload for frame in frames] == [payload(1), payload(2)]
    assert frames[1].event is None
    (reason,) = reasons(items)
    assert "its time is impossible, 9,223,372,036,854,775,807 ticks" in reason


# As a capture -----------------------------------------------------------------------------------


def test_it_is_recognised_and_its_report_is_at_hand(walk: None) -> None:
    file = busy(EtlWriter())
    reader = RecognisingReader()
    items = list(captures.read(io.BytesIO(file.data), "a pipe", reader=reader))
    check(items, file)
    assert reader.format
    assert reader.format.name == "ETW log"
    assert reader.report
    assert reader.report.frames == len(file.events)


def test_what_is_whole_is_given_when_nothing_more_is_there(walk: None) -> None:
    """As ``--follow`` reads the file of a running session."""
    writer = EtlWriter(unfinished=True)
    file = busy(writer)
    reader = EtlReader()
    seen = []
    for start, end in zip(file.buffers, [*file.buffers[1:], len(file.data)], strict=True):
        middle = (start + end) // 2
        early = [*fed(reader, file.data[start:middle]), *reader.settle()]
        assert not any(isinstance(item, Frame) for item in early)
        seen += [*fed(reader, file.data[middle:end]), *reader.settle()]
        assert reader.report.records["system"] >= 1
    seen += reader.finish()
    frames = [item for item in seen if isinstance(item, Frame)]
    assert sorted(frame.offset for frame in frames) == sorted(f.offset for f in file.events)
    assert damage(seen) == []
    assert sum(isinstance(item, Notice) for item in seen) == 1


def test_a_file_that_is_none_is_refused(walk: None) -> None:
    with pytest.raises(CaptureError, match="no capture"):
        list(captures.read(io.BytesIO(b"\0\x20\0\0" + bytes(range(1, 200))), "x.etl"))
