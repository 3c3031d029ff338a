"""Reads one file or stream to its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

from otel_etw.captures.items import CaptureError, Item
from otel_etw.captures.recognition import RecognisingReader
from otel_etw.captures.shared_files import open_shared
from otel_etw.provider import DEFAULT_PROVIDER

__all__ = ["CHUNK", "open", "read", "unreadable"]

CHUNK = 1 << 20
"""Bytes read at a time."""


def open(  # noqa: A001  (captures.open)
    path: str | os.PathLike[str],
    provider: UUID = DEFAULT_PROVIDER.guid,
    reader: RecognisingReader | None = None,
) -> Iterator[Item]:
    """What the file at ``path`` holds, in its order and whatever its name is.

    ``provider``: whose events are read of ETW logs, where those come in the order of their times.
    ``reader``: reads it instead of a new one with this provider, for who wants to know more of the
    file afterwards, such as its format.

    Holds a chunk of 1 MiB and one frame in memory; of an ETW log one buffer of up to 16 MiB, and
    up to 64 MiB of events. Raises `CaptureError` when the file cannot be opened, read or
    recognised; damage inside it is an item and raises nothing.
    """
    name = os.fspath(path)
    try:
        with open_shared(path) as file:
            yield from read(file, name, provider, reader)
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from error


def read(
    stream: BinaryIO,
    name: str,
    provider: UUID = DEFAULT_PROVIDER.guid,
    reader: RecognisingReader | None = None,
) -> Iterator[Item]:
    """The same for what is open already, such as a pipe; errors call it ``name``."""
    reader = reader or RecognisingReader(provider)
    try:
        while data := stream.read(CHUNK):
            yield from reader.feed(data)
        yield from reader.finish()
    except (OSError, CaptureError) as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: Exception) -> CaptureError:
    """The error that names the file and says why it cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return CaptureError(f"{name}: {reason}")
