"""Reads files to their end, once or as they grow. It never waits: whoever reads does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from otel_etw.captures.formats import RecognisingReader
from otel_etw.captures.items import CaptureError, Item
from otel_etw.captures.shared_files import open_shared

__all__ = ["follow", "open", "read"]

_CHUNK = 1 << 20


def open(path: str | os.PathLike[str]) -> Iterator[Item]:  # noqa: A001  (captures.open)
    """What the file at ``path`` holds, in its order and whatever its name is.

    Holds a chunk of 1 MiB and one frame in memory. Raises `CaptureError` when the file cannot be
    opened, read or recognised; damage inside it is an item and raises nothing.
    """
    name = os.fspath(path)
    try:
        with open_shared(path) as file:
            yield from read(file, name)
    except OSError as error:
        raise _unreadable(name, error) from error


def read(stream: BinaryIO, name: str) -> Iterator[Item]:
    """The same for what is open already, such as a pipe; errors call it ``name``."""
    reader = RecognisingReader()
    try:
        while data := stream.read(_CHUNK):
            yield from reader.feed(data)
        yield from reader.finish()
    except (OSError, CaptureError) as error:
        raise _unreadable(name, error) from error


def follow(path: str | os.PathLike[str]) -> Iterator[Item | None]:
    """What the file at ``path`` holds, and then what comes; None each time that is all for now.

    A torn end is kept until its rest comes. When another file takes the place of this one, the old
    is read on until nothing came between two Nones, then the new one from its beginning; the
    same file made shorter is read from its beginning. What happens more than once between two
    Nones is not seen: a file replaced that had just taken the place itself, one cut and grown
    beyond its old length. Raises as `open`; never ends.
    """
    name = os.fspath(path)
    try:
        file: BinaryIO | None = open_shared(path)
        while True:
            if file:
                with file:
                    yield from _to_the_last(file, path)
            try:
                file = open_shared(path)
            except FileNotFoundError:
                # Renamed away again, and the next one is not there yet.
                file = None
                yield None
    except (OSError, CaptureError) as error:
        raise _unreadable(name, error) from error


def _to_the_last(file: BinaryIO, path: str | os.PathLike[str]) -> Iterator[Item | None]:
    """One file until another one has taken its place or it was cut."""
    reader = RecognisingReader()
    replaced = False
    while True:
        grew = False
        while data := file.read(_CHUNK):
            grew = True
            yield from reader.feed(data)
        cut = os.fstat(file.fileno()).st_size < file.tell()
        if cut or (replaced and not grew):
            yield from reader.finish()
            return
        yield from reader.settle()
        replaced = _is_other(path, file)
        yield None


def _is_other(path: str | os.PathLike[str], file: BinaryIO) -> bool:
    try:
        with open_shared(path) as there:
            return not os.path.sameopenfile(there.fileno(), file.fileno())
    except OSError:
        # Renamed away, and the next one is not there yet.
        return False


def _unreadable(name: str, error: Exception) -> CaptureError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return CaptureError(f"{name}: {reason}")
