"""Opening and locking a file that other processes may lock, set aside or remove meanwhile."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otel_etw.transports.file_troubles import Refused
from otel_etw.transports.locks import FileLock, Hold

__all__ = ["TRIES", "Busy", "File", "identity_at", "opened"]

# Seconds to try again on Windows, where a file can't be opened while another process renames it
# or a virus scanner looks at it.
_MOMENT = 0.05

# Read too, since the tail is looked at before each write. Without NONBLOCK and NOCTTY a path that
# leads to a pipe or a terminal would block, or be taken over, before it is refused.
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT
for _name in ("O_BINARY", "O_NONBLOCK", "O_NOCTTY"):
    _FLAGS |= getattr(os, _name, 0)

# A file that another process sets aside while it is opened is opened anew, so many times. Then
# the batch goes to the end of the one just set aside: a little too large, but not lost.
TRIES = 5


class Busy(Exception):
    """Another has the lock, and here nothing can be done without."""


class File:
    """An open file and its lock.

    Seen by ``look``: ``hold``, whether the lock was had; ``size``; ``identity``; ``in_place``,
    whether the path leads to it; ``removed``, whether no path does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.fd = _open(path)
        self._lock = FileLock(self.fd)
        self._open = True

    def look(self, patience: float) -> None:
        """Take the lock if it can be had in time, and see what file this is."""
        if not stat.S_ISREG(os.fstat(self.fd).st_mode):
            raise Refused("not_a_file", "it is a pipe or a device; choose the path of a file")
        self.hold = self._lock.take(patience)
        if sys.platform == "win32" and self.hold is Hold.BUSY:
            raise Busy
        status = os.fstat(self.fd)
        self.size = status.st_size
        self.identity = status.st_dev, status.st_ino
        self.removed = not status.st_nlink
        # On Windows an open file can't be moved, and the two kinds of stat don't always agree.
        self.in_place = sys.platform == "win32" or self.identity == identity_at(self._path)

    def is_long(self, size: int) -> bool:
        return os.fstat(self.fd).st_size == size

    def is_ours_until(self, size: int) -> bool:
        """Whether the file has this size and nobody who keeps to the lock can change it."""
        return self.hold is Hold.HELD and self.is_long(size)

    def let_go(self) -> None:
        if self._open:
            try:
                self._lock.give_back()
            finally:
                self._open = False
                os.close(self.fd)


@contextmanager
def opened(path: Path, patience: float) -> Iterator[File]:
    """The file at ``path``, made if need be, locked if the lock can be had in time."""
    for again in reversed(range(TRIES)):
        file = File(path)
        try:
            file.look(patience)
            if file.in_place or not (again or file.removed):
                yield file
                return
        finally:
            file.let_go()
    raise Refused("moved", f"removed {TRIES} times while it was opened")


def identity_at(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _open(path: Path) -> int:
    deadline = time.monotonic() + _MOMENT
    while True:
        try:
            return os.open(path, _FLAGS, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            return os.open(path, _FLAGS, 0o600)
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() >= deadline or path.is_dir():
                raise
            time.sleep(0.005)
