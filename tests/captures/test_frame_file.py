"""Length-prefixed files: every intact frame is found, everything else is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random

import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures import Frame, Item, Notice
from otel_etw.captures.columns import NATIVE
from otel_etw.captures.frame_file import FrameReader
from otel_etw.captures.payloads import Decoded, Outline, ProtobufPayloads
from otel_etw.captures.requests import ExportMetricsServiceRequest
from otel_etw.framing import follow_resource_metrics
from otel_etw.limits import FRAME_MAXIMUM
from tests.support.capture_files import (
    TIME,
    File,
    damage,
    fed,
    framed,
    numbers,
    read_by,
    reasons,
    request,
)
from tests.support.damaged_files import damaged

REQUESTS = [
    request(n, filling, resources)
    for n, (filling, resources) in enumerate(
        [(0, 1), (1, 1), (300, 1), (2, 3), (90, 1), (70_000, 1), (3, 1), (0, 2)]
    )
]
PIECES = [framed(message) for message in REQUESTS]
FILE = b"".join(PIECES)


def reader() -> FrameReader:
    return FrameReader(ProtobufPayloads())


def tiles(items: list[Item], size: int) -> bool:
    """Whether the items stand one behind the other and take all of the file."""
    position = 0
    for item in items:
        assert not isinstance(item, Notice)
        if item.offset != position:
            return False
        position += item.length
    return position == size


@pytest.mark.parametrize("chunk", [1, 7, 4096, len(FILE)])
def test_frames_come_with_their_place_whatever_the_chunks(chunk: int) -> None:
    items = read_by(reader(), FILE, chunk)
    assert [item.request for item in items if isinstance(item, Frame)] == REQUESTS
    frames = [item for item in items if isinstance(item, Frame)]
    assert [(item.offset, item.length) for item in frames] == [
        (sum(map(len, PIECES[:index])), len(piece)) for index, piece in enumerate(PIECES)
    ]


def test_empty_frames_are_frames() -> None:
    items = read_by(reader(), bytes(8) + PIECES[0] + bytes(4))
    assert [item.offset for item in items] == [0, 4, 8, 8 + len(PIECES[0])]
    assert all(isinstance(item, Frame) for item in items)


@pytest.mark.parametrize("left", range(1, len(PIECES[4])))
def test_a_torn_last_frame_is_named(left: int) -> None:
    items = read_by(reader(), PIECES[0] + PIECES[4][:left])
    assert numbers(items) == [0]
    assert damage(items) == [(len(PIECES[0]), left)]
    assert "torn" in reasons(items)[-1]


@pytest.mark.parametrize("left", range(1, len(PIECES[4])))
def test_what_is_written_after_a_torn_frame_is_found(left: int) -> None:
    """Even where the torn frame's missing bytes are made up by those of the next: a cut in its
    last field leaves something that decodes."""
    items = read_by(reader(), PIECES[0] + PIECES[4][:left] + PIECES[1] + PIECES[3] + PIECES[2])
    assert numbers(items) == [0, 1, 3, 2]
    assert damage(items) == [(len(PIECES[0]), left)]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("bit", [0x01, 0x10, 0x80])
def test_a_wrong_length_costs_its_frame_alone(place: int, bit: int) -> None:
    data = bytearray(FILE)
    offset = len(PIECES[0])
    data[offset + place] ^= bit
    items = read_by(reader(), bytes(data))
    assert numbers(items) == [0, 2, 3, 4, 5, 6, 7]
    assert damage(items) == [(offset, len(PIECES[1]))]


def test_a_block_never_written_is_named() -> None:
    items = read_by(reader(), PIECES[0] + bytes(4096) + PIECES[1] + bytes(4096))
    assert numbers(items) == [0, 1]
    assert damage(items) == [
        (len(PIECES[0]), 4096),
        (len(PIECES[0]) + 4096 + len(PIECES[1]), 4096),
    ]
    assert "NUL" in reasons(items)[0]


def test_a_length_beyond_the_maximum_is_damage() -> None:
    items = read_by(reader(), (FRAME_MAXIMUM + 1).to_bytes(4, "big") + b"\n" + PIECES[0])
    assert damage(items) == [(0, 5)]
    assert "67,108,864" in reasons(items)[0]


def test_a_frame_that_others_stand_in_is_still_one_frame() -> None:
    """A forwarded frame as an attribute's bytes looks like a frame in a frame."""
    outer = request(1)
    metric = outer.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.gauge.data_points[0].attributes.add(key="b").value.bytes_value = PIECES[0] + PIECES[1]
    items = read_by(reader(), framed(outer, outer))
    assert numbers(items) == [1, 1]
    assert damage(items) == []


def test_nothing_waits_for_what_stands_behind_once_settled() -> None:
    following = reader()
    assert list(following.feed(PIECES[0] + PIECES[1][:9])) == []
    assert numbers(following.settle()) == [0]
    assert list(following.settle()) == []
    assert list(following.feed(PIECES[1][9:])) == []
    assert numbers(following.settle()) == [1]
    assert list(following.finish()) == []


def test_a_wrong_length_does_not_hold_up_a_file_that_grows() -> None:
    following = reader()
    broken = (60_000_000).to_bytes(4, "big") + PIECES[0][4:]
    items = [*fed(following, broken + PIECES[1]), *following.settle()]
    assert numbers(items) == [1]
    assert damage(items) == [(0, len(broken))]


def claiming(size: int, there: bytes = b"") -> bytes:
    """The beginning of a frame of so many bytes that looks right as far as it is there."""
    inner = varint(size - 10)
    head = b"\n" + inner
    return size.to_bytes(4, "big") + head + there


def test_an_incomplete_frame_does_not_hold_up_what_stands_behind_it() -> None:
    """Its length was wrong, or a crash tore it: others will not wait for 64 MiB."""
    following = reader()
    torn = claiming(60_000_000, b"\x12\x34" * 40) + claiming(50_000_000, b"\x12" * 9)
    items = [*fed(following, PIECES[0] + torn), *following.settle()]
    assert numbers(items) == [0]
    items = [*fed(following, PIECES[1] + PIECES[4]), *following.settle()]
    assert numbers(items) == [1, 4]
    assert damage(items) == [(len(PIECES[0]), len(torn))]
    assert "others stand where its rest would" in reasons(items)[0]
    assert numbers([*fed(following, PIECES[3]), *following.settle()]) == [3]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_frames_behind_an_incomplete_one_may_come_in_pieces(size: int) -> None:
    following = reader()
    torn = claiming(60_000_000, b"\x12\x34" * 40)
    data = torn + PIECES[4] + PIECES[1] + PIECES[3]
    found = []
    for start in range(0, len(data), size):
        found += [*fed(following, data[start : start + size]), *following.settle()]
    assert numbers(found) == [4, 1, 3]
    assert damage(found) == [(0, len(torn))]


def test_an_incomplete_frame_waits_for_its_rest_whatever_is_in_it() -> None:
    outer = request(1)
    metric = outer.resource_metrics[0].scope_metrics[0].metrics[0]
    inner = PIECES[0] + PIECES[1] + b"more"
    metric.gauge.data_points[0].attributes.add(key="b").value.bytes_value = inner
    data = framed(outer)
    following = reader()
    middle = data.index(inner) + len(inner) - 2
    assert [*fed(following, data[:middle]), *following.settle(), *following.settle()] == []
    items = [*fed(following, data[middle:]), *following.settle()]
    assert numbers(items) == [1]
    assert damage(items) == []


def test_looking_for_what_overtook_a_frame_is_linear() -> None:
    payloads = Counting()
    following = FrameReader(payloads)
    size = 0
    list(following.feed(claiming(60_000_000)))
    for _ in range(300):
        piece = (PIECES[1] + b"\0\0\1\0\n") * 10
        size += len(piece)
        list(following.feed(piece))
        assert list(following.settle()) == []
    assert payloads.work < 40 * size


def sound_frames(data: bytes) -> Iterator[tuple[int, int]]:
    """Beginning and end of whatever decodes to metrics, at every place that could be one."""
    for match in re.finditer(rb"(?=[\0-\3].{3}\n)", data, re.DOTALL):
        start = match.start()
        end = start + 4 + int.from_bytes(data[start : start + 4], "big")
        if start + 4 < end <= len(data):
            message = ExportMetricsServiceRequest()
            with suppress(DecodeError):
                message.ParseFromString(data[start + 4 : end])
                if message.resource_metrics and message.resource_metrics[0].scope_metrics:
                    yield start, end


def check_all_found(order: list[int], file: File, chunk: int) -> None:
    items = read_by(reader(), file.data, chunk)
    assert tiles(items, len(file.data))
    found = {item.offset: item for item in items if isinstance(item, Frame)}
    sound = list(sound_frames(file.data))
    for index, offset in file.whole.items():
        end = offset + file.lengths[index]
        overlapping = {offset} | {start for start, stop in sound if start < end and offset < stop}
        where = f"frame {index} at {offset}"
        if len(overlapping) == 1:
            assert offset in found, where
        assert overlapping & found.keys(), where
        if offset in found:
            assert found[offset].request == REQUESTS[order[index]], where


@given(st.data())
@settings(max_examples=300)
def test_every_frame_that_nothing_was_done_to_is_found(data: st.DataObject) -> None:
    """Of two sound frames that overlap, one: which of them is damaged the bytes do not tell."""
    order = data.draw(st.lists(st.integers(0, len(PIECES) - 1), max_size=9))
    file = data.draw(damaged(File.of([PIECES[number] for number in order])))
    check_all_found(order, file, data.draw(st.sampled_from([1 << 16, 997, 64])))


@pytest.mark.parametrize("cut", [1, 2])
def test_of_two_frames_that_share_bytes_the_later_one_is_shown(cut: int) -> None:
    """The first one torn, or the second one without its first zeros: the same bytes."""
    torn = PIECES[7][:-cut] + PIECES[0]
    assert torn == PIECES[7] + PIECES[0][cut:]
    items = read_by(reader(), PIECES[1] + torn)
    assert numbers(items) == [1, 0]
    file = File.of([PIECES[1], PIECES[7], PIECES[0]])
    file.replace(len(PIECES[1] + PIECES[7]), cut, b"")
    check_all_found([1, 7, 0], file, 1 << 16)


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes_do_not_hide_what_stands_behind_them(seed: int) -> None:
    """At a few hundred places they look like the beginning of a frame of many megabytes."""
    frames = framed(*(request(n, 100) for n in range(400)))
    garbage = Random(seed).randbytes(4 << 20)
    items = read_by(reader(), frames + garbage + frames, 1 << 20)
    assert len(numbers(items)) == 800
    assert damage(items) == [(len(frames), len(garbage))]


def test_zeros_among_damage_are_no_empty_frames() -> None:
    garbage = b"\x7f\0\0\0\0\n\0\0\0\0\0\n\n" * 100
    items = read_by(reader(), PIECES[0] + garbage + PIECES[1])
    assert numbers(items) == [0, 1]
    assert damage(items) == [(len(PIECES[0]), len(garbage))]


def test_a_frame_of_empty_fields_costs_little() -> None:
    """It is a request, but Python would look at each field, and protobuf make a message of 80
    bytes for each: so it is read where compiled code looks at it, and its object is refused."""
    payloads = Counting()
    size = 4 << 20
    hostile = size.to_bytes(4, "big") + b"\n\0" * (size // 2)
    items = read_by(FrameReader(payloads), PIECES[0] + hostile + PIECES[1])
    assert tiles(items, len(PIECES[0]) + len(hostile) + len(PIECES[1]))
    assert payloads.work < 40 * size
    check_read_or_refused(items, hostile, "more empty fields than a frame has")
    assert numbers([items[0], items[2]]) == [0, 1]


def check_read_or_refused(items: list[Item], frame: bytes, reason: str) -> None:
    """The second item is a frame that protobuf would make too many objects of."""
    item = items[1]
    if NATIVE:
        assert isinstance(item, Frame)
        assert item.payload == frame[4:]
        with pytest.raises(ValueError, match="tiny messages"):
            _ = item.request
    else:
        assert damage(items) == [(len(PIECES[0]), len(frame))]
        assert re.search(reason, reasons(items)[0])


def repeated_messages(message: Message, tags: bytes = b"") -> Iterator[bytes]:
    """The tags that lead to each field of repeated messages, its own as the last."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type and len(tags) < 7:
            path = tags + bytes([field.number << 3 | 2])
            value = getattr(message, field.name)
            if hasattr(value, "add"):
                yield path
                value = value.add()
            yield from repeated_messages(value, path)


@pytest.mark.parametrize("content", [b"", b"\x78\0"], ids=bytes.hex)
@pytest.mark.parametrize(
    "tags", sorted(repeated_messages(ExportMetricsServiceRequest())), ids=bytes.hex
)
def test_tiny_messages_anywhere_make_no_objects(tags: bytes, content: bytes) -> None:
    """With an unknown field in it each takes a hundred times the memory of its bytes."""
    tiny = tags[-1:] + bytes([len(content)]) + content
    payload = tiny * ((4 << 20) // len(tiny))
    for tag in reversed(tags[:-1]):
        payload = bytes([tag]) + varint(len(payload)) + payload
    frame = len(payload).to_bytes(4, "big") + payload
    items = read_by(reader(), PIECES[0] + frame)
    assert len(items) == 2
    check_read_or_refused(items, frame, "tiny messages|more empty fields")


def test_captures_hold_few_tiny_messages() -> None:
    """Short attributes in all points are the most that a program has."""
    message = request(1)
    metric = message.resource_metrics[0].scope_metrics[0].metrics[0]
    for number in range(50_000):
        point = metric.gauge.data_points.add(time_unix_nano=TIME, start_time_unix_nano=TIME)
        point.as_int = number
        for key in "abcdef":
            point.attributes.add(key=key).value.int_value = number % 100
    items = read_by(reader(), framed(message))
    assert damage(items) == []
    assert numbers(items) == [1]


def varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


@given(st.data())
@settings(max_examples=100)
def test_chunks_change_nothing(data: st.DataObject) -> None:
    order = data.draw(st.lists(st.sampled_from([0, 1, 2, 3, 4]), min_size=1, max_size=5))
    file = data.draw(damaged(File.of([PIECES[number] for number in order])))
    chunk = data.draw(st.integers(1, 100))
    assert read_by(reader(), file.data, chunk) == read_by(reader(), file.data)


class Slow(ProtobufPayloads):
    """Leaves every frame to Python."""

    def leading(self, buffer: bytearray, ahead: int) -> list[bytes]:
        return []


@given(st.data())
@settings(max_examples=200)
def test_the_fast_way_finds_the_same(data: st.DataObject) -> None:
    order = data.draw(st.lists(st.integers(0, len(PIECES) - 1), min_size=1, max_size=9))
    file = data.draw(damaged(File.of([PIECES[number] for number in order])))
    chunk = data.draw(st.sampled_from([1 << 16, 997, 64]))
    assert read_by(reader(), file.data, chunk) == read_by(FrameReader(Slow()), file.data, chunk)


@given(st.data())
@settings(max_examples=200)
def test_what_looks_like_a_frame_is_one_for_both_implementations(data: st.DataObject) -> None:
    """How far the fields of a request were followed, whatever stands there."""
    scan = pytest.importorskip("otel_etw.captures._frame_scan", reason="not compiled here")
    fields = st.binary(max_size=12).map(lambda field: b"\n" + bytes([len(field)]) + field)
    buffer = b"".join(data.draw(st.lists(fields | st.binary(max_size=8), max_size=5)))
    start = data.draw(st.integers(0, len(buffer)))
    end = data.draw(st.integers(start, len(buffer) + 20))
    expected = follow_resource_metrics(buffer, start, end)
    assert scan.follow_resource_metrics(buffer, start, end) == expected


@given(st.binary(max_size=300))
def test_garbage_is_one_damage_or_none(data: bytes) -> None:
    assert tiles(read_by(reader(), data), len(data))


class Counting(ProtobufPayloads):
    """Adds up the work, in bytes that C code looks at: a field in Python is as much as 64."""

    def __init__(self) -> None:
        self.work = 0

    def outline(self, buffer: bytearray, start: int, end: int) -> Outline:
        outline = super().outline(buffer, start, end)
        self.work += outline.work
        return outline

    def decode(self, buffer: bytearray, start: int, end: int) -> Decoded:
        self.work += 4 * (end - start)
        return super().decode(buffer, start, end)


def _heads(size: int, claimed: int, tail: bytes) -> bytes:
    """The beginning of a frame of ``claimed`` bytes every few bytes, each with a sound outline."""
    body = claimed - 4
    head = bytes([0x0A, body & 0x7F | 0x80, body >> 7 & 0x7F | 0x80, body >> 14])
    unit = claimed.to_bytes(4, "big") + head + tail
    return unit * (size // len(unit))


@pytest.mark.parametrize(
    "make",
    [
        lambda size: b"\n" * size,
        lambda size: b"\n\0" * (size // 2),
        lambda size: b"\0\0\x10\0\n\0\n\0" * (size // 8),
        lambda size: bytes(size),
        lambda size: _heads(size, 60_000, b"\x7a\x7f"),
        lambda size: _heads(size, 60_000, b""),
        lambda size: FILE[:-1] * (size // len(FILE)),
    ],
    ids=["newlines", "empty-resources", "chains", "nuls", "heads", "bare-heads", "torn"],
)
def test_the_work_is_bounded_by_the_size(
    make: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_etw.captures.frame_file._CREDIT", 1 << 16)
    data = make(1 << 19)
    payloads = Counting()
    items = read_by(FrameReader(payloads), data)
    assert tiles(items, len(data))
    assert payloads.work < 24 * len(data) + (1 << 20)


def test_memory_stays_small_in_a_file_of_garbage() -> None:
    following = reader()
    for _ in range(50):
        assert list(following.feed(b"no frame at all\n" * 4096)) == []
        assert len(following._buffer) < 1 << 17
