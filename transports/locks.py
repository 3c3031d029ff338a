"""How threads, and processes that share a file, keep out of each other's way."""

from __future__ import annotations

import os
import sys
import time
from enum import Enum
from threading import Lock
from weakref import WeakSet

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes.wintypes import BOOL, DWORD, HANDLE
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
            _call(_lock_file, msvcrt.get_osfhandle(self._fd), _AT_ONCE | _EXCLUSIVE, 0)

        def _unlock(self) -> None:
            _call(_unlock_file, msvcrt.get_osfhandle(self._fd), 0)

    else:

        def _lock(self) -> None:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

        def _unlock(self) -> None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)


if sys.platform == "win32":
    # Not msvcrt.locking: it can't reach beyond 2 GiB, and a locked byte is locked to readers too.
    _AT_ONCE, _EXCLUSIVE = 0x1, 0x2

    class _Overlapped(ctypes.Structure):
        """OVERLAPPED: here where the locked byte is, far beyond the end of any file."""

        _fields_ = (
            ("internal", ctypes.c_size_t * 2),
            ("offset", ctypes.c_uint64),
            ("event", HANDLE),
        )

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _bytes = (DWORD, DWORD, ctypes.POINTER(_Overlapped))
    _lock_file, _unlock_file = _kernel.LockFileEx, _kernel.UnlockFileEx
    _lock_file.restype = _unlock_file.restype = BOOL
    _lock_file.argtypes = (HANDLE, DWORD, DWORD, *_bytes)
    _unlock_file.argtypes = (HANDLE, DWORD, *_bytes)

    def _call(function: ctypes._NamedFuncPointer, *arguments: int) -> None:
        """PermissionError when another has the lock."""
        if not function(*arguments, 1, 0, ctypes.byref(_Overlapped(offset=2**62))):
            raise ctypes.WinError(ctypes.get_last_error())
