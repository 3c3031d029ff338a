"""Reads a file as it grows, and all files that take its place. It never waits: its caller does."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from otel_etw.captures.capture import CHUNK, unreadable
from otel_etw.captures.etl import LOG_HEAD
from otel_etw.captures.items import CaptureError, Damage, Item
from otel_etw.captures.recognition import RecognisingReader
from otel_etw.captures.rotated_files import rotated_files
from otel_etw.captures.shared_files import open_shared
from otel_etw.provider import DEFAULT_PROVIDER

__all__ = ["follow"]


def follow(
    path: str | os.PathLike[str], provider: UUID = DEFAULT_PROVIDER.guid
) -> Iterator[Item | None]:
    """What the file at ``path`` holds, and then what comes; None each time that is all for now.

    ``provider``: whose events are read of ETW logs.

    An incomplete frame at the end waits for its rest. When another file takes the place of this
    one, the old one is read on until nothing came between two Nones. Then come the files that took
    its place in between and were rotated away themselves, known by their names (see
    `rotated_files`), and then the file that is there now. When files were rotated and removed
    before they could be read, or cannot be read, a `Damage` says so. An ETW session that begins a
    new file when one is full is followed into the next one, known by the number that ends its name.

    Of a running ETW session's file, zeros are what is not written yet: it may be made longer in
    advance. When the session ends, a `Notice` says so, and what it lost. What a circular one
    overwrites is not noticed, which a `Notice` says.

    The same file made shorter is read from its beginning. One cut and grown beyond its old length
    between two Nones is not noticed. Raises as `open`, also for what is no regular file; never
    ends.
    """
    name = os.fspath(path)
    try:
        yield from _follow(path, provider)
    except (OSError, ValueError, CaptureError) as error:
        raise unreadable(name, error) from error


def _follow(path: str | os.PathLike[str], provider: UUID) -> Iterator[Item | None]:
    known = set(rotated_files(path))
    file: BinaryIO | None = _open_regular(path)
    while True:
        if file:
            with file:
                offset, following = yield from _to_the_last(file, path, provider)
                if following:
                    path = following
                    known = set(rotated_files(path))
                rotated = _new_files(path, known)
                rotated, removed = _behind(file, rotated)
            if removed:
                reason = "the file was removed, and with it perhaps others that took its place"
                yield Damage(offset, 0, reason)
            yield from _rotated(rotated, provider)
        try:
            file = _open_regular(path)
        except FileNotFoundError:
            # Renamed away again, and the next one is not there yet.
            file = None
            yield None
        # What was rotated away since then stands before this one, or is this one.
        if rotated := _new_files(path, known):
            if file:
                file.close()
                file = None
            yield from _rotated(rotated, provider)


def _open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    # Asked before it is opened: to open a FIFO waits for somebody who writes to it.
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise CaptureError("only regular files can be followed")
    return open_shared(path)


def _new_files(path: str | os.PathLike[str], known: set[Path]) -> list[Path]:
    """The rotated files that are not ``known`` yet, to which it adds them."""
    files = [file for file in rotated_files(path) if file not in known]
    known.update(files)
    return files


def _behind(file: BinaryIO, rotated: list[Path]) -> tuple[list[Path], bool]:
    """The files that were rotated after ``file``, and whether some of them may be gone."""
    for index, path in enumerate(rotated):
        if _is_same(path, file):
            return rotated[index + 1 :], False
    # Rotated under another name, or rotated and then removed as one of too many.
    return rotated, bool(rotated) and os.fstat(file.fileno()).st_nlink == 0


def _rotated(paths: Sequence[Path], provider: UUID) -> Iterator[Item | None]:
    """Files that nothing is written to any more, but perhaps to the last of them."""
    for path in paths:
        try:
            with _open_regular(path) as file:
                reader = RecognisingReader(provider)
                while data := file.read(CHUNK):
                    yield from reader.feed(data)
                if path == paths[-1]:
                    yield from reader.settle()
                    yield None
                    while data := file.read(CHUNK):
                        yield from reader.feed(data)
                yield from reader.finish()
        except FileNotFoundError:
            yield Damage(0, 0, f"{path.name} was removed before it could be read")
        except (OSError, CaptureError) as error:
            yield Damage(0, 0, str(unreadable(path.name, error)))


def _to_the_last(
    file: BinaryIO, path: str | os.PathLike[str], provider: UUID
) -> Generator[Item | None, None, tuple[int, Path | None]]:
    """One file until another one has taken its place or it was cut; returns how far it was read,
    and the file in which its session goes on, if it does that."""
    reader = RecognisingReader(provider)
    following: Path | None = None
    is_last = False
    seen = 0  # how far the file was read already, be it zeros
    while True:
        grew = False
        size = os.fstat(file.fileno()).st_size
        while data := file.read(CHUNK):
            if size <= seen and not data.strip(b"\0"):
                file.seek(-len(data), os.SEEK_CUR)
                break  # there is still nothing
            grew = True
            yield from reader.feed(data)
        seen = max(seen, file.tell())
        cut = os.fstat(file.fileno()).st_size < file.tell()
        if cut or (is_last and not grew):
            while data := file.read(CHUNK):  # behind zeros
                yield from reader.feed(data)
            yield from reader.finish()
            return file.tell(), following
        yield from reader.settle()
        if reader.log and reader.log.unwritten is not None:
            file.seek(reader.log.unwritten)
            reader.log.return_to_unwritten()
        if reader.log and reader.log.is_running:
            yield from reader.log.look_again(_head(file))
        following = _next_of_session(path, reader)
        is_last = following is not None or _is_other(path, file)
        yield None


def _head(file: BinaryIO) -> bytes:
    """How the file begins now."""
    here = file.tell()
    file.seek(0)
    head = file.read(LOG_HEAD)
    file.seek(here)
    return head


def _next_of_session(path: str | os.PathLike[str], reader: RecognisingReader) -> Path | None:
    """The file that an ETW session has begun because this one was full; None when it has not."""
    session = reader.log.report.session if reader.log else None
    if not session or not session.is_one_of_several_files:
        return None
    here = Path(path)
    match = re.fullmatch(r"(.*?)(\d{1,18})", here.stem, re.ASCII | re.DOTALL)
    if not match:
        return None
    number = f"{int(match[2]) + 1:0{len(match[2])}d}"
    following = here.with_name(f"{match[1]}{number}{here.suffix}")
    return following if following.exists() else None


def _is_same(path: str | os.PathLike[str], file: BinaryIO) -> bool:
    try:
        with open_shared(path) as there:
            return os.path.sameopenfile(there.fileno(), file.fileno())
    except OSError:
        return False


def _is_other(path: str | os.PathLike[str], file: BinaryIO) -> bool:
    try:
        with open_shared(path) as there:
            return not os.path.sameopenfile(there.fileno(), file.fileno())
    except OSError:
        # Renamed away, and the next one is not there yet.
        return False
