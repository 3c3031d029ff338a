"""Bad days of a disk: counted with a reason, never raised, tried again with the next batch."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otel_etw.transports import file, file_open
from otel_etw.transports.call_guard import BUSY, REENTRANT
from otel_etw.transports.file import FileTransport
from otel_etw.transports.file_formats import JsonLinesFormat, LengthPrefixedFormat
from otel_etw.transports.file_lock import FileLock, Hold
from otel_etw.transports.file_open import TRIES
from otel_etw.transports.file_troubles import _REASONS, _WINDOWS_REASONS, explain
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
from tests.support.processes import in_child
from tests.support.systems import not_on_windows


def lost(transport: FileTransport, filling: int = 20) -> str:
    """The one reason why a whole batch was lost."""
    count = 2
    delivery = transport.send(batch(*(frame(9, number, filling) for number in range(count))))
    (loss,) = delivery.losses
    assert (delivery.taken, delivery.points) == (0, 0)
    assert (loss.frames, loss.points) == (count, count)
    assert str(transport.path) in loss.detail
    return loss.reason


def cured(transport: FileTransport) -> None:
    """The next batch is taken as if nothing had been."""
    assert transport.send(batch(frame(1, 0))).losses == ()
    assert numbers(read_frames(transport.path)) == [(1, 0)]


def test_a_path_that_is_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.mkdir()
    transport = FileTransport(path)
    assert lost(transport) == "is_a_folder"
    path.rmdir()
    cured(transport)


def test_a_path_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    transport = FileTransport(tmp_path / "file" / "sub" / "m.pb")
    assert lost(transport) == "not_a_folder"
    (tmp_path / "file").unlink()
    cured(transport)


@not_on_windows("pipes have no path in a folder")
def test_a_pipe_is_refused_without_waiting_for_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    os.mkfifo(path)
    transport = FileTransport(path)
    assert lost(transport) == "not_a_file"
    path.unlink()
    cured(transport)


def test_a_device_is_refused() -> None:
    assert lost(FileTransport(os.devnull)) == "not_a_file"


@not_on_windows("making a link takes a privilege")
def test_a_link_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.symlink_to(path)
    transport = FileTransport(path)
    assert lost(transport) == "os_error"
    path.unlink()
    cured(transport)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_place_where_nobody_can_make_files() -> None:
    assert lost(FileTransport("/proc/self/m.pb")) in ("no_folder", "permission_denied")
    assert lost(FileTransport("/proc/sub/m.pb")) in ("no_folder", "permission_denied")


def test_a_name_too_long(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path / ("m" * 300))
    assert lost(transport) in ("name_too_long", "no_folder", "os_error")


@not_on_windows("modes close no folder")
def test_a_folder_that_is_closed_to_this_user(tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir(0o000)

    def send() -> None:
        if os.geteuid() == 0:  # whom modes don't bind
            os.setgid(65534)
            os.setuid(65534)
        assert lost(FileTransport(folder / "m.pb")) == "permission_denied"

    in_child(send)
    folder.chmod(0o700)
    cured(FileTransport(folder / "m.pb"))


NUMBERS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "file_too_large",
    errno.EROFS: "read_only",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
    errno.EISDIR: "is_a_folder",
    errno.ENOTDIR: "not_a_folder",
    errno.EEXIST: "not_a_folder",
    errno.EMFILE: "too_many_open_files",
    errno.ENFILE: "too_many_open_files",
    errno.ENAMETOOLONG: "name_too_long",
    errno.EIO: "io_error",
    errno.EINVAL: "os_error",
}


@pytest.mark.parametrize("call", ["open", "write", "fstat"])
@pytest.mark.parametrize("number", NUMBERS, ids=[errno.errorcode[number] for number in NUMBERS])
def test_whatever_a_call_answers_is_told_and_over_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    transport = FileTransport(tmp_path / "m.pb")

    def failing(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        if call == "open":
            patched.setattr(file_open, "_append_to", failing)
        else:
            patched.setattr(os, call, failing)
        assert lost(transport) == NUMBERS[number]
    cured(transport)


def test_an_error_without_a_number_is_told_too(tmp_path: Path) -> None:
    reason, sentence = explain(str(tmp_path / "m.pb"), OSError("odd"))
    assert reason == "os_error"
    assert sentence == f"{tmp_path / 'm.pb'}: the system refused it (odd)"


@pytest.mark.parametrize(
    ("number", "words"),
    [(32, "another program has it open"), (33, "another program has locked a part of it")],
)
def test_what_another_program_holds_on_windows_is_in_use(number: int, words: str) -> None:
    reason, sentence = explain("m.pb", windows_error(number))
    assert reason == "in_use"
    assert words in sentence
    assert explain("m.pb", windows_error(5))[0] == "permission_denied"


def test_every_reason_is_in_the_documentation() -> None:
    folder = Path(str(file.__file__)).parent
    found = {"os_error", *(row[0] for row in (*_REASONS.values(), *_WINDOWS_REASONS.values()))}
    found |= {LengthPrefixedFormat.foreign[0], JsonLinesFormat.foreign[0]}
    found |= {BUSY.reason, REENTRANT.reason}
    for path in folder.glob("file*.py"):
        calls = r"(?:Refused|Delivery\.nothing)\((?:frames,)?\s*\"(\w+)\""
        found |= set(re.findall(calls, path.read_text(encoding="utf-8")))
    text = (Path(__file__).parents[2] / "docs" / "transports.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text.split("what it says")[1], re.MULTILINE)
    documented = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert len(found) > 20
    assert documented == found


def test_a_torn_file_that_can_t_be_renamed_loses_the_batch_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(b"\0\0")
    transport = FileTransport(path)

    def held_open(source: str, target: str) -> None:
        raise PermissionError(errno.EACCES, "a reader has it open")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", held_open)
        assert lost(transport) == "permission_denied"
    assert path.read_bytes() == b"\0\0"
    cured(transport)


def disturb(monkeypatch: pytest.MonkeyPatch, disturbance: Callable[[], object]) -> None:
    """Something happens between each opening of a file and its locking."""
    take = FileLock.take

    def disturbed(self: FileLock, patience: float) -> Hold:
        disturbance()
        return take(self, patience)

    monkeypatch.setattr(FileLock, "take", disturbed)


@not_on_windows("a file that is open keeps its name until it is closed")
def test_a_file_removed_at_each_opening_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = FileTransport(tmp_path / "m.pb")
    removed: list[Path] = []

    def remove() -> None:
        transport.path.unlink()
        removed.append(transport.path)

    with monkeypatch.context() as patched:
        disturb(patched, remove)
        (loss,) = transport.send(batch(frame(9, 0))).losses
    assert loss.reason == "moved"
    assert loss.detail == f"{transport.path}: removed or renamed {TRIES} times while it was opened"
    assert len(removed) == TRIES
    cured(transport)


def test_a_file_moved_at_each_opening_takes_the_batch_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1)
    moved: list[Path] = []
    with monkeypatch.context() as patched:
        disturb(patched, lambda: moved.append(path.rename(tmp_path / f"{len(moved)}.pb")))
        assert transport.send(batch(frame(2, 0), frame(2, 1))).losses == ()
    assert [numbers(read_frames(file)) for file in moved] == [[]] * (TRIES - 1) + [[(2, 0), (2, 1)]]
    cured(transport)


def test_a_torn_file_moved_at_each_opening_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    moved: list[Path] = []

    def another() -> None:
        moved.append(path.rename(tmp_path / f"{len(moved)}.pb"))
        moved[-1].write_bytes(b"\0\0")

    with monkeypatch.context() as patched:
        disturb(patched, another)
        assert lost(transport) == "moved"
    assert [file.read_bytes() for file in moved] == [b"\0\0"] * TRIES
    cured(transport)


def short_writes(
    monkeypatch: pytest.MonkeyPatch, room: int, then: OSError | None
) -> pytest.MonkeyPatch:
    """Writes take ``room`` bytes in all; after that they raise, or take nothing."""
    write = os.write
    left = [room]

    def short(fd: int, data: memoryview) -> int:
        if not left[0] and then:
            raise then
        taken = write(fd, data[: left[0]])
        left[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", short)
    return monkeypatch


FULL = OSError(errno.ENOSPC, "No space left on device")
SIZE = 4 + len(frame(1, 0))


@pytest.mark.parametrize("room", [0, 1, 3, 4, 5, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 3 * SIZE - 1])
@pytest.mark.parametrize(("trouble", "reason"), [(FULL, "disk_full"), (None, "short_write")])
def test_a_short_write_keeps_whole_frames_and_cuts_the_torn_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    trouble: OSError | None,
    reason: str,
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(0, 0)))
    with monkeypatch.context() as patched:
        short_writes(patched, room, trouble)
        delivery = transport.send(batch(frame(1, 0), frame(1, 1), frame(1, 2)))
    whole = room // SIZE
    (loss,) = delivery.losses
    assert (delivery.taken, delivery.points) == (whole, whole)
    assert (loss.reason, loss.frames, loss.points) == (reason, 3 - whole, 3 - whole)
    assert numbers(read_frames(path)) == [(0, 0), *((1, number) for number in range(whole))]
    transport.send(batch(frame(2, 0)))
    assert numbers(read_frames(path))[-1] == (2, 0)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("room", [1, 60, 300])
def test_a_short_write_of_lines_leaves_no_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    path = tmp_path / "m.jsonl"
    transport = FileTransport(path)
    with monkeypatch.context() as patched:
        short_writes(patched, room, FULL)
        delivery = transport.send(batch(frame(1, 0), frame(1, 1)))
    assert delivery.taken == 0
    assert path.read_bytes() == b""
    transport.send(batch(frame(1, 2)))
    assert [identify(request) for request in read_lines(path)] == [(1, 2)]


def test_a_write_that_is_taken_in_parts_is_whole_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
        delivery = FileTransport(path).send(batch(frame(1, 0), frame(1, 1)))
    assert delivery.losses == ()
    assert numbers(read_frames(path)) == [(1, 0), (1, 1)]


@not_on_windows("there is no writev")
@pytest.mark.parametrize("room", [0, 3, 70_000, 80_000, 10**6])
def test_a_large_frame_is_written_as_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """By one call that takes several buffers; what it leaves, by the next ones."""
    path = tmp_path / "m.pb"
    frames = frame(1, 0, filling=70_000), frame(1, 1), frame(1, 2, filling=70_000)
    calls = []

    def short(fd: int, buffers: list[bytes]) -> int:
        calls.append([len(buffer) for buffer in buffers])
        data = b"".join(buffers)[:room]
        assert os.write(fd, data) == len(data)
        if not room:
            raise InterruptedError(errno.EIO, "not this time")
        return len(data)

    transport = FileTransport(path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "writev", short)
        delivery = transport.send(batch(*frames))
    assert calls == [[0, *(size for each in frames for size in (4, len(each)))]]
    assert delivery.taken == (3 if room else 0)
    assert path.read_bytes() == b"".join(
        len(each).to_bytes(4, "big") + each for each in frames[: delivery.taken]
    )
    transport.send(batch(*frames))
    assert numbers(read_frames(path))[-3:] == [(1, 0), (1, 1), (1, 2)]


def test_what_another_appended_meanwhile_is_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(0, 0)))
    write = os.write
    foreign = len(frame(3, 0)).to_bytes(4, "big") + frame(3, 0)

    def short(fd: int, data: memoryview) -> int:
        taken = write(fd, data[:10])
        write(fd, foreign)
        return taken

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", short)
        assert lost(transport) == "short_write"
    assert path.read_bytes().endswith(foreign)
    transport.send(batch(frame(2, 0)))
    assert numbers(read_frames(path)) == [(2, 0)]
    (torn,) = tmp_path.glob("m-*-torn.pb")
    assert torn.read_bytes().endswith(foreign)


@not_on_windows("there is no setrlimit")
@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
def test_a_limit_on_the_size_of_files(tmp_path: Path, name: str) -> None:
    import resource

    path = tmp_path / name

    def send() -> None:
        transport = FileTransport(path)
        transport.send(batch(frame(1, 0)))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
        delivery = transport.send(batch(*(frame(1, number) for number in range(1, 101))))
        (loss,) = delivery.losses
        assert loss.reason == "file_too_large"
        assert 1 < delivery.taken < 99
        assert delivery.taken + loss.frames == 100
        assert lost(transport) == "file_too_large"
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert transport.send(batch(frame(2, delivery.taken))).taken == 1

    in_child(send)
    if name == "m.pb":
        found = numbers(read_frames(path))
    else:
        found = [identify(request) for request in read_lines(path)]
    assert list(tmp_path.iterdir()) == [path]
    *first, (writer, taken) = found
    assert writer == 2
    assert first == [(1, number) for number in range(taken + 1)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a tmpfs takes root on Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this container may not mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_that_is_emptied(small_disk: Path) -> None:
    path = small_disk / "m.pb"
    transport = FileTransport(path)
    sent = range(100)
    delivery = transport.send(batch(*(frame(1, number, 1_000) for number in sent)))
    (loss,) = delivery.losses
    assert loss.reason == "disk_full"
    assert 50 < delivery.taken < 65
    assert numbers(read_frames(path)) == [(1, number) for number in range(delivery.taken)]
    assert lost(transport, 1_000) == "disk_full"
    path.unlink()
    cured(transport)


def test_a_full_disk_with_rotation_keeps_what_fits(small_disk: Path) -> None:
    path = small_disk / "m.pb"
    transport = FileTransport(path, max_bytes=8_192, backups=100)
    taken = 0
    for number in range(100):
        delivery = transport.send(batch(frame(1, number, 1_000)))
        taken += delivery.taken
        assert [loss.reason for loss in delivery.losses] == ["disk_full"] * (1 - delivery.taken)
    assert 45 < taken < 65
    found = [item for file in small_disk.iterdir() for item in numbers(read_frames(file))]
    assert sorted(found) == [(1, number) for number in range(taken)]


def test_a_disk_that_becomes_read_only(small_disk: Path) -> None:
    transport = FileTransport(small_disk / "m.pb")
    remount = ["mount", "-o", "remount,{}", str(small_disk)]

    def switch(mode: str) -> None:
        subprocess.run([word.format(mode) for word in remount], check=True)

    switch("ro")
    assert lost(transport) == "read_only"
    switch("rw")
    cured(transport)


@pytest.mark.parametrize("remove", [shutil.rmtree, lambda folder: folder.rename(f"{folder}.old")])
def test_a_folder_that_goes_away(tmp_path: Path, remove: Callable[[Path], object]) -> None:
    transport = FileTransport(tmp_path / "sub" / "m.pb")
    transport.send(batch(frame(0, 0)))
    remove(tmp_path / "sub")
    cured(transport)


def test_frames_lost_for_several_reasons_are_counted_by_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = FileTransport(tmp_path / "m.jsonl")
    frames = batch(frame(1, 0), b"\xff", frame(1, 1), frame(1, 2, 1_100_000))
    delivery = transport.send(frames)
    assert delivery.taken == 2
    assert {loss.reason: loss.frames for loss in delivery.losses} == {
        "not_otlp": 1,
        "line_too_long": 1,
    }
    with monkeypatch.context() as patched:
        short_writes(patched, 0, FULL)
        delivery = transport.send(frames)
    assert delivery.taken == 0
    assert {loss.reason: loss.frames for loss in delivery.losses} == {
        "not_otlp": 1,
        "line_too_long": 1,
        "disk_full": 2,
    }
    assert all(str(transport.path) in loss.detail for loss in delivery.losses)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("content", [b"", b"\0\0"], ids=["too large", "torn"])
def test_a_file_without_a_name_is_not_rotated_for_ever(tmp_path: Path, content: bytes) -> None:
    """As standard output is, sent to a file since removed."""
    with (tmp_path / "m.pb").open("w+b") as file:
        (tmp_path / "m.pb").unlink()
        file.write(content)
        file.flush()
        transport = FileTransport(f"/proc/self/fd/{file.fileno()}", max_bytes=1)
        for number in range(2):
            taken = transport.send(batch(frame(1, number))).taken
            assert taken == (0 if content else 1)
        frames, rest = split_frames(Path(transport.path).read_bytes())
    assert (numbers(frames), rest) == ([] if content else [(1, 0), (1, 1)], content)
