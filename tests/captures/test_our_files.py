"""Files of our own file transport: read back, followed over a rotation, torn by a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_etw import captures
from otel_etw.captures import Item
from otel_etw.encoding.frames import Frames
from otel_etw.transports.file import FileTransport

from .material import damage, numbers, request

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


@both_forms
def test_following_goes_through_the_transports_rotation(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    transport = FileTransport(path, max_bytes=5000, backups=50)
    transport.send(batch(0))
    following = captures.follow(path)
    read = []
    for number in range(1, 40):
        transport.send(batch(number))
        # Two looks notice the rotation and see the old file silent.
        for _ in range(3):
            for item in following:
                if item is None:
                    break
                read.append(item)
    assert numbers(read) == list(range(40))
    assert damage(read) == []
    assert len(list(tmp_path.iterdir())) > 2
