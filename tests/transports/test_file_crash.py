"""Writers killed amid their writes: each whole frame is read back, none damaged or glued."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from otel_etw.transports.file import FileTransport
from tests.support.otlp_files import batch, frame, from_json, identify, numbers, split_frames
from tests.support.processes import fork, spawn_writer, wait
from tests.support.systems import not_on_windows

KILLS = 200


def write_for_ever(path: Path, writer: int, acknowledged: int) -> None:
    chance = random.Random(writer)
    transport = FileTransport(path)
    number = 0
    while True:
        count = chance.randint(1, 6)
        filling = chance.choice((20, 2_000, 60_000))
        frames = [frame(writer, number + index, filling) for index in range(count)]
        delivery = transport.send(batch(*frames))
        if delivery.taken != count:
            raise AssertionError(delivery)
        number += count
        os.write(acknowledged, b"." * count)


def kill_writers(path: Path, kills: int) -> dict[int, int]:
    """Two writers at a time, each killed a random while after its first batch.

    Gives the number of frames that each was told were taken.
    """
    chance = random.Random(7)
    taken = {}
    for first in range(0, kills, 2):
        running = []
        for writer in (first, first + 1):
            read, write = os.pipe()
            child = fork(partial(write_for_ever, path, writer, write))
            os.close(write)
            running.append((writer, child, read))
        begun = {writer: os.read(read, 1) for writer, _, read in running}
        for writer, child, read in chance.sample(running, 2):
            time.sleep(chance.uniform(0, 0.003))
            os.kill(child, signal.SIGKILL)
            assert wait(child) == -signal.SIGKILL
            with os.fdopen(read, "rb") as acknowledged:
                taken[writer] = len(begun[writer] + acknowledged.read())
    return taken


def in_order_of_time(path: Path) -> Iterator[Path]:
    """The quarantined files, oldest first, and the file itself."""

    def age(file: Path) -> tuple[str, int]:
        found = re.fullmatch(r"m-([\dT.-]+)-torn(?:-(\d+))?\.\w+", file.name)
        assert found, file
        return found[1], int(found[2] or 1)

    yield from sorted((file for file in path.parent.iterdir() if file != path), key=age)
    yield path


def sequences(found: list[tuple[int, int]]) -> dict[int, list[int]]:
    by_writer = defaultdict(list)
    for writer, number in found:
        by_writer[writer].append(number)
    return by_writer


def check(found: list[tuple[int, int]], taken: dict[int, int]) -> None:
    """Each writer's frames are there from the first to the last it was told of, once, in order;
    after that at most those of the batch that the kill came into."""
    by_writer = sequences(found)
    assert by_writer.keys() == taken.keys()
    for writer, sequence in by_writer.items():
        assert sequence == list(range(len(sequence)))
        assert taken[writer] <= len(sequence) <= taken[writer] + 6


@not_on_windows("there is no fork")
def test_frames_of_killed_writers_are_all_read_back(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    taken = kill_writers(path, KILLS)
    FileTransport(path).send(batch(frame(KILLS, 0)))
    found, torn = [], 0
    for file in in_order_of_time(path):
        frames, rest = split_frames(file.read_bytes())
        found += numbers(frames)
        torn += bool(rest)
        assert not rest or file != path
    check(found, {**taken, KILLS: 1})
    assert len(taken) == KILLS
    print(f"{len(found)} frames, {torn} torn ends of {KILLS} kills")


@not_on_windows("there is no fork")
def test_lines_of_killed_writers_are_all_read_back(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    taken = kill_writers(path, 50)
    FileTransport(path).send(batch(frame(50, 0)))
    assert list(tmp_path.iterdir()) == [path]
    found, torn = [], 0
    for line in path.read_bytes().splitlines():
        if line.startswith(b'{"file":') or not line:
            continue
        try:
            found.append(identify(from_json(line)))
        except ValueError:
            torn += 1
    check(found, {**taken, 50: 1})
    assert torn <= 50
    print(f"{len(found)} lines, {torn} torn of 50 kills")


def test_frames_of_terminated_interpreters_are_all_read_back(tmp_path: Path) -> None:
    """The same by fresh interpreters, which exist on any system; few, since they start slowly."""
    path = tmp_path / "m.pb"
    chance = random.Random(11)
    cycle = 50
    taken = {}
    for writer in range(10):
        frames = [frame(writer, number, 30_000) for number in range(cycle)]
        with spawn_writer(path, frames, "endlessly") as process:
            assert process.stdout
            begun = process.stdout.read(1)
            time.sleep(chance.uniform(0, 0.003))
            process.kill()
            taken[writer] = len(begun + process.stdout.read())
    FileTransport(path).send(batch(frame(99, 0)))
    found = []
    for file in in_order_of_time(path):
        frames, rest = split_frames(file.read_bytes())
        found += numbers(frames)
        assert not rest or file != path
    by_writer = sequences(found)
    assert by_writer.pop(99) == [0]
    assert by_writer.keys() == taken.keys()
    for writer, sequence in by_writer.items():
        assert sequence == [number % cycle for number in range(len(sequence))]
        assert taken[writer] <= len(sequence) <= taken[writer] + 1
