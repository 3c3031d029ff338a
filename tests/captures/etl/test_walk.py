"""The walk over the records of a buffer: the compiled one and the one in Python find the same."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures.etl import walk as pure
from otel_etw.captures.etl.report import MOST_EVENT_KINDS
from tests.support.etl_files import OURS, event, message, other, our_event, perfinfo, system
from tests.support.etl_walks import WALKS, CompiledWalk

GUID = OURS.bytes_le


def walked(walk: Any, data: bytes, start: int = 0, is_exact: bool = True) -> Any:
    """All that a walk says of ``data``."""
    results = walk.buffer(data, start, len(data), is_exact)
    naming = walk.take_naming_records()
    return results, walk.records, sorted(walk.events), walk.uncounted, walk.take_times(), naming


@pytest.mark.parametrize("walk", WALKS)
def test_a_guid_has_16_bytes(walk: Any) -> None:
    with pytest.raises(ValueError, match="a GUID has 16 bytes, not 15"):
        walk(bytes(15))


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize(("start", "end"), [(-1, 5), (6, 5), (0, 11), (11, 11)])
def test_bounds_are_those_of_the_data(walk: Any, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not in the data"):
        walk(GUID).buffer(bytes(10), start, end, True)


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize(
    ("data", "stop", "fault"),
    [
        (b"", 0, ""),
        (b"\xff" * 3, 0, ""),
        (b"\xff" * 64, 0, ""),
        (system(5) + b"\xff" * 8, 32, ""),
        (system(5) + b"\0\0\0\0", 32, "no record begins with 0x00000000"),
        (system(5) + b"\1\2\3\x7f", 32, "no record begins with 0x7f030201"),
        (system(5) + b"\1\2\3\xc0", 32, "a record begins 4 bytes before the end"),
        (
            system(5, b"12345678")[:-1],
            0,
            "a record (system) of 40 bytes, where 32 to 39 are possible",
        ),
        (
            b"\x4f" + event(5, b"")[1:],
            0,
            "a record (event_header) of 79 bytes, where 80 to 80 are possible",
        ),
        (other(5)[:8], 8, ""),
        (b"\7\0\0\xb0" + bytes(4), 0, "a record (other) of 7 bytes, where 8 to 8 are possible"),
    ],
)
def test_the_end_of_a_walk_is_told(walk: Any, data: bytes, stop: int, fault: str) -> None:
    assert walk(GUID).buffer(data, 0, len(data), True) == ([], stop, fault)


@pytest.mark.parametrize("walk", WALKS)
def test_zeros_end_a_buffer_whose_end_is_not_known(walk: Any) -> None:
    data = system(5) + bytes(100)
    assert walk(GUID).buffer(data, 0, len(data), False) == ([], 32, "")


@pytest.mark.parametrize("walk", WALKS)
def test_records_begin_8_bytes_apart_from_the_first(walk: Any) -> None:
    data = b"###" + our_event(7, b"abc").ljust(160, b"\xff") + our_event(9, b"")
    found, stop, fault = walk(GUID).buffer(data, 3, len(data), True)
    assert [event[0] for event in found] == [3, 163]
    assert [event[6] for event in found] == [b"abc", b""]
    assert (stop, fault) == (len(data), "")


@pytest.mark.parametrize("walk", WALKS)
def test_no_more_than_so_many_events_are_told_apart(walk: Any) -> None:
    """A hostile file may have an event id of another provider in each record."""
    counted = walk(GUID)
    count = MOST_EVENT_KINDS + 500
    size = len(event(0, b""))
    template = bytearray(event(0, b"") * 1000)
    for start in range(0, count, 1000):
        for index in range(1000):
            number = (start + index) % count
            template[index * size + 0x18 : index * size + 0x1C] = number.to_bytes(4, "little")
        counted.buffer(bytes(template), 0, len(template), True)
    total = (count + 999) // 1000 * 1000
    assert len(counted.events) == MOST_EVENT_KINDS
    assert sum(count for _, _, count in counted.events) + counted.uncounted == total
    assert counted.uncounted == 500


RECORDS = (
    system(1),
    system(2, b"x" * 13, bits=32),
    message(3),
    perfinfo(-4, b"abc"),
    other(5, b"12345"),
    event(6, b"noise", event_id=3, provider=OURS),
    event(-7, b"other", provider=type(OURS)(int=5)),
    our_event(8, b"payload"),
    our_event(2**63 - 1, b""),
    event(-(2**63), b"y" * 30, items=((1, bytes(16)), (6, bytes(24)))),
)


@st.composite
def buffers(draw: st.DrawFn) -> bytes:
    """Records, some of their bytes changed."""
    records = draw(st.lists(st.sampled_from(RECORDS), max_size=12))
    data = bytearray(b"".join(each.ljust((len(each) + 7) // 8 * 8, b"\xff") for each in records))
    for _ in range(draw(st.integers(0, 3)) if data else 0):
        at = draw(st.integers(0, len(data) - 1))
        by = draw(st.binary(min_size=1, max_size=4))
        data[at : at + len(by)] = by
    return bytes(data + draw(st.binary(max_size=9)))


@pytest.mark.skipif(CompiledWalk is None, reason="the walk is not compiled here")
@given(st.lists(buffers(), max_size=4), st.booleans())
@settings(max_examples=500, deadline=None)
def test_both_walks_say_the_same(contents: list[bytes], is_exact: bool) -> None:
    compiled, reference = CompiledWalk(GUID), pure.Walk(GUID)
    for data in contents:
        start = min(len(data), 0)
        assert walked(compiled, data, start, is_exact) == walked(reference, data, start, is_exact)


@pytest.mark.skipif(CompiledWalk is None, reason="the walk is not compiled here")
def test_both_walks_take_any_bytes() -> None:
    chance = random.Random(7)
    for number in range(2000):
        data = bytearray(chance.randbytes(chance.randrange(300)))
        for at in range(3, len(data), 4):
            if chance.random() < 0.5:
                data[at] = chance.choice([0xC0, 0x90, 0xB0])
        view = memoryview(data) if number % 2 else data
        compiled = CompiledWalk(GUID).buffer(view, 0, len(data), True)
        assert compiled == pure.Walk(GUID).buffer(data, 0, len(data), True)


@pytest.mark.skipif(CompiledWalk is None, reason="the walk is not compiled here")
def test_a_walk_goes_away_with_its_memory() -> None:
    walk = CompiledWalk(GUID)
    walk.buffer(our_event(5, b"abc"), 0, 155, True)
    before = sys.getrefcount(walk)
    for _ in range(10):
        _ = walk.events, walk.records, walk.uncounted, walk.take_times()
        walk.buffer(our_event(5, b"abc"), 0, 155, True)
    assert sys.getrefcount(walk) == before
