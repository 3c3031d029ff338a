"""Files of our own file transport: read back, followed over a rotation, torn by a crash."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_etw import captures
from otel_etw.captures import Item
from otel_etw.captures.rotated_files import rotated_files
from otel_etw.encoding.frames import Frames
from otel_etw.transports.file import FileTransport
from tests.support.capture_files import damage, numbers, reasons, request

both_forms = pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])


def batch(*values: int) -> Frames:
    return Frames([request(n, 200).SerializeToString() for n in values], [1] * len(values))


@both_forms
def test_what_the_transport_writes_is_read_back(tmp_path: Path, name: str) -> None:
    with FileTransport(tmp_path / name) as transport:
        assert transport.send(batch(1, 2)).taken == 2
        assert transport.send(batch(3)).taken == 1
    items = list(captures.open(tmp_path / name))
    assert numbers(items) == [1, 2, 3]
    assert len(items) == 3, "the first line of a JSON file is no item"


@both_forms
@pytest.mark.parametrize("cut", [1, 3, 50, 200])
def test_after_a_crash_all_but_the_torn_frame_is_read(tmp_path: Path, name: str, cut: int) -> None:
    path = tmp_path / name
    with FileTransport(path) as transport:
        transport.send(batch(1, 2))
    path.write_bytes(path.read_bytes()[:-cut])
    with FileTransport(path) as transport:
        transport.send(batch(3, 4))
    items: list[Item] = []
    for file in sorted(tmp_path.iterdir(), key=lambda file: file == path):
        items += captures.open(file)
    # A JSON line that lacks nothing but its newline is whole.
    whole = [1, 2, 3, 4] if cut == 1 and name == "m.jsonl" else [1, 3, 4]
    assert numbers(items) == whole
    assert len(damage(items)) == (len(whole) < 4)


def looks(following: Iterator[Item | None], count: int) -> list[Item]:
    """What so many looks give."""
    return [item for _ in range(count) for item in iter(following.__next__, None)]


@both_forms
@pytest.mark.parametrize("between", [1, 5, 40])
def test_following_goes_through_the_transports_rotation(
    tmp_path: Path, name: str, between: int
) -> None:
    """However often the file rotates between two looks."""
    path = tmp_path / name
    transport = FileTransport(path, max_bytes=5000, backups=500)
    transport.send(batch(0))
    following = captures.follow(path)
    read = looks(following, 1)
    for number in range(1, 200):
        transport.send(batch(number))
        if number % between == 0:
            read += looks(following, 1)
    read += looks(following, 6)
    assert numbers(read) == list(range(200))
    assert damage(read) == []
    assert len(list(tmp_path.iterdir())) > 2


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is not removed there")
def test_following_says_when_files_were_removed_before_they_were_read(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=5000, backups=2)
    transport.send(batch(0))
    following = captures.follow(path)
    read = looks(following, 1)
    for number in range(1, 200):
        transport.send(batch(number))
    read += looks(following, 6)
    assert numbers(read)[-1] == 199
    assert len(numbers(read)) < 200
    (reason,) = reasons(read)
    assert "the file was removed, and with it perhaps others" in reason


def test_rotated_files_come_in_the_order_of_their_rotation(tmp_path: Path) -> None:
    stamp = "2026-11-25T01-42-42.123"
    names = [
        "m-2026-11-24T23-59-59.999-torn.pb",
        f"m-{stamp}.pb",
        f"m-{stamp}-size-2.pb",
        f"m-{stamp}-torn-9.pb",
        f"m-{stamp}-size-10.pb",
        "m-2026-11-25T01-42-42.124-size.pb",
    ]
    others = ["m.pb", f"m-{stamp}-size.jsonl", f"n-{stamp}-size.pb", "m-old.pb", f"m-{stamp}x.pb"]
    for name in [*reversed(names), *others]:
        (tmp_path / name).touch()
    assert [file.name for file in rotated_files(tmp_path / "m.pb")] == names
