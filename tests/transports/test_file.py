"""FileTransport: arguments, framing, and a file that is opened for each batch."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_etw import captures
from otel_etw.limits import FRAME_MAXIMUM
from otel_etw.transports import open as open_transport
from otel_etw.transports.file import FileTransport
from tests.support.otlp_files import batch, frame, numbers, read_frames, read_lines
from tests.support.processes import in_child
from tests.support.systems import not_on_windows


def test_each_frame_stands_behind_its_length_in_four_bytes(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    first, second = frame(1, 0), frame(1, 1, filling=70_000)
    delivery = FileTransport(path).send(batch(first, second))
    assert (delivery.taken, delivery.points, delivery.losses) == (2, 2, ())
    assert path.read_bytes() == (
        len(first).to_bytes(4, "big") + first + len(second).to_bytes(4, "big") + second
    )


def test_a_batch_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    write = os.write

    def counted(fd: int, data: bytes) -> int:
        writes.append(len(data))
        return write(fd, data)

    monkeypatch.setattr(os, "write", counted)
    for name in ("m.pb", "m.jsonl"):
        transport = FileTransport(tmp_path / name)
        for _ in range(2):
            transport.send(batch(frame(1, 0), frame(1, 1), frame(1, 2)))
        assert sum(writes) == (tmp_path / name).stat().st_size
        assert len(writes) == 2
        writes.clear()


def test_batches_are_appended_and_so_does_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    for run in range(2):
        transport = FileTransport(path)
        for number in range(3):
            transport.send(batch(frame(run, number)))
    assert numbers(read_frames(path)) == [(run, number) for run in range(2) for number in range(3)]


def test_no_file_is_open_between_two_batches(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else None  # noqa: PTH208
    transport = FileTransport(tmp_path / "m.pb")
    transport.send(batch(frame(1, 0)))
    (tmp_path / "m.pb").rename(tmp_path / "moved.pb")  # Windows forbids it of an open file
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_what_another_program_rotates_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0), frame(1, 1)))
    path.rename(tmp_path / "m.pb.1")
    transport.send(batch(frame(1, 2)))
    assert numbers(read_frames(path)) == [(1, 2)]


def test_what_another_program_truncates_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0), frame(1, 1)))
    os.truncate(path, 0)
    transport.send(batch(frame(1, 2)))
    os.truncate(path, 4 + len(frame(1, 2)))
    transport.send(batch(frame(1, 3)))
    assert numbers(read_frames(path)) == [(1, 2), (1, 3)]
    assert list(tmp_path.iterdir()) == [path]


def test_a_removed_folder_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "m.pb"
    transport = FileTransport(path)
    for number in range(2):
        assert transport.send(batch(frame(1, number))).taken == 1
        assert numbers(read_frames(path)) == [(1, number)]
        path.unlink()
        path.parent.rmdir()
        path.parent.parent.rmdir()


def test_making_a_transport_leaves_the_disk_alone(tmp_path: Path) -> None:
    FileTransport(tmp_path / "a" / "m.pb").close()
    FileTransport(tmp_path / "a" / "m.jsonl").send(batch())
    assert list(tmp_path.iterdir()) == []


@not_on_windows("there are no modes")
@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
def test_files_are_private_whatever_the_umask(tmp_path: Path, name: str) -> None:
    def send() -> None:
        os.umask(0)
        transport = FileTransport(tmp_path / "sub" / name, max_bytes=1)
        transport.send(batch(frame(1, 0), frame(1, 1)))

    in_child(send)
    files = list((tmp_path / "sub").iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "sub").stat().st_mode) == 0o755


@not_on_windows("there are no modes")
def test_the_mode_of_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.touch(0o640)
    FileTransport(path).send(batch(frame(1, 0)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_relative_path_stays_where_it_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    transport = FileTransport("m.pb")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    transport.send(batch(frame(1, 0)))
    assert transport.path == tmp_path / "m.pb"
    assert numbers(read_frames(tmp_path / "m.pb")) == [(1, 0)]


@not_on_windows("a working folder can't be removed")
def test_a_relative_path_is_refused_when_the_working_folder_is_gone(tmp_path: Path) -> None:
    """It names no place, and would name another one once the program changes its folder."""

    def make() -> None:
        (tmp_path / "gone").mkdir()
        os.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        with pytest.raises(ValueError, match=r"path='m.pb' is relative, and the working folder"):
            FileTransport("m.pb")
        assert FileTransport(tmp_path / "m.pb").send(batch(frame(1, 0))).taken == 1

    in_child(make)


@pytest.mark.parametrize(
    ("name", "chosen", "lines"),
    [
        ("m.pb", None, False),
        ("m", None, False),
        ("m.jsonl", None, True),
        ("m.JSON", None, True),
        ("m.pb", "jsonl", True),
        ("m.jsonl", "proto", False),
    ],
)
def test_the_format_is_what_is_said_or_what_the_suffix_says(
    tmp_path: Path, name: str, chosen: str | None, lines: bool
) -> None:
    path = tmp_path / name
    transport = FileTransport(str(path), format=chosen)
    transport.send(batch(frame(1, 0)))
    assert len((read_lines if lines else read_frames)(path)) == 1
    assert transport.limit == (131_072 if lines else 1_048_576)
    assert FileTransport(path, format=chosen, limit=77).limit == 77


@pytest.mark.parametrize(
    ("path", "arguments", "error", "words"),
    [
        ("", {}, ValueError, "path='' must name a file"),
        (".", {}, ValueError, "path='.' must name a file"),
        ("..", {}, ValueError, "path='..' must name a file"),
        ("a/", {}, ValueError, "path='a/' must name a file"),
        ("a\0b", {}, ValueError, "has characters that no file name can have"),
        ("a\ud800", {}, ValueError, "has characters that no file name can have"),
        (b"m.pb", {}, TypeError, "path=b'm.pb' must be a str or a path of str, not bytes"),
        (7, {}, TypeError, "expected str, bytes or os.PathLike object, not int"),
        ("m", {"format": "json"}, ValueError, "format='json' must be one of 'proto', 'jsonl'"),
        ("m", {"format": ["proto"]}, ValueError, "format=['proto'] must be one of"),
        ("m", {"limit": 0}, ValueError, "limit=0 is out of range: it may be from 1 to 67,108,863"),
        ("m", {"limit": 1.5}, TypeError, "limit=1.5 must be a whole number, not float"),
        ("m", {"max_bytes": 0}, ValueError, "max_bytes=0 is out of range: it may be 1 or more"),
        ("m", {"max_bytes": "1MB"}, TypeError, "max_bytes='1MB' must be a whole number, not str"),
        ("m", {"backups": -1}, ValueError, "backups=-1 is out of range: it may be 0 or more"),
        ("m", {"backups": None}, TypeError, "backups=None must be a whole number"),
    ],
)
def test_bad_arguments_are_named(
    path: Any, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    if path == "a\ud800" and sys.platform == "win32":
        pytest.skip("Windows file names may have lone surrogates")
    with pytest.raises(error, match=re.escape(words)):
        FileTransport(path, **arguments)


def test_a_spec_sets_what_the_arguments_set(tmp_path: Path) -> None:
    path = tmp_path / "m.dat"
    transport = open_transport(f"file:{path}?format=jsonl&max_bytes=1&backups=2", limit=500)
    assert isinstance(transport, FileTransport)
    assert (transport.path, transport.limit) == (path, 500)
    transport.send(batch(*(frame(1, number) for number in range(5))))
    assert len(list(tmp_path.iterdir())) == 3
    assert len(read_lines(path)) == 1


def test_a_spec_s_own_limit_goes_before_the_exporter_s() -> None:
    assert open_transport("file:m.pb?limit=900", limit=500).limit == 900


def test_a_spec_may_begin_with_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    transport = open_transport("file:~/m.pb")
    assert isinstance(transport, FileTransport)
    assert transport.path == tmp_path / "m.pb"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file", "transport 'file' needs a path: file:metrics.pb"),
        ("file:", "transport 'file' needs a path: file:metrics.pb"),
        ("file:m?size=1", "has no option 'size'; its options: format, limit, max_bytes, backups"),
        ("file:m?max_bytes=1MB", "option max_bytes='1MB' must be a whole number"),
        ("file:m?backups=-1", "backups=-1 is out of range"),
        ("file:m?format=xml", "format='xml' must be one of"),
    ],
)
def test_a_bad_spec_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        open_transport(text)


def test_lines_without_the_extra_name_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        sys.modules, "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2", None
    )
    with pytest.raises(ImportError, match=re.escape("pip install 'otel-etw[proto]'")):
        FileTransport(tmp_path / "m.jsonl")
    assert FileTransport(tmp_path / "m.pb").send(batch(b"")).taken == 1


def test_after_close_nothing_is_taken(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path / "m.pb")
    transport.close()
    (loss,) = transport.send(batch(frame(1, 0))).losses
    assert (loss.reason, loss.frames, loss.points) == ("closed", 1, 1)
    assert list(tmp_path.iterdir()) == []
    assert transport.flush()


@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
def test_a_frame_larger_than_readers_take_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    transport = FileTransport(path, limit=FRAME_MAXIMUM)
    delivery = transport.send(batch(frame(1, 0), b"\n" + bytes(FRAME_MAXIMUM), frame(1, 1)))
    (loss,) = delivery.losses
    assert (delivery.taken, loss.reason, loss.frames) == (2, "frame_too_large", 1)
    assert "a frame of 67,108,864 bytes is larger than readers take, 67,108,863" in loss.detail
    assert str(path) in loss.detail


def test_the_largest_frame_is_read_by_our_own_reader(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    filling = FRAME_MAXIMUM - len(frame(1, 0, FRAME_MAXIMUM - 100)) + FRAME_MAXIMUM - 100
    largest = frame(1, 0, filling)
    assert len(largest) == FRAME_MAXIMUM
    transport = FileTransport(path, limit=FRAME_MAXIMUM)
    assert transport.send(batch(largest, frame(1, 1))).losses == ()
    assert FileTransport(path).send(batch(frame(1, 2))).losses == ()
    items = list(captures.open(path))
    assert [type(item) for item in items] == [captures.Frame] * 3


@pytest.mark.parametrize("content", [b"\x12\0", b"text"])
@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
def test_a_frame_that_is_no_request_of_metrics_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    """The next writer would take the file for a torn one."""
    transport = FileTransport(tmp_path / name)
    delivery = transport.send(batch(content, frame(1, 0)))
    (loss,) = delivery.losses
    assert (delivery.taken, loss.reason, loss.frames) == (1, "not_otlp", 1)


def test_an_exporter_s_limit_above_the_maximum_is_lowered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    transport = open_transport(f"file:{tmp_path / 'm.pb'}", limit=2**31 - 1)
    assert transport.limit == FRAME_MAXIMUM
    assert caplog.messages == [
        "otel-etw: limit=2147483647 is more than readers of such files take, 67108863 is used"
    ]
    caplog.clear()
    assert open_transport(f"file:{tmp_path / 'm.jsonl'}", limit=2 << 20).limit == 131_072
    assert len(caplog.messages) == 1
    caplog.clear()
    assert open_transport("file:m.jsonl?limit=200000", limit=2 << 20).limit == 200_000
    assert open_transport("file:m.pb?limit=900", limit=2**31 - 1).limit == 900
    assert open_transport("file:m.pb", limit=FRAME_MAXIMUM).limit == FRAME_MAXIMUM
    assert caplog.messages == []
    with pytest.raises(ValueError, match="limit=67108864 is out of range"):
        open_transport("file:m.pb?limit=67108864")
