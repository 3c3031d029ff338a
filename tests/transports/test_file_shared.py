"""Threads, forked children and other processes share one file: nothing lost, nothing glued."""

from __future__ import annotations

import errno
import os
import threading
from ast import literal_eval
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Literal

import pytest

from otel_etw.transports import file_append, file_lock
from otel_etw.transports.file import FileTransport
from otel_etw.transports.file_lock import FileLock, Hold
from otel_etw.transports.file_rotation import Backups
from tests.support.otlp_files import (
    batch,
    frame,
    identify,
    numbers,
    read_frames,
    read_lines,
    split_frames,
    windows_error,
)
from tests.support.processes import fork, in_child, spawn_writer, wait
from tests.support.systems import not_on_windows


def everything(folder: Path) -> list[tuple[int, int]]:
    found = []
    for file in folder.iterdir():
        if file.suffix == ".jsonl":
            found += [identify(request) for request in read_lines(file)]
        else:
            found += numbers(read_frames(file))
    return found


def write(path: Path, writer: int, count: int, max_bytes: int | None, filling: int = 100) -> None:
    transport = FileTransport(path, max_bytes=max_bytes, backups=100_000)
    for number in range(0, count, 2):
        delivery = transport.send(
            batch(frame(writer, number, filling), frame(writer, number + 1, filling))
        )
        assert delivery.taken == 2, delivery


def all_of(writers: int, count: int) -> Counter[tuple[int, int]]:
    return Counter((writer, number) for writer in range(writers) for number in range(count))


@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
@pytest.mark.parametrize("max_bytes", [None, 10_000])
@pytest.mark.parametrize("shared", [True, False], ids=["one transport", "eight transports"])
def test_threads_share_a_file(
    tmp_path: Path, name: str, max_bytes: int | None, shared: bool
) -> None:
    path = tmp_path / name
    one = FileTransport(path, max_bytes=max_bytes, backups=100_000)

    def send(writer: int) -> None:
        if not shared:
            return write(path, writer, 100, max_bytes)
        for number in range(100):
            assert one.send(batch(frame(writer, number))).taken == 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    assert Counter(everything(tmp_path)) == all_of(8, 100)


@not_on_windows("there is no fork")
@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
@pytest.mark.parametrize("max_bytes", [None, 10_000])
def test_processes_share_a_file(tmp_path: Path, name: str, max_bytes: int | None) -> None:
    path = tmp_path / name
    children = [fork(partial(write, path, writer, 300, max_bytes)) for writer in range(4)]
    assert [wait(child) for child in children] == [0] * 4
    assert Counter(everything(tmp_path)) == all_of(4, 300)
    files = list(tmp_path.iterdir())
    assert (len(files) > 1) is (max_bytes is not None)
    assert not list(tmp_path.glob("*torn*"))


def test_fresh_interpreters_share_a_file_on_any_system(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    running = [
        spawn_writer(path, [frame(writer, number, 500_000) for number in range(20)], "once")
        for writer in range(3)
    ]
    assert [process.communicate()[0] for process in running] == [b"." * 20] * 3
    assert [process.returncode for process in running] == [0] * 3
    assert Counter(everything(tmp_path)) == all_of(3, 20)


@not_on_windows("there is no fork")
def test_parent_and_child_go_on_with_the_same_transport(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(0, 0)))

    def send() -> None:
        assert transport.send(batch(frame(1, 0), frame(1, 1))).taken == 2

    in_child(send)
    transport.send(batch(frame(0, 1)))
    assert numbers(read_frames(path)) == [(0, 0), (1, 0), (1, 1), (0, 1)]


@not_on_windows("there is no fork")
def test_a_child_forked_amid_another_thread_s_write_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=100)
    inside, go_on = threading.Event(), threading.Event()
    system_write = os.write
    parent = os.getpid()

    def slow(fd: int, data: bytes) -> int:
        if os.getpid() == parent:
            inside.set()
            assert go_on.wait(60)
        return system_write(fd, data)

    monkeypatch.setattr(os, "write", slow)
    thread = threading.Thread(target=transport.send, args=(batch(frame(0, 0)),))
    thread.start()
    assert inside.wait(60)
    # The child has the file that the parent's thread has locked open too, and lives on.
    release, held = os.pipe()
    child = fork(partial(_send_then_wait, transport, release, held))
    os.close(release)
    go_on.set()
    thread.join(60)
    assert transport.send(batch(frame(0, 1), frame(0, 2))).taken == 2
    os.close(held)
    assert wait(child) == 0
    assert Counter(everything(tmp_path)) == Counter([(0, 0), (0, 1), (0, 2), (1, 0)])
    # Rotation needs the lock: had it stayed with the child, all would be in one file.
    assert len(list(tmp_path.iterdir())) >= 3


def _send_then_wait(transport: FileTransport, release: int, held: int) -> None:
    os.close(held)
    delivery = transport.send(batch(frame(1, 0)))
    assert delivery.taken == 1, delivery
    os.read(release, 1)


def test_who_has_the_lock_keeps_others_out_until_it_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.touch()
    first, second = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    try:
        one, two = FileLock(first), FileLock(second)
        assert one.take(0) is Hold.HELD
        assert two.take(0) is Hold.BUSY
        two.release()
        assert two.take(0) is Hold.BUSY
        one.release()
        assert two.take(0) is Hold.HELD
    finally:
        os.close(first)
        os.close(second)


class Stuck:
    """Another process that has the lock of a file and does not give it back."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR)
        self.lock = FileLock(self.fd)

    def __enter__(self) -> None:
        assert self.lock.take(0) is Hold.HELD

    def __exit__(self, *_: object) -> None:
        self.lock.release()
        os.close(self.fd)


@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
def test_without_the_lock_nothing_is_written_and_the_batch_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A writer that went without it could not know what it writes behind."""
    monkeypatch.setattr(file_append, "_PATIENCE", 0.1)
    path = tmp_path / name
    transport = FileTransport(path, max_bytes=1)
    transport.send(batch(frame(1, 0)))
    content = path.read_bytes()
    with Stuck(path):
        (loss,) = FileTransport(path, max_bytes=1).send(batch(frame(1, 1), frame(1, 2))).losses
    assert (loss.reason, loss.frames) == ("locked", 2)
    assert str(path) in loss.detail
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
    assert transport.send(batch(frame(1, 3))).losses == ()


def test_who_waited_in_vain_waits_shortly_until_the_lock_is_had_again(tmp_path: Path) -> None:
    """An export of many batches must not wait a second for each."""
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))

    def waited() -> float:
        begun = perf_counter()
        with Stuck(path):
            assert [loss.reason for loss in transport.send(batch(frame(1, 1))).losses] == ["locked"]
        return perf_counter() - begun

    for _ in range(2):
        assert 0.9 < waited() < 5
        assert sum(waited() for _ in range(5)) < 0.9
        assert transport.send(batch(frame(1, 2))).losses == ()


def test_a_clock_that_stands_still_ends_no_wait_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a test of the application with freezegun, which finds clocks by what they are."""
    monkeypatch.setattr(file_lock, "_monotonic", lambda: 7.0)
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    with Stuck(path):
        assert [loss.reason for loss in transport.send(batch(frame(1, 1))).losses] == ["locked"]


def test_a_torn_frame_written_between_look_and_write_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a writer that does not keep to the lock. Who reads by the lengths finds every frame that
    was said to be taken."""
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    write = os.write
    foreign = len(frame(9, 0)).to_bytes(4, "big") + frame(9, 0)

    def preceded(torn: bytes) -> Callable[[int, bytes], int]:
        def write_behind(fd: int, data: bytes) -> int:
            with path.open("ab", buffering=0) as other:
                other.write(torn)
            return write(fd, data)

        return write_behind

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", preceded(foreign))
        assert transport.send(batch(frame(1, 1))).losses == ()
        patched.setattr(os, "write", preceded(foreign[:-3]))
        (loss,) = transport.send(batch(frame(1, 2), frame(1, 3))).losses
    assert (loss.reason, loss.frames) == ("behind_torn_frame", 2)
    assert transport.send(batch(frame(1, 4))).losses == ()
    assert numbers(read_frames(path)) == [(1, 4)]
    (torn,) = tmp_path.glob("m-*-torn.pb")
    assert numbers(split_frames(torn.read_bytes())[0][:3]) == [(1, 0), (9, 0), (1, 1)]


def test_a_short_write_behind_a_torn_frame_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    write = os.write

    def short(fd: int, data: bytes) -> int:
        with path.open("ab", buffering=0) as other:
            other.write(b"\0\0")
        return write(fd, data[: len(data) - 1])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", short)
        (loss,) = transport.send(batch(frame(1, 1), frame(1, 2))).losses
    assert (loss.reason, loss.frames) == ("behind_torn_frame", 2)


@not_on_windows("there is no fork")
@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
def test_processes_that_hardly_ever_get_the_lock_count_what_they_lose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(file_append, "_PATIENCE", 0)
    monkeypatch.setattr(file_append, "_SHORT_PATIENCE", 0)
    path = tmp_path / name

    def write_some(writer: int) -> None:
        transport = FileTransport(path, max_bytes=10_000, backups=100_000)
        taken = []
        for number in range(0, 200, 2):
            delivery = transport.send(batch(frame(writer, number), frame(writer, number + 1)))
            assert {loss.reason for loss in delivery.losses} <= {"locked"}
            taken += [number, number + 1][: delivery.taken]
        (tmp_path / f"{writer}.taken").write_text(repr(taken))

    children = [fork(partial(write_some, writer)) for writer in range(4)]
    assert [wait(child) for child in children] == [0] * 4
    taken = []
    for writer in range(4):
        told = tmp_path / f"{writer}.taken"
        taken += [(writer, number) for number in literal_eval(told.read_text())]
        told.unlink()
    assert Counter(everything(tmp_path)) == Counter(taken)


def test_a_file_system_without_locks_rotates_and_mends_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(lock: FileLock) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "_lock", unsupported)
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=100)
    transport.send(batch(frame(1, 0)))
    transport.send(batch(frame(1, 1)))
    path.write_bytes(path.read_bytes() + b"\0\0")
    transport.send(batch(frame(1, 2)))
    assert numbers(read_frames(path)) == [(1, 2)]
    assert len(list(tmp_path.glob("m-*-size*.pb"))) == 1
    assert len(list(tmp_path.glob("m-*-torn*.pb"))) == 1


class Overtaken(Backups):
    """Between the look at a file and its renaming, a program that does not keep to the lock renames
    it and begins a new one."""

    def next(self, why: Literal["size", "torn"]) -> str:
        path = Path(self.path)
        path.rename(path.with_name("quicker.pb"))
        FileTransport(path).send(batch(frame(2, 0)))
        return super().next(why)


@pytest.mark.parametrize("end", [b"", b"\0\0"], ids=["full", "torn"])
def test_a_file_that_another_rotates_first_is_not_rotated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=3 * (4 + len(frame(1, 0))))
    transport.send(batch(frame(1, 0), frame(1, 1), frame(1, 2)))
    path.write_bytes(path.read_bytes() + end)
    with monkeypatch.context() as patched:
        patched.setattr(file_append, "Backups", Overtaken)
        assert transport.send(batch(frame(1, 3))).losses == ()
    assert numbers(read_frames(path)) == [(2, 0), (1, 3)]
    assert {file.name for file in tmp_path.iterdir()} == {"m.pb", "quicker.pb"}


@pytest.mark.parametrize("end", [b"", b"\0\0"], ids=["full", "torn"])
def test_the_lock_is_held_across_the_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    """On every system: who closes the file first rotates the fresh one of somebody quicker."""
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1)
    transport.send(batch(frame(1, 0)))
    path.write_bytes(path.read_bytes() + end)
    rename = os.rename
    answers = []

    def asked(source: str, target: str) -> None:
        fd = os.open(source, os.O_RDWR)
        try:
            answers.append(FileLock(fd).take(0))
        finally:
            os.close(fd)
        rename(source, target)

    monkeypatch.setattr(os, "rename", asked)
    assert transport.send(batch(frame(1, 1))).losses == ()
    assert answers == [Hold.BUSY]
    assert len(list(tmp_path.iterdir())) == 2


def full(path: Path, max_bytes: int, size: int) -> None:
    """No file was rotated that had room for another frame."""
    rotated = [file for file in path.parent.iterdir() if file != path]
    assert len(rotated) > 3
    assert [
        file for file in rotated if not max_bytes - size < file.stat().st_size <= max_bytes
    ] == []


def test_fresh_interpreters_that_rotate_never_rotate_a_fresh_file(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    frames = {
        writer: [frame(writer, number, 1_000) for number in range(100, 200)] for writer in range(3)
    }
    running = [spawn_writer(path, frames[writer], "once", 5_000) for writer in range(3)]
    assert [process.communicate()[0] for process in running] == [b"." * 100] * 3
    assert [process.returncode for process in running] == [0] * 3
    assert Counter(everything(tmp_path)) == Counter(
        (writer, number) for writer in range(3) for number in range(100, 200)
    )
    full(path, 5_000, 4 + max(len(each) for some in frames.values() for each in some))


def test_a_file_in_use_for_a_moment_is_renamed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a virus scanner may have it open: the error says so by a number of Windows'."""
    path = tmp_path / "m.pb"
    path.write_bytes(b"\0")
    rename = os.rename
    tries = []

    def held_open(source: str, target: str) -> None:
        tries.append(target)
        if len(tries) < 3:
            raise windows_error(32)
        rename(source, target)

    monkeypatch.setattr(os, "rename", held_open)
    write(path, 0, 2, None)
    assert len(tries) == 3
    assert numbers(read_frames(path)) == [(0, 0), (0, 1)]
