"""Logs of sessions that are running: buffers come step by step, the header is not finished."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_etw import captures
from otel_etw.captures import Item, Notice
from tests.support.capture_files import damage, numbers, reasons, request
from tests.support.etl_files import EtlFile, EtlWriter
from tests.support.windows_compressors import xpress

SIZE = 0x2000


def now(following: Iterator[Item | None]) -> list[Item]:
    """What a follower gives until it has all there is."""
    return list(iter(following.__next__, None))


def notices(items: list[Item]) -> list[str]:
    return [item.text for item in items if isinstance(item, Notice)]


def log(count: int = 6, first: int = 0, **options: object) -> EtlFile:
    """A buffer for each event, of two processors in turn."""
    writer = EtlWriter(**{"unfinished": True, "buffer_size": SIZE, **options})  # type: ignore[arg-type]
    for number in range(first, first + count):
        payload = request(number).SerializeToString()
        writer.frame(writer.reference + number, payload, number % 2)
        writer.flush()
    return writer.file()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_a_running_session_is_followed_buffer_by_buffer(tmp_path: Path) -> None:
    path, whole = tmp_path / "m.etl", log()
    path.write_bytes(whole.data[:SIZE])
    following = captures.follow(path)
    (text,) = notices(now(following))
    assert text.startswith("its session had not ended")
    for number, offset in enumerate(whole.buffers[1:]):
        assert now(following) == []
        append(path, whole.data[offset : offset + SIZE])
        items = now(following)
        assert numbers(items) == [number]
        assert len(items) == 1


@pytest.mark.parametrize("cut", [1, 71, 72, 100, 500, SIZE - 1])
def test_a_buffer_that_is_not_all_there_waits_for_its_rest(tmp_path: Path, cut: int) -> None:
    path, whole = tmp_path / "m.etl", log()
    end = whole.buffers[3] + cut
    path.write_bytes(whole.data[:end])
    following = captures.follow(path)
    items = now(following)
    assert numbers(items) == [0, 1]
    assert damage(items) == []
    append(path, whole.data[end:])
    items = now(following)
    assert numbers(items) == [2, 3, 4, 5]
    assert damage(items) == []


def test_even_the_header_may_come_in_pieces(tmp_path: Path) -> None:
    path, whole = tmp_path / "m.etl", log(2)
    path.touch()
    following = captures.follow(path)
    got: list[Item] = []
    for start in range(0, len(whole.data), 50):
        append(path, whole.data[start : start + 50])
        got += now(following)
    assert numbers(got) == [0, 1]
    assert damage(got) == []


@pytest.mark.parametrize("room", [0, 40, SIZE, 3 << 20])
def test_zeros_of_a_file_that_was_made_longer_are_written_over(tmp_path: Path, room: int) -> None:
    path, whole = tmp_path / "m.etl", log()
    data = whole.data
    path.write_bytes(data[: 3 * SIZE].ljust(len(data) + room, b"\0"))
    following = captures.follow(path)
    assert numbers(now(following)) == [0, 1]
    assert now(following) == []
    for number in (2, 3, 4, 5):
        offset = whole.buffers[number + 1]
        overwrite(path, offset, data[offset : offset + SIZE])
        items = now(following)
        assert numbers(items) == [number]
        assert damage(items) == []
        assert now(following) == []
    # Stopped, the session gives back what it did not use.
    with path.open("r+b") as file:
        file.truncate(len(data))
    assert now(following) == []


def test_a_file_is_followed_whose_bytes_come_later_than_its_length(tmp_path: Path) -> None:
    path, whole = tmp_path / "m.etl", log(3)
    path.write_bytes(whole.data[: 2 * SIZE])
    following = captures.follow(path)
    assert numbers(now(following)) == [0]
    append(path, bytes(SIZE))
    assert now(following) == []
    overwrite(path, 2 * SIZE, whole.data[2 * SIZE : 3 * SIZE])
    assert numbers(now(following)) == [1]
    append(path, whole.data[3 * SIZE :])
    assert numbers(now(following)) == [2]


def test_a_buffer_that_was_never_written_is_damage_when_others_follow(tmp_path: Path) -> None:
    path, whole = tmp_path / "m.etl", log(4)
    data = bytearray(whole.data)
    data[2 * SIZE : 3 * SIZE] = bytes(SIZE)
    path.write_bytes(data[: 3 * SIZE])
    following = captures.follow(path)
    assert numbers(now(following)) == [0]
    append(path, bytes(data[3 * SIZE :]))
    items = now(following)
    assert numbers(items) == [2, 3]
    assert damage(items) == [(2 * SIZE, SIZE)]
    assert reasons(items) == ["zeros: what was never written"]


def test_a_compressed_buffer_does_not_wait_for_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "m.etl"
    whole = log(4, compress=xpress, mode=0x400_0001)
    path.write_bytes(whole.data[:SIZE])
    following = captures.follow(path)
    assert numbers(now(following)) == []
    ends = [*whole.buffers[2:], len(whole.data)]
    for number, (start, end) in enumerate(zip(whole.buffers[1:], ends, strict=True)):
        middle = (start + end) // 2
        append(path, whole.data[start:middle])
        assert now(following) == []
        append(path, whole.data[middle:end])
        assert numbers(now(following)) == [number]


def test_a_circular_file_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "m.etl"
    path.write_bytes(log(mode=0x2).data)
    following = captures.follow(path)
    running, circular = notices(now(following))
    assert running.startswith("its session had not ended")
    assert circular.startswith("it is circular: once it is full")
    assert now(following) == []
    path.write_bytes(log(mode=0x2, unfinished=False).data)
    assert notices(list(captures.open(path))) == []


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [("m_1.etl", "m_2.etl", "m_3.etl"), ("m_000009.etl", "m_000010.etl", "m_000011.etl")],
)
def test_a_session_is_followed_into_its_next_files(
    tmp_path: Path, first: str, second: str, third: str
) -> None:
    files = [log(3, first, mode=0x8).data for first in (0, 3, 6)]
    path = tmp_path / first
    path.write_bytes(files[0][: 3 * SIZE])
    following = captures.follow(path)
    assert numbers(now(following)) == [0, 1]
    append(path, files[0][3 * SIZE :])
    (tmp_path / second).write_bytes(files[1][: 2 * SIZE])
    assert numbers([*now(following), *now(following)]) == [2, 3]
    append(tmp_path / second, files[1][2 * SIZE :])
    (tmp_path / third).write_bytes(files[2])
    items = [*now(following), *now(following), *now(following)]
    assert numbers(items) == [4, 5, 6, 7, 8]
    assert damage(items) == []
    assert now(following) == []


def test_a_file_with_a_number_stands_alone_where_its_session_has_one_file(tmp_path: Path) -> None:
    path = tmp_path / "m_1.etl"
    path.write_bytes(log(1).data)
    (tmp_path / "m_2.etl").write_bytes(log(1, first=7).data)
    following = captures.follow(path)
    assert numbers(now(following)) == [0]
    assert now(following) == []
    append(path, log(2).data[2 * SIZE :])
    assert numbers(now(following)) == [1]


def test_a_log_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "m.etl"
    path.write_bytes(log(6).data)
    following = captures.follow(path)
    assert numbers(now(following)) == [0, 1, 2, 3, 4, 5]
    path.write_bytes(log(2, first=10).data)
    assert numbers([*now(following), *now(following)]) == [10, 11]


def test_what_was_lost_is_said_when_the_session_ends(tmp_path: Path) -> None:
    path = tmp_path / "m.etl"
    path.write_bytes(log(2).data)
    following = captures.follow(path)
    assert numbers(now(following)) == [0, 1]
    ended = log(3, unfinished=False, lost_events=41).data
    append(path, ended[3 * SIZE :])
    assert numbers(now(following)) == [2]
    overwrite(path, 0, ended[:SIZE])
    end, lost = notices(now(following))
    assert end == "its session has ended"
    assert lost.startswith("41 events were lost while it was recorded. Likely cause: its buffers")
    assert now(following) == []


def test_a_header_that_is_damaged_meanwhile_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.etl"
    path.write_bytes(log(1).data)
    following = captures.follow(path)
    assert numbers(now(following)) == [0]
    other = log(1, unfinished=False, start=5 * 10**16).data[:SIZE]
    for head in (bytes(SIZE), b"\xff" * SIZE, other, other[:200] + b"\xff" * 200):
        overwrite(path, 0, head)
        assert now(following) == []
