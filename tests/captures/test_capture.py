"""Files on disk: read once, or followed while they grow, are cut and make room for others."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otel_etw import captures
from otel_etw.captures import CaptureError, Item
from otel_etw.captures.requests import ExportMetricsServiceRequest
from tests.support.capture_files import damage, framed, line, numbers, reasons, request

FORMS: dict[str, Callable[[ExportMetricsServiceRequest], bytes]] = {"proto": framed, "json": line}
every_form = pytest.mark.parametrize("form", FORMS)


def piece(form: str, number: int) -> bytes:
    return FORMS[form](request(number))


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def now(following: Iterator[Item | None]) -> list[Item]:
    """What a follower gives until it has all there is."""
    return list(iter(following.__next__, None))


@every_form
def test_a_file_is_read_whatever_its_name(tmp_path: Path, form: str) -> None:
    path = tmp_path / "metrics.etl"
    path.write_bytes(b"".join(piece(form, n) for n in range(5)))
    assert numbers(captures.open(path)) == [0, 1, 2, 3, 4]
    assert numbers(captures.open(str(path))) == [0, 1, 2, 3, 4]


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "m.pb").touch()
    assert list(captures.open(tmp_path / "m.pb")) == []


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"absent\.pb: "):
        list(captures.open(tmp_path / "absent.pb"))
    other = tmp_path / "notes.txt"
    other.write_text("hello, world\n")
    with pytest.raises(CaptureError, match=r"notes\.txt: its content is no capture"):
        list(captures.open(other))
    with pytest.raises(CaptureError, match=tmp_path.name):
        list(captures.open(tmp_path))


def test_a_stream_is_read_under_the_name_it_is_given() -> None:
    assert numbers(captures.read(io.BytesIO(gzip.compress(piece("json", 7))), "stdin")) == [7]
    with pytest.raises(CaptureError, match="stdin: its content"):
        list(captures.read(io.BytesIO(b"hello"), "stdin"))


def test_a_file_is_read_in_chunks(tmp_path: Path) -> None:
    """Frames come before the end of the file is read."""
    path = tmp_path / "m.pb"
    path.write_bytes(framed(*(request(n, 50_000) for n in range(60))))
    with path.open("rb") as stream:
        items = captures.read(stream, "m.pb")
        assert numbers([next(items)]) == [0]
        assert stream.tell() <= 1 << 20
        assert numbers(items) == list(range(1, 60))


@every_form
def test_following_gives_what_is_there_and_then_what_comes(tmp_path: Path, form: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(piece(form, 0) + piece(form, 1))
    following = captures.follow(path)
    assert numbers(now(following)) == [0, 1]
    assert now(following) == []
    append(path, piece(form, 2))
    assert numbers(now(following)) == [2]


@every_form
def test_an_incomplete_end_waits_for_its_rest(tmp_path: Path, form: str) -> None:
    path = tmp_path / "m"
    whole = piece(form, 0) + piece(form, 1)
    path.touch()
    following = captures.follow(path)
    for index in range(len(whole)):
        append(path, whole[index : index + 1])
        got = now(following)
        assert damage(got) == []
        if numbers(got):
            assert index + 1 == len(piece(form, numbers(got)[0])) * (numbers(got)[0] + 1)
    assert now(following) == []
    append(path, piece(form, 2))
    assert numbers(now(following)) == [2]


@every_form
@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be renamed there")
def test_rotation_loses_nothing(tmp_path: Path, form: str) -> None:
    path, old = tmp_path / "m", tmp_path / "m-1"
    path.write_bytes(piece(form, 0))
    following = captures.follow(path)
    assert numbers(now(following)) == [0]
    with path.open("ab", buffering=0) as writer:
        path.rename(old)
        assert now(following) == [], "the new file is not there yet"
        writer.write(piece(form, 1))
        path.write_bytes(piece(form, 3))
        assert numbers(now(following)) == [1]
        writer.write(piece(form, 2))
        assert numbers(now(following)) == [2], "another process may still write to the old one"
    assert numbers(now(following)) == [3]
    append(path, piece(form, 4))
    assert numbers(now(following)) == [4]


@every_form
def test_what_was_torn_when_its_file_was_rotated_is_named(tmp_path: Path, form: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(piece(form, 0) + piece(form, 1)[:-5])
    following = captures.follow(path)
    assert numbers(now(following)) == [0]
    path.rename(tmp_path / "m-1")
    (tmp_path / "other").write_bytes(piece(form, 2))
    assert now(following) == []
    (tmp_path / "other").rename(path)
    assert now(following) == []
    got = now(following)
    assert damage(got) == [(len(piece(form, 0)), len(piece(form, 1)) - 5)]
    assert numbers(got) == [2]


@every_form
def test_a_file_that_was_cut_is_read_from_its_beginning(tmp_path: Path, form: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(piece(form, 0) + piece(form, 1))
    following = captures.follow(path)
    assert numbers(now(following)) == [0, 1]
    path.write_bytes(piece(form, 2))
    got = now(following)
    assert numbers(got) == [2]
    assert got[0] is not None
    assert got[0].offset == 0


def test_the_next_file_may_have_another_format(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(piece("proto", 0))
    following = captures.follow(path)
    assert numbers(now(following)) == [0]
    (tmp_path / "n").write_bytes(gzip.compress(piece("json", 1)))
    path.rename(tmp_path / "m-1")
    (tmp_path / "n").rename(path)
    assert numbers([*now(following), *now(following)]) == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be renamed there")
def test_a_rotated_file_that_cannot_be_read_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(piece("proto", 0))
    following = captures.follow(path)
    assert numbers(now(following)) == [0]
    stamp = "2026-11-25T01-42-42"
    path.rename(tmp_path / f"m-{stamp}.000.pb")
    (tmp_path / f"m-{stamp}.001.pb").write_text("hello, world, this is no capture at all")
    (tmp_path / f"m-{stamp}.002.pb").mkdir()
    os.mkfifo(tmp_path / f"m-{stamp}.003.pb")
    (tmp_path / f"m-{stamp}.004.pb").write_bytes(piece("proto", 1))
    (tmp_path / f"m-{stamp}.005.pb").write_text("hello, world")
    path.write_bytes(piece("proto", 2))
    items = [item for _ in range(5) for item in now(following)]
    assert numbers(items) == [1, 2]
    assert damage(items) == [(0, 0)] * 4
    said = reasons(items)
    assert said[0].startswith(f"m-{stamp}.001.pb: its content is no capture")
    assert said[1] == f"m-{stamp}.002.pb: only regular files can be followed"
    assert said[2] == f"m-{stamp}.003.pb: only regular files can be followed"
    assert said[3].startswith(f"m-{stamp}.005.pb: its content is no capture")
    append(path, piece("proto", 3))
    assert numbers(now(following)) == [3]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs")
def test_a_fifo_cannot_be_followed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CaptureError, match="fifo: only regular files can be followed"):
        next(captures.follow(tmp_path / "fifo"))


def test_what_follows_must_be_there_and_known(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="absent"):
        next(captures.follow(tmp_path / "absent"))
    (tmp_path / "notes").write_text("hello, world")
    with pytest.raises(CaptureError, match="notes: its content"):
        next(captures.follow(tmp_path / "notes"))


def test_a_follower_that_is_closed_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(piece("proto", 0))
    following = captures.follow(path)
    next(following)
    following.close()  # type: ignore[attr-defined]
    assert list(following) == []
    path.unlink()
