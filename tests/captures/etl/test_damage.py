"""Damage costs its buffer, and nothing that a file may hold costs more than that."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures import CaptureError, Damage, Frame, Item
from otel_etw.captures.etl import EtlReader
from otel_etw.captures.expansion import ALLOWANCE
from otel_etw.captures.recognition import RecognisingReader
from tests.support.capture_files import damage, read_by, reasons, request
from tests.support.etl_files import HEADER, EtlFile, EtlWriter, Expected, system
from tests.support.windows_compressors import COMPRESSORS

COMPRESSED: dict[str, Any] = {
    "mode": 0x401_0001,
    "compress": COMPRESSORS[3],
    "first_buffer_size": 1024,
}
KINDS: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "Windows 7": {"version": (6, 1)},
    "merged": {"mode": 0x1_0001, "first_buffer_size": 1024},
    "compressed": COMPRESSED,
}


def written(count: int = 120, **options: Any) -> EtlFile:
    writer = EtlWriter(**options)
    for number in range(count):
        time = writer.reference + number * 1000
        writer.frame(time, request(number, 300).SerializeToString(), number % 3)
        writer.add(system(time, bytes(number % 50)), number % 3)
    return writer.file()


def bounds(file: EtlFile, buffer: int) -> tuple[int, int]:
    return file.buffers[buffer], [*file.buffers, len(file.data)][buffer + 1]


def outside(file: EtlFile, start: int, end: int) -> list[Expected]:
    """The events that do not stand in this part of the file."""
    return [event for event in file.events if not start <= event.offset < end]


def payloads(items: list[Item]) -> list[bytes]:
    return [item.payload for item in items if isinstance(item, Frame)]


def overwritten(data: bytes, at: int, by: bytes) -> bytes:
    return data[:at] + by + data[at + len(by) :]


# Headers of buffers -----------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [500, 1 << 20])
@pytest.mark.parametrize("size", [0, 1, 71, 72, 100, 1024, 4096, 0x2008, 0x4000, 1 << 24, 2**31])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("buffer", [1, 3, -1])
def test_a_wrong_size_costs_its_buffer_at_most(
    kind: str, buffer: int, size: int, chunk: int
) -> None:
    file = written(**KINDS[kind])
    start, end = bounds(file, buffer % len(file.buffers))
    data = overwritten(file.data, start, struct.pack("<I", size))
    items = read_by(EtlReader(), data, chunk)
    want = [event.payload for event in outside(file, start, end)]
    assert [payload for payload in payloads(items) if payload in want] == want
    assert [at for at, _ in damage(items) if start <= at < end]


@pytest.mark.parametrize("kind", KINDS)
def test_a_size_that_is_wrong_by_a_little_costs_its_buffer(kind: str) -> None:
    """What stands where the next one should then begin may look like a header, in which the real
    one begins."""
    file = written(**KINDS[kind])
    start, end = bounds(file, 1)
    want = [event.payload for event in outside(file, start, end)]
    for size in range(end - start - 100, end - start + 100):
        if size != end - start:
            data = overwritten(file.data, start, struct.pack("<I", size))
            found = payloads(read_by(EtlReader(), data, 1 << 20))
            assert [payload for payload in found if payload in want] == want, size


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("buffer", [0, 1, 4])
def test_a_lost_buffer_costs_itself(kind: str, buffer: int) -> None:
    """Overwritten as a whole, or by zeros: the rest is there, and the place is told."""
    file = written(**KINDS[kind])
    start, end = bounds(file, buffer)
    for by in (
        random.Random(1).randbytes(end - start),
        bytes(end - start),
        b"\xff" * (end - start),
    ):
        if kind == "compressed" and buffer == 0:
            continue  # how its buffers are compressed is not known any more
        items = read_by(EtlReader(), overwritten(file.data, start, by), 1000)
        # Without a log header they have no times, and come in the order of the file.
        want = sorted(outside(file, start, end), key=lambda event: event.offset * (buffer == 0))
        assert payloads(items) == [event.payload for event in want]
        assert damage(items)[0] == (start, end - start)


@pytest.mark.parametrize("kind", ["ordinary", "Windows 7", "compressed"])
@pytest.mark.parametrize("cut", [1, 40, 1500])
def test_bytes_that_are_gone_cost_their_buffers_and_the_next_one(kind: str, cut: int) -> None:
    file = written(200, **KINDS[kind])
    at = file.buffers[3] - cut // 2 - 1
    hurt = [
        number
        for number in range(len(file.buffers))
        if bounds(file, number)[0] < at + cut and at < bounds(file, number)[1]
    ]
    start, end = bounds(file, hurt[0])[0], bounds(file, hurt[-1] + 1)[1]
    items = read_by(EtlReader(), file.data[:at] + file.data[at + cut :], 1000)
    want = [event.payload for event in outside(file, start, end)]
    assert [payload for payload in payloads(items) if payload in want] == want
    assert len(want) > 100
    assert damage(items)


@pytest.mark.parametrize("valid", [1, 71, 0x2001, 2**32 - 1])
def test_a_wrong_number_of_valid_bytes_is_told(valid: int) -> None:
    file = written()
    data = overwritten(file.data, file.buffers[2] + 0x30, struct.pack("<I", valid))
    items = read_by(EtlReader(), data)
    assert payloads(items) == [event.payload for event in file.events]
    assert damage(items) == [(file.buffers[2], HEADER)]
    assert f"of which {valid:,} are valid" in reasons(items)[0]


def test_without_a_log_header_events_have_no_times() -> None:
    file = written()
    data = overwritten(file.data, 72, b"\xff" * 300)
    items = read_by(EtlReader(), data)
    frames = [item for item in items if isinstance(item, Frame)]
    assert sorted(payloads(items)) == sorted(event.payload for event in file.events)
    assert {frame.event for frame in frames} == {None}
    (reason,) = reasons(items)
    assert reason.startswith("the log header is damaged (another record stands in its place)")


@pytest.mark.parametrize(
    ("at", "by", "reason"),
    [
        (72 + 32 + 0x48 + 0xAC + 4 + 8, struct.pack("<q", 0), "has 0 ticks a second"),
        (72 + 32 + 0x48 + 0xAC + 4 + 24, struct.pack("<I", 9), "its clock type is 9; known are 1"),
        (72 + 4, struct.pack("<H", 100), "a log header has 312 bytes and more, this 100"),
    ],
)
def test_a_log_header_that_cannot_be_is_told(at: int, by: bytes, reason: str) -> None:
    file = written()
    items = read_by(EtlReader(), overwritten(file.data, at, by))
    assert sorted(payloads(items)) == sorted(event.payload for event in file.events)
    assert reason in reasons(items)[0]


# Records ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_record_costs_the_rest_of_its_buffer(kind: str) -> None:
    writer_options = dict(KINDS[kind])
    compress: Callable[[bytes], bytes] | None = writer_options.pop("compress", None)
    file = written(**writer_options)
    start, end = bounds(file, 2)
    here = sorted(event.offset for event in file.events if start <= event.offset < end)
    for by in (b"\0\0\0\0", b"\xff\xff", b"\x10\0", b"\x50\0\x13\x40"):
        data = overwritten(file.data, here[3], by)
        if compress:
            records = data[start + HEADER : end]
            valid = struct.unpack_from("<I", data, start + 0x30)[0]
            damaged = compress(records[: valid - HEADER])
            head = bytearray(data[start : start + HEADER])
            head[:4] = struct.pack("<I", HEADER + len(damaged))
            head[0x34] |= 0x40
            data = data[:start] + head + damaged + data[end:]
        items = read_by(EtlReader(), data)
        lost = {event.payload for event in file.events if event.offset in here[3:]}
        want = [event.payload for event in file.events if event.payload not in lost]
        assert payloads(items) == want
        (found,) = damage(items)
        assert found[0] == (start if compress else here[3])


# Ends -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_keeps_what_is_whole(kind: str) -> None:
    file = written(40, **KINDS[kind])
    compressed = kind == "compressed"
    for size in range(600, len(file.data), 97):
        items = read_by(EtlReader(), file.data[:size], 4096)
        assert payloads(items) == [
            event.payload for event in file.events if event.offset + event.length <= size
        ]
        if size not in file.buffers:
            start = max(at for at in file.buffers if at <= size)
            inside = struct.unpack_from("<I", file.data.ljust(size + 72), start + 0x30)[0]
            if (compressed and start) or start + inside > size:
                assert damage(items), size


@pytest.mark.parametrize("tail", [b"x", b"\xee" * 71, b"\xee" * 5000, bytes(500) + b"x"])
def test_a_tail_that_is_no_buffer_is_damage(tail: bytes) -> None:
    file = written()
    items = read_by(EtlReader(), file.data + tail, 1000)
    assert payloads(items) == [event.payload for event in file.events]
    assert damage(items) == [(len(file.data), len(tail))]


def test_zeros_between_buffers_are_passed_over() -> None:
    file = written()
    at = file.buffers[3]
    items = read_by(EtlReader(), file.data[:at] + bytes(0x6000) + file.data[at:], 1000)
    assert payloads(items) == [event.payload for event in file.events]
    assert damage(items) == [(at, 0x6000)]
    assert reasons(items) == ["zeros: what was never written"]


# Compression ------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", COMPRESSORS)
def test_a_broken_compressed_buffer_costs_itself(algorithm: int) -> None:
    options = {**COMPRESSED, "compress": COMPRESSORS[algorithm], "algorithm": algorithm}
    file = written(**options)
    start, end = bounds(file, 2)
    chance = random.Random(algorithm)
    for _ in range(20):
        by = chance.randbytes(chance.randrange(1, 30))
        at = chance.randrange(start + HEADER, end - len(by))
        items = read_by(EtlReader(), overwritten(file.data, at, by))
        want = [event.payload for event in outside(file, start, end)]
        assert [payload for payload in payloads(items) if payload in want] == want


def test_a_bomb_is_refused() -> None:
    """Buffers that expand to 16 MiB each, as their headers say, from hardly any bytes."""
    writer = EtlWriter(**COMPRESSED)
    head = writer.file().data
    match = (
        struct.pack("<IBH", 0x7FFF_FFFF, 0, 7) + b"\xff" + b"\xff\0\0" + struct.pack("<I", 1 << 24)
    )
    buffer = writer.buffer_header(HEADER + len(match), 1 << 24, 1, 0, flags=0x40) + match
    reader = EtlReader()
    count = 20 + ALLOWANCE // len(buffer)
    with pytest.raises(CaptureError, match="expands to more than"):
        read_by(reader, head + count * buffer, chunk=len(buffer))
    assert reader.report.compressed_buffers < 5


# Anything ---------------------------------------------------------------------------------------

FILES = {kind: written(60, **options) for kind, options in KINDS.items()}


@st.composite
def mutated(draw: st.DrawFn) -> tuple[EtlFile, bytes, list[tuple[int, int]]]:
    """A file, the same with some bytes overwritten, and which."""
    file = FILES[draw(st.sampled_from(list(FILES)))]
    data = bytearray(file.data)
    places = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(
            st.integers(0, len(data) - 1)
            | st.sampled_from(file.buffers).map(lambda at: at)
            | st.tuples(st.sampled_from(file.buffers), st.integers(0, 71)).map(sum)
        )
        by = draw(st.binary(min_size=1, max_size=8) | st.integers(1, 3000).map(bytes))
        by = by[: len(data) - start]
        data[start : start + len(by)] = by
        places.append((start, start + len(by)))
    return file, bytes(data), places


@given(mutated(), st.sampled_from([313, 1 << 20]))
@settings(max_examples=300, deadline=None)
def test_whatever_is_overwritten_the_other_buffers_are_read(
    case: tuple[EtlFile, bytes, list[tuple[int, int]]], chunk: int
) -> None:
    file, data, places = case
    items = read_by(EtlReader(), data, chunk)
    hurt = [
        (start, end)
        for start, end in zip(file.buffers, [*file.buffers[1:], len(data)], strict=True)
        if any(start < stop and begin < end for begin, stop in places)
    ]
    if (0, file.buffers[1]) in hurt:
        return  # what the log header says may be anything, but the file was read to its end
    want = [
        event.payload
        for event in file.events
        if not any(start <= event.offset < end for start, end in hurt)
    ]
    assert {*want} <= {*payloads(items)}
    if data != file.data:
        for item in items:
            if isinstance(item, Damage):
                assert 0 <= item.offset <= item.offset + item.length <= len(data)


@given(st.binary(max_size=3000), st.integers(1, 4000))
@settings(max_examples=200, deadline=None)
def test_whatever_follows_a_log_header_is_read_to_the_end(rest: bytes, chunk: int) -> None:
    head = FILES["ordinary"].data[: FILES["ordinary"].buffers[1]]
    reader = RecognisingReader()
    read_by(reader, head + rest, chunk)
    assert reader.report
    assert reader.report.session


def test_memory_is_bounded_whatever_sizes_are_claimed() -> None:
    head = FILES["ordinary"].data[: FILES["ordinary"].buffers[1]]
    huge = EtlWriter().buffer_header(1 << 24, 1 << 24, 1, 0) + b"\xff" * 1000
    tracemalloc.start()
    reader = EtlReader()
    for _ in range(40):
        for _ in reader.feed(head + huge * 1000):
            pass
    list(reader.finish())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 << 20
