"""How threads, and processes that share a file, keep out of each other's way."""

from __future__ import annotations

import os
import sys
import time
from enum import Enum
from threading import Lock
from weakref import WeakSet

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["FileLock", "ForkSafeLock", "Hold"]


class ForkSafeLock:
    """``with owner.lock:``, where ``lock`` is free in a forked child, whoever held it.

    The plain lock is what ``with`` gets: an interrupt inside an ``__enter__`` of our own could
    leave it held.
    """

    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock = Lock()
        _alive.add(self)


_alive: WeakSet[ForkSafeLock] = WeakSet()


def _renew_all() -> None:
    for owner in _alive:
        owner.lock = Lock()


if hasattr(os, "register_at_fork"):
    # Once for all locks: a registration can't be taken back, so one a lock would leak.
    os.register_at_fork(after_in_child=_renew_all)


class Hold(Enum):
    """What came of asking for a file's lock."""

    HELD = "held"
    BUSY = "busy"  # another process, or another transport of this one, has it
    NONE = "none"  # this file system has no locks


class FileLock:
    """The advisory lock of one open file."""

    _PAUSE = 0.000_5  # seconds between two tries

    # On Windows a lock covers bytes and is mandatory: this one, the last that the C runtime can
    # lock, is far beyond the end of any sensible file, so readers don't meet it.
    _BYTE = 2**31 - 2

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.hold = Hold.BUSY

    def take(self, patience: float) -> Hold:
        """Ask for the lock until it is got or so many seconds are over."""
        deadline = time.monotonic() + patience
        while True:
            try:
                self._lock()
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= deadline:
                    self.hold = Hold.BUSY
                    return self.hold
                time.sleep(self._PAUSE)
            except OSError:
                self.hold = Hold.NONE
                return self.hold
            else:
                self.hold = Hold.HELD
                return self.hold

    def give_back(self) -> None:
        """Needed although closing would do it: a child forked meanwhile has the file open too,
        and the lock would stay with it."""
        if self.hold is Hold.HELD:
            self._unlock()

    if sys.platform == "win32":

        def _lock(self) -> None:
            os.lseek(self._fd, self._BYTE, os.SEEK_SET)
            msvcrt.locking(self._fd, msvcrt.LK_NBLCK, 1)

        def _unlock(self) -> None:
            os.lseek(self._fd, self._BYTE, os.SEEK_SET)
            msvcrt.locking(self._fd, msvcrt.LK_UNLCK, 1)

    else:

        def _lock(self) -> None:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

        def _unlock(self) -> None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
