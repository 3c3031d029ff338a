"""Threads, forked children and other processes share one file: nothing lost, nothing glued."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from otel_etw.transports import file_append
from otel_etw.transports.file import FileTransport
from otel_etw.transports.locks import FileLock, Hold
from tests.systems import not_on_windows
from tests.transports.otlp_files import batch, frame, identify, numbers, read_frames, read_lines
from tests.transports.processes import fork, in_child, spawn_writer, wait


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
        two.give_back()
        assert two.take(0) is Hold.BUSY
        one.give_back()
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
        self.lock.give_back()
        os.close(self.fd)


@not_on_windows("nobody writes without the lock")
def test_without_the_lock_frames_are_appended_and_nothing_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1)
    transport.send(batch(frame(1, 0)))
    with Stuck(path):
        assert transport.send(batch(frame(1, 1), frame(1, 2))).losses == ()
    assert list(tmp_path.iterdir()) == [path]
    assert numbers(read_frames(path)) == [(1, 0), (1, 1), (1, 2)]
    transport.send(batch(frame(1, 3)))
    assert len(list(tmp_path.iterdir())) == 2


def test_without_the_lock_nothing_is_glued_to_a_torn_frame(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    torn = path.read_bytes() + b"\0\0\1"
    path.write_bytes(torn)
    with Stuck(path):
        (loss,) = transport.send(batch(frame(1, 1))).losses
        assert loss.reason == "locked"
        assert path.read_bytes() == torn
    assert transport.send(batch(frame(1, 2))).taken == 1
    assert numbers(read_frames(path)) == [(1, 2)]


@not_on_windows("nobody writes without the lock")
def test_without_the_lock_a_line_begins_with_its_own_newline(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    with Stuck(path):
        transport.send(batch(frame(1, 1)))
    assert path.read_bytes().count(b"\n\n") == 1
    assert [identify(request)[1] for request in read_lines(path)] == [0, 1]


@not_on_windows("nobody writes without the lock")
def test_two_who_begin_a_file_at_once_are_both_read(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.touch()
    with Stuck(path):
        FileTransport(path).send(batch(frame(1, 0)))
    FileTransport(path).send(batch(frame(2, 0)))
    with Stuck(path):
        FileTransport(path).send(batch(frame(1, 1)))
    assert [identify(request) for request in read_lines(path)] == [(1, 0), (2, 0), (1, 1)]


@not_on_windows("there is no fork")
@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
def test_processes_that_hardly_ever_get_the_lock_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(file_append, "_SHORT", 0)
    path = tmp_path / name
    children = [fork(partial(write, path, writer, 200, 10_000)) for writer in range(4)]
    assert [wait(child) for child in children] == [0] * 4
    assert Counter(everything(tmp_path)) == all_of(4, 200)


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


def test_a_file_that_another_sets_aside_first_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1)
    transport.send(batch(frame(1, 0)))
    rename = Path.rename

    def overtaken(self: Path, target: Path) -> Path:
        rename(self, tmp_path / "quicker.pb")
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", overtaken)
        assert transport.send(batch(frame(1, 1))).losses == ()
    assert numbers(read_frames(path)) == [(1, 1)]
    assert numbers(read_frames(tmp_path / "quicker.pb")) == [(1, 0)]


class TestTheWayOfWindows:
    """What differs there, on any system: a file is closed before it is renamed, may be held open
    by a reader, and is not written to without its lock."""

    @pytest.fixture(autouse=True)
    def windows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setattr(file_append, "_LONG", 0.1)

    def test_a_file_is_rotated(self, tmp_path: Path) -> None:
        write(tmp_path / "m.pb", 0, 20, 1)
        assert Counter(everything(tmp_path)) == all_of(1, 20)
        assert len(list(tmp_path.iterdir())) == 20

    def test_a_torn_file_is_set_aside(self, tmp_path: Path) -> None:
        path = tmp_path / "m.pb"
        path.write_bytes(b"\0")
        write(path, 0, 2, None)
        assert numbers(read_frames(path)) == [(0, 0), (0, 1)]

    def test_a_file_open_elsewhere_for_a_moment_is_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "m.pb"
        path.write_bytes(b"\0")
        rename = Path.rename
        tries = []

        def held_open(self: Path, target: Path) -> Path:
            tries.append(target)
            if len(tries) < 3:
                raise PermissionError(13, "a reader has it open")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", held_open)
        write(path, 0, 2, None)
        assert len(tries) == 3
        assert numbers(read_frames(path)) == [(0, 0), (0, 1)]

    def test_without_the_lock_frames_are_lost(self, tmp_path: Path) -> None:
        path = tmp_path / "m.pb"
        write(path, 0, 2, None)
        with Stuck(path):
            (loss,) = FileTransport(path).send(batch(frame(0, 2))).losses
        assert (loss.reason, loss.frames) == ("locked", 1)
        assert numbers(read_frames(path)) == [(0, 0), (0, 1)]
