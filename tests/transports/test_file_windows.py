"""What files are like on Windows: who has one open may keep others from opening or renaming it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otel_etw.captures.shared_files import open_shared
from otel_etw.transports import file_open
from otel_etw.transports import open as open_transport
from otel_etw.transports.file import FileTransport
from otel_etw.transports.file_lock import FileLock, Hold
from tests.support.otlp_files import batch, frame, numbers, read_frames, windows_error

windows = pytest.mark.skipif(sys.platform != "win32", reason="other systems share open files")


def rotated(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.stem}-*"))


def everything(path: Path) -> list[tuple[int, int]]:
    return [item for file in (*rotated(path), path) for item in numbers(read_frames(file))]


@windows
def test_what_a_reader_of_ours_has_open_is_rotated_and_pruned(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=1)
    transport.send(batch(frame(1, 0)))
    first = path.read_bytes()
    with open_shared(path) as reader:
        assert reader.read(4) == first[:4]
        for number in range(1, 4):
            assert transport.send(batch(frame(1, number))).losses == ()
        assert reader.read() == first[4:]
    assert everything(path) == [(1, 2), (1, 3)]


@windows
def test_what_another_reader_has_open_grows_until_it_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1)
    transport.send(batch(frame(1, 0)))
    with open(path, "rb"):
        for number in range(1, 3):
            assert transport.send(batch(frame(1, number))).losses == ()
        assert rotated(path) == []
    # Tried again after some batches, not at each one.
    while not rotated(path):
        number += 1
        assert number < 100
        transport.send(batch(frame(1, number)))
    assert everything(path) == [(1, each) for each in range(number + 1)]


@windows
def test_what_another_reader_has_open_is_removed_next_time(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=1)
    transport.send(batch(frame(1, 0), frame(1, 1)))
    (oldest,) = rotated(path)
    with open(oldest, "rb"):
        assert transport.send(batch(frame(1, 2))).losses == ()
        assert oldest in rotated(path)
    transport.send(batch(frame(1, 3)))
    assert everything(path) == [(1, 2), (1, 3)]


@windows
def test_a_locked_file_can_be_read(tmp_path: Path) -> None:
    """Locks are mandatory there, for the bytes that they cover."""
    path = tmp_path / "m.pb"
    FileTransport(path).send(batch(frame(1, 0)))
    fd = os.open(path, os.O_RDWR)
    try:
        lock = FileLock(fd)
        assert lock.take(0) is Hold.HELD
        assert os.lseek(fd, 0, os.SEEK_CUR) == 0
        assert numbers(read_frames(path)) == [(1, 0)]
        lock.release()
    finally:
        os.close(fd)


@windows
def test_a_path_with_a_drive_is_a_spec(tmp_path: Path) -> None:
    for path in (tmp_path / "a b.pb", Path((tmp_path / "c.pb").as_posix())):
        assert path.drive.endswith(":")
        transport = open_transport(f"file:{path}?max_bytes=1000")
        assert isinstance(transport, FileTransport)
        assert transport.send(batch(frame(1, 0))).losses == ()
        assert numbers(read_frames(path)) == [(1, 0)]


@windows
def test_a_drive_that_is_not_there() -> None:
    drive = next(drive for letter in "QRSTUVWXY" if not Path(drive := f"{letter}:\\").exists())
    (loss,) = FileTransport(rf"{drive}metrics\m.pb").send(batch(frame(1, 0))).losses
    assert loss.reason == "no_folder"


def test_no_newline_is_translated(tmp_path: Path) -> None:
    path, lines = tmp_path / "m.pb", tmp_path / "m.jsonl"
    content = frame(1, 10)  # a newline itself, and begins with one
    FileTransport(path).send(batch(content))
    assert path.read_bytes() == len(content).to_bytes(4, "big") + content
    FileTransport(lines).send(batch(content))
    assert lines.read_bytes().count(b"\n") == 2
    assert b"\r" not in lines.read_bytes()


def test_writers_that_rotate_lose_nothing_while_others_open(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"

    def send(writer: int) -> None:
        transport = FileTransport(path, max_bytes=200, backups=100_000)
        for number in range(100):
            assert transport.send(batch(frame(writer, number))).losses == ()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, range(6)))
    assert Counter(everything(path)) == Counter((w, n) for w in range(6) for n in range(100))


@pytest.mark.parametrize("number", [5, 32])
@pytest.mark.parametrize("times", [3, 1_000])
def test_a_file_that_can_t_be_opened_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, times: int
) -> None:
    append_to = file_open._append_to
    tries = []

    def scanned(fds: list[int], path: str) -> None:
        tries.append(path)
        if len(tries) <= times:
            raise windows_error(number)
        append_to(fds, path)

    with monkeypatch.context() as patched:
        patched.setattr(file_open, "_append_to", scanned)
        losses = FileTransport(tmp_path / "m.pb").send(batch(frame(1, 0))).losses
    if times == 3:
        assert losses == ()
        assert len(tries) == 4
    else:
        reason = "in_use" if number == 32 else "permission_denied"
        assert [loss.reason for loss in losses] == [reason]
        assert 4 < len(tries) < 100


@windows
def test_a_file_that_another_program_does_not_share_is_in_use(tmp_path: Path) -> None:
    import _winapi

    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    handle = _winapi.CreateFile(str(path), _winapi.GENERIC_READ, 0, 0, 3, 0, 0)
    try:
        (loss,) = transport.send(batch(frame(1, 1))).losses
    finally:
        _winapi.CloseHandle(handle)
    assert loss.reason == "in_use"
    assert "another program has it open and does not share it" in loss.detail
    assert transport.send(batch(frame(1, 2))).losses == ()
    assert numbers(read_frames(path)) == [(1, 0), (1, 2)]
