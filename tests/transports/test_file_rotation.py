"""Rotation: no file beyond max_bytes, the Collector's names, a number of backups, nothing lost."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from otel_etw.transports import file, file_rotation
from otel_etw.transports.base import Delivery
from otel_etw.transports.file import FileTransport
from tests.support.otlp_files import batch, frame, identify, numbers, read_frames, read_lines
from tests.support.processes import in_child
from tests.support.systems import is_wine, not_on_windows

STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}"


def order(path: Path) -> tuple[str, int]:
    """What sorts backups by age."""
    found = re.fullmatch(rf"m-({STAMP})-(?:size|torn)(?:-(\d+))?(?:\.\w+)?", path.name)
    assert found, path.name
    return found[1], int(found[2] or 1)


def backups_of(path: Path) -> list[Path]:
    return sorted((file for file in path.parent.iterdir() if file != path), key=order)


def everything(path: Path) -> list[tuple[int, int]]:
    return numbers(item for file in [*backups_of(path), path] for item in read_frames(file))


def send(transport: FileTransport, *sent: int, filling: int = 20) -> Delivery:
    return transport.send(batch(*(frame(1, number, filling) for number in sent)))


SIZE = 4 + len(frame(1, 1))


class Clock:
    """Stands in for the class ``datetime``."""

    def __init__(self, now_is: datetime) -> None:
        self.now_is = now_is

    def now(self, tz: tzinfo) -> datetime:
        return self.now_is.replace(tzinfo=tz)


def test_a_file_is_filled_to_the_byte_and_not_beyond(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=3 * SIZE)
    for number in range(1, 4):
        send(transport, number)
    assert (path.stat().st_size, backups_of(path)) == (3 * SIZE, [])
    send(transport, 4)
    assert [file.stat().st_size for file in backups_of(path)] == [3 * SIZE]
    assert everything(path) == [(1, number) for number in range(1, 5)]


def test_one_byte_less_room_takes_one_frame_less(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=3 * SIZE - 1)
    for number in range(1, 4):
        send(transport, number)
    assert [file.stat().st_size for file in backups_of(path)] == [2 * SIZE]
    assert everything(path) == [(1, 1), (1, 2), (1, 3)]


def test_the_name_is_the_collector_s(tmp_path: Path) -> None:
    before = datetime.now(timezone.utc) - timedelta(milliseconds=1)
    for name, pattern in [
        ("m.pb", rf"m-({STAMP})-size\.pb"),
        ("m", rf"m-({STAMP})-size"),
        ("m.tar.jsonl", rf"m\.tar-({STAMP})-size\.jsonl"),
    ]:
        path = tmp_path / name / name
        transport = FileTransport(path, format="proto", max_bytes=1)
        send(transport, 1)
        send(transport, 2)
        (rotated,) = (file.name for file in path.parent.iterdir() if file != path)
        found = re.fullmatch(pattern, rotated)
        assert found, rotated
        stamp = datetime.strptime(found[1] + "+0000", "%Y-%m-%dT%H-%M-%S.%f%z")
        assert before <= stamp <= datetime.now(timezone.utc)


def test_a_batch_that_fits_is_kept_together(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=3 * SIZE)
    send(transport, 1, 2)
    send(transport, 3, 4)
    assert [len(read_frames(file)) for file in [*backups_of(path), path]] == [2, 2]


def test_a_batch_beyond_the_size_is_divided_by_frames(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=3 * SIZE, backups=100)
    assert send(transport, *range(1, 9)).taken == 8
    assert [len(read_frames(file)) for file in [*backups_of(path), path]] == [3, 3, 2]
    assert everything(path) == [(1, number) for number in range(1, 9)]


def test_only_a_frame_beyond_the_size_makes_a_file_beyond_it(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=2 * SIZE)
    frames = [frame(1, 1), frame(1, 2, 500), frame(1, 3)]
    transport.send(batch(*frames))
    sizes = [file.stat().st_size for file in [*backups_of(path), path]]
    assert sizes == [4 + len(item) for item in frames]


def test_the_newest_backups_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=3)
    for number in range(20):  # several within a millisecond: names need their counter
        send(transport, number)
    assert everything(path) == [(1, number) for number in (16, 17, 18, 19)]


def test_files_rotated_within_a_millisecond_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_rotation, "datetime", Clock(datetime(2026, 1, 2, 3, 4, 5, 6_000)))
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=2)
    for number in range(4):
        send(transport, number)
    path.write_bytes(path.read_bytes() + b"\0\0")
    send(transport, 4)
    names = [file.name for file in backups_of(path)]
    assert names == [f"m-2026-01-02T03-04-05.006-{end}.pb" for end in ("size-3", "torn-4")]
    assert numbers(read_frames(path)) == [(1, 4)]


def test_the_newest_backups_are_kept_when_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names stay in order: what would be named before the last one is named right behind it."""
    clock = Clock(datetime(2026, 1, 2, 3, 4, 5, 6_000))
    monkeypatch.setattr(file_rotation, "datetime", clock)
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=4)
    for number in range(12):
        if number == 6:
            clock.now_is -= timedelta(hours=1)
        clock.now_is += timedelta(milliseconds=1)
        send(transport, number)
    assert everything(path) == [(1, number) for number in range(7, 12)]
    latest = "m-2026-01-02T03-04-05.012-size"
    assert [file.name for file in backups_of(path)] == [f"{latest}-{n}.pb" for n in (4, 5, 6, 7)]
    clock.now_is += timedelta(hours=1)
    send(transport, 12)
    assert backups_of(path)[-1].name == "m-2026-01-02T03-04-05.018-size.pb"
    assert everything(path) == [(1, number) for number in range(8, 13)]


def test_a_torn_file_is_the_newest_backup_when_the_clock_is_set_back(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    future = tmp_path / "m-2999-01-01T00-00-00.000-size.pb"
    future.touch()
    transport = FileTransport(path, max_bytes=1_000, backups=1)
    send(transport, 1)
    path.write_bytes(path.read_bytes() + b"\0\0")
    send(transport, 2)
    assert [file.name for file in backups_of(path)] == ["m-2999-01-01T00-00-00.000-torn-2.pb"]


def test_no_backups_leave_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=0)
    for number in range(3):
        send(transport, number)
    assert list(tmp_path.iterdir()) == [path]
    assert everything(path) == [(1, 2)]


def test_only_files_of_the_own_pattern_are_removed(tmp_path: Path) -> None:
    stamp = "2020-01-01T00-00-00.000"
    others = {
        f"n-{stamp}-size.pb", f"m-{stamp}-size.jsonl", f"m-{stamp}.pb", "m-old-size.pb",
        f"m-{stamp}-size.pb.gz", f"mm-{stamp}-size.pb",
    }  # fmt: skip
    ours = {f"m-{stamp}-size.pb", f"m-{stamp}-torn.pb", f"m-{stamp}-size-2.pb"}
    for name in others | ours:
        (tmp_path / name).touch()
    transport = FileTransport(tmp_path / "m.pb", max_bytes=1, backups=0)
    send(transport, 1)
    send(transport, 2)
    assert {file.name for file in tmp_path.iterdir()} == others | {"m.pb"}


def test_without_rotation_nothing_is_ever_rotated_or_removed(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    old = tmp_path / "m-2020-01-01T00-00-00.000-size.pb"
    old.touch()
    transport = FileTransport(path, backups=0)
    for number in range(50):
        send(transport, number)
    path.write_bytes(path.read_bytes() + b"\0\0")  # torn: quarantined, and kept
    send(transport, 50)
    (torn,) = tmp_path.glob("m-*-torn.pb")
    assert set(tmp_path.iterdir()) == {path, old, torn}


def test_lines_rotate_with_a_first_line_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    transport = FileTransport(path, max_bytes=1_000, backups=100)
    assert send(transport, *range(7)).taken == 7
    send(transport, 7)
    files = [*backups_of(path), path]
    assert len(files) > 2
    assert all(file.stat().st_size <= 1_000 for file in files)
    assert [identify(item)[1] for file in files for item in read_lines(file)] == list(range(8))
    assert len({file.read_bytes()[:60] for file in files}) == len(files)


def test_a_file_that_can_t_be_renamed_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=SIZE)
    send(transport, 1)

    def held_open(source: str, target: str) -> None:
        raise PermissionError(13, "a reader has it open")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", held_open)
        delivery = send(transport, 2, 3)
    assert (delivery.taken, delivery.losses) == (2, ())
    assert numbers(read_frames(path)) == [(1, 1), (1, 2), (1, 3)]
    # Tried again after some batches, not at each one: it is done under the file's lock.
    batches = 0
    while not backups_of(path):
        send(transport, batches := batches + 1)
    assert [len(read_frames(file)) for file in [*backups_of(path), path]] == [2 + batches, 1]
    assert 10 < batches < 100


def test_a_rotation_that_fails_is_logged_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(file, "_monotonic", lambda: now[0])
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=SIZE)

    attempts = 0

    def refuse(source: str, target: str) -> None:
        nonlocal attempts
        attempts += 1
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        for number in range(100):
            assert send(transport, number).losses == ()
        assert len(caplog.messages) == 1
        now[0] += 61
        for number in range(100):
            send(transport, number)
    assert len(caplog.messages) == 2
    assert attempts < 20
    assert caplog.records[0].name == "otel_etw"
    assert caplog.messages[0].startswith(
        f"otel-etw: {path}: grows beyond max_bytes={SIZE}, for it can't be renamed: "
        "the file system is read-only (Read-only file system)"
    )


@not_on_windows("modes close no folder")
@pytest.mark.parametrize("mode", [0o555, 0o333], ids=["r-x", "-wx"])
def test_a_folder_in_which_nothing_can_be_rotated_is_logged(mode: int) -> None:
    def write() -> None:
        if os.geteuid() == 0:  # whom modes don't bind
            os.setgid(65534)
            os.setuid(65534)
        with TemporaryDirectory() as name:
            folder = Path(name)
            transport = FileTransport(folder / "m.pb", max_bytes=SIZE)
            send(transport, 1)
            folder.chmod(mode)
            said: list[str] = []
            with logged(said):
                assert send(transport, 2, 3).losses == ()
            folder.chmod(0o700)
            assert len(said) == 1
            assert "grows beyond max_bytes" in said[0]
            assert "this user may not write there (Permission denied)" in said[0]
            assert list(folder.iterdir()) == [transport.path]
            assert len(read_frames(transport.path)) == 3

    in_child(write)


@contextmanager
def logged(messages: list[str]) -> Iterator[None]:
    """What the package logs, in a child process too."""
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("otel_etw")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@not_on_windows("its names may be longer")
def test_a_name_that_leaves_no_room_for_a_stamp_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / ("m" * 250 + ".pb")
    transport = FileTransport(path, max_bytes=SIZE)
    assert [send(transport, number).losses for number in range(3)] == [()] * 3
    assert ["no name of this length" in message for message in caplog.messages] == [True]
    path.write_bytes(path.read_bytes() + b"\0")
    (loss,) = send(transport, 3).losses
    assert loss.reason == "name_too_long"
    assert "it ends inside a frame, and can't be renamed" in loss.detail


def test_a_quarantine_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(b"\0\0")
    send(FileTransport(path), 1)
    (torn,) = backups_of(path)
    assert caplog.messages == [
        f"otel-etw: {path}: it ends inside a frame, and was renamed to {torn} "
        "(said at most once in 60 s)"
    ]


def test_a_log_handler_that_raises_or_sends_costs_nothing(tmp_path: Path) -> None:
    """It is other people's code, and called without any lock."""
    path = tmp_path / "m.pb"
    path.write_bytes(b"\0\0")
    transport = FileTransport(path)
    inner: list[Delivery] = []

    class Sending(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            inner.append(send(transport, 2))
            raise RuntimeError("a handler of somebody else's")

    handler = Sending()
    logging.getLogger("otel_etw").addHandler(handler)
    try:
        assert send(transport, 1).losses == ()
    finally:
        logging.getLogger("otel_etw").removeHandler(handler)
    assert [delivery.losses for delivery in inner] == [()]
    assert numbers(read_frames(path)) == [(1, 1), (1, 2)]


def test_a_rotation_lists_the_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (tmp_path / f"{number}.log").touch()
    listings = []
    listdir = os.listdir

    def counted(folder: str) -> list[str]:
        listings.append(folder)
        return listdir(folder)

    transport = FileTransport(tmp_path / "m.pb", max_bytes=1, backups=1)
    send(transport, 1)
    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", counted)
        for name in ("scandir", "walk"):
            patched.setattr(os, name, None)
        send(transport, 2)
    assert listings == [str(tmp_path)]


def test_a_backup_that_can_t_be_removed_is_removed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1, backups=1)

    def held_open(path: str) -> None:
        raise PermissionError(13, "a reader has it open")

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", held_open)
        for number in range(4):
            assert send(transport, number).taken == 1
    assert len(backups_of(path)) == 3
    send(transport, 4)
    assert everything(path) == [(1, 3), (1, 4)]


def test_behind_a_link_the_file_rotates_where_it_is(tmp_path: Path) -> None:
    if is_wine():
        pytest.skip("Wine 8 makes links of Linux', which a Windows program does not see as such")
    (tmp_path / "disk").mkdir()
    path, real = tmp_path / "link.pb", tmp_path / "disk" / "m.pb"
    try:
        path.symlink_to(real)
    except OSError as error:
        pytest.skip(f"this user may not make links: {error}")
    transport = FileTransport(path, max_bytes=1)
    for number in range(3):
        send(transport, number)
    assert path.is_symlink()
    assert list(path.parent.glob("*.pb")) == [path]
    assert everything(real) == [(1, 0), (1, 1), (1, 2)]
