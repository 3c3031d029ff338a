"""Length-prefixed files: every intact frame is found, everything else is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures import Frame, Item
from otel_etw.captures.forms import Messages
from otel_etw.captures.frame_file import FrameReader
from otel_etw.captures.items import ExportMetricsServiceRequest
from otel_etw.limits import FRAME_MAXIMUM

from .damages import damaged
from .material import File, damage, fed, framed, numbers, read_by, reasons, request

REQUESTS = [
    request(n, filling, resources)
    for n, (filling, resources) in enumerate(
        [(0, 1), (1, 1), (300, 1), (2, 3), (90, 1), (70_000, 1), (3, 1), (0, 2)]
    )
]
PIECES = [framed(message) for message in REQUESTS]
FILE = b"".join(PIECES)


def reader() -> FrameReader:
    return FrameReader(Messages())


def tiles(items: list[Item], size: int) -> bool:
    """Whether the items stand one behind the other and take all of the file."""
    position = 0
    for item in items:
        if item.offset != position:
            return False
        position += item.length
    return position == size


@pytest.mark.parametrize("chunk", [1, 7, 4096, len(FILE)])
def test_frames_come_with_their_place_whatever_the_chunks(chunk: int) -> None:
    items = read_by(reader(), FILE, chunk)
    assert [item.request for item in items if isinstance(item, Frame)] == REQUESTS
    assert [(item.offset, item.length) for item in items] == [
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


@given(st.data())
@settings(max_examples=200)
def test_every_frame_that_nothing_was_done_to_is_found(data: st.DataObject) -> None:
    order = data.draw(st.lists(st.integers(0, len(PIECES) - 1), max_size=9))
    file = data.draw(damaged(File.of([PIECES[number] for number in order])))
    items = read_by(reader(), file.data, data.draw(st.sampled_from([1 << 16, 997, 64])))
    assert tiles(items, len(file.data))
    found = {item.offset: item.request for item in items if isinstance(item, Frame)}
    for index, offset in file.whole.items():
        assert found.get(offset) == REQUESTS[order[index]], f"frame {index} at {offset}"


@given(st.data())
@settings(max_examples=100)
def test_chunks_change_nothing(data: st.DataObject) -> None:
    order = data.draw(st.lists(st.sampled_from([0, 1, 2, 3, 4]), min_size=1, max_size=5))
    file = data.draw(damaged(File.of([PIECES[number] for number in order])))
    chunk = data.draw(st.integers(1, 100))
    assert read_by(reader(), file.data, chunk) == read_by(reader(), file.data)


@given(st.binary(max_size=300))
def test_garbage_is_one_damage_or_none(data: bytes) -> None:
    assert tiles(read_by(reader(), data), len(data))


class Counting(Messages):
    """Adds up the bytes that are looked at."""

    def __init__(self) -> None:
        self.work = 0

    def outline(self, buffer: bytearray, start: int, end: int) -> tuple[int, bool]:
        reached, sound = super().outline(buffer, start, end)
        self.work += min(reached, len(buffer)) - start + 1
        return reached, sound

    def decode(self, payload: bytes) -> ExportMetricsServiceRequest:
        self.work += len(payload)
        return super().decode(payload)


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
    form = Counting()
    items = read_by(FrameReader(form), data)
    assert tiles(items, len(data))
    assert form.work < 24 * len(data) + (1 << 20)


def test_memory_stays_small_in_a_file_of_garbage() -> None:
    following = reader()
    for _ in range(50):
        assert list(following.feed(b"no frame at all\n" * 4096)) == []
        assert len(following._buffer) < 1 << 17
