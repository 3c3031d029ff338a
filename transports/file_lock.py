"""The advisory lock of an open file, by which processes that share it take turns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum
from functools import partial
from time import monotonic as _monotonic
from time import sleep as _sleep

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes.wintypes import BOOL, DWORD, HANDLE
else:
    import fcntl

__all__ = ["FileLock", "Hold"]

_PAUSE = 0.000_5  # seconds between two tries


class Hold(Enum):
    """The answer to asking for a file's lock."""

    HELD = "held"
    BUSY = "busy"  # another open file, in this process or another, holds it
    UNSUPPORTED = "unsupported"  # this file system has no locks


class FileLock:
    """The lock of the open file ``fd``; each opening of the file has a lock of its own.

    ``release`` gives the lock back, and does no harm when it is not held. It is one call into C, so
    that an interrupt in a ``finally`` cannot come before its effect. Closing the file is not
    enough: a child forked meanwhile has it open too, and would keep the lock. OSError on a file
    system without locks.
    """

    release: Callable[[], object]

    if sys.platform == "win32":

        def __init__(self, fd: int) -> None:
            self._range = _Overlapped(offset=_LOCKED_BYTE)
            self._handle = msvcrt.get_osfhandle(fd)
            self.release = partial(_unlock_file, self._handle, 0, 1, 0, ctypes.byref(self._range))

        def _lock(self) -> None:
            flags = _FAIL_IMMEDIATELY | _EXCLUSIVE
            if not _lock_file(self._handle, flags, 0, 1, 0, ctypes.byref(self._range)):
                raise ctypes.WinError(ctypes.get_last_error())

    else:

        def __init__(self, fd: int) -> None:
            self._fd = fd
            self.release = partial(fcntl.flock, fd, fcntl.LOCK_UN)

        def _lock(self) -> None:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def take(self, patience: float) -> Hold:
        """Ask for the lock until it is held or about ``patience`` seconds are over.

        Tries are counted too, since a clock may stand still (freezegun).
        """
        deadline = _monotonic() + patience
        tries = 1 + int(patience / _PAUSE)
        for number in range(tries):
            try:
                self._lock()
            except (BlockingIOError, PermissionError):
                if number == tries - 1 or _monotonic() >= deadline:
                    break
                _sleep(_PAUSE)
            except OSError as error:
                if error.errno is None:
                    raise  # not the system's: a signal handler's TimeoutError, say
                return Hold.UNSUPPORTED
            else:
                return Hold.HELD
        return Hold.BUSY


if sys.platform == "win32":
    # Not msvcrt.locking: it can't reach beyond 2 GiB, and a locked byte is locked to readers too.
    _FAIL_IMMEDIATELY, _EXCLUSIVE = 0x1, 0x2
    _LOCKED_BYTE = 2**62  # far beyond the end of any file

    class _Overlapped(ctypes.Structure):
        """OVERLAPPED: here where the locked byte is."""

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
