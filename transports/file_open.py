"""Opening and locking a file that other processes may lock, rename or remove meanwhile."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep as _sleep
from typing import TypeVar

from otel_etw.transports.file_lock import FileLock, Hold
from otel_etw.transports.file_troubles import Refused

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes.wintypes import DWORD, HANDLE, LPCWSTR, LPVOID

__all__ = ["TRIES", "Busy", "OpenFile", "identity_at", "try_again", "with_file"]

_Result = TypeVar("_Result")

# A file that another process rotates while it is opened is opened again, so many times: of eight
# processes that write and rotate without a pause one needs ten now and then. After that the batch
# goes to the end of the file just rotated: a little too large, but not lost.
TRIES = 20

# On Windows a file can't be opened while another process renames it, nor renamed while a virus
# scanner has it open: so many tries, and seconds between them.
_MOMENTS, _MOMENT = 10, 0.005

# ERROR_ACCESS_DENIED (of a file that is being removed), ERROR_SHARING_VIOLATION,
# ERROR_LOCK_VIOLATION.
_PASSING = (5, 32, 33)


class Busy(Exception):
    """Another has the lock, and has kept it for as long as was waited."""


class OpenFile:
    """A file opened and locked for one write.

    ``size``: bytes; ``identity``: what tells it from every other file; ``in_place``: whether the
    path leads to it; ``removed``: whether no path does; ``locked``: False on a file system without
    locks.
    """

    __slots__ = ("fd", "identity", "in_place", "locked", "removed", "size")

    def __init__(self, fd: int, path: str, locked: bool) -> None:
        self.fd = fd
        self.locked = locked
        status = os.fstat(fd)
        self.size = status.st_size
        self.identity = status.st_dev, status.st_ino
        self.removed = not status.st_nlink
        self.in_place = self.identity == identity_at(path)

    def is_ours_until(self, size: int) -> bool:
        """Whether the file has this size and nobody who keeps to the lock can change it."""
        return self.locked and os.fstat(self.fd).st_size == size


def with_file(path: str, patience: float, use: Callable[[OpenFile], _Result]) -> _Result:
    """What ``use`` returns for the file at ``path``, made if need be, and locked.

    `Busy` when the lock is not had within ``patience`` seconds; OSError; `Refused`.
    """
    for again in reversed(range(TRIES)):
        fds: list[int] = []
        locks: list[FileLock] = []
        # An interrupt may come after any call. So each resource is noted by the same C call that
        # gets it, and each `finally` begins with the one that gives it back.
        try:
            _open_into(fds, path)
            if not stat.S_ISREG(os.fstat(fds[0]).st_mode):
                raise Refused("not_a_file", "it is a pipe or a device; choose the path of a file")
            try:
                locks.append(FileLock(fds[0]))
                hold = locks[0].take(patience)
                if hold is Hold.BUSY:
                    raise Busy
                file = OpenFile(fds[0], path, hold is Hold.HELD)
                if file.in_place or not (again or file.removed):
                    return use(file)
            finally:
                for lock in locks:
                    try:  # noqa: SIM105  (suppress is a call)
                        lock.release()
                    except OSError:
                        pass  # no locks here
        finally:
            for fd in fds:
                os.close(fd)
    raise Refused("moved", f"removed or renamed {TRIES} times while it was opened")


def _open_into(fds: list[int], path: str) -> None:
    """Open the file at ``path`` for appending and put its descriptor into ``fds``."""
    try:
        try_again(lambda: _append_to(fds, path), path)
    except FileNotFoundError:
        # Not os.makedirs, which on Windows does not say that a part of the path is a file.
        Path(path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _append_to(fds, path)


def try_again(call: Callable[[], None], path: str) -> None:
    """``call``, again while it fails for a reason that may pass: only Windows names any."""
    for number in range(_MOMENTS):
        try:
            return call()
        except OSError as error:
            passing = getattr(error, "winerror", None) in _PASSING
            if not passing or number == _MOMENTS - 1 or os.path.isdir(path):  # noqa: PTH112
                raise
            _sleep(_MOMENT)


if sys.platform == "win32":
    # os.open has no FILE_SHARE_DELETE, without which an open file can't be renamed: it would have
    # to be closed, and so unlocked, before it is rotated.
    _SHARE_ALL = 0x1 | 0x2 | 0x4
    _READ_WRITE, _READ_ATTRIBUTES = 0x8000_0000 | 0x4000_0000, 0x80
    _OPEN_EXISTING, _OPEN_ALWAYS = 3, 4
    _NORMAL, _BACKUP_SEMANTICS = 0x80, 0x0200_0000

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _create_file, _close_handle = _kernel.CreateFileW, _kernel.CloseHandle
    _create_file.restype = ctypes.c_ssize_t
    _create_file.argtypes = (LPCWSTR, DWORD, DWORD, LPVOID, DWORD, DWORD, HANDLE)
    _close_handle.argtypes = (HANDLE,)
    _INVALID = -1

    def _create(
        fds: list[int], path: str, access: int, disposition: int, attributes: int, flags: int
    ) -> None:
        arguments = path, access, _SHARE_ALL, None, disposition, attributes, None
        handles: list[int] = []
        try:
            handles.extend(map(_create_file, *((argument,) for argument in arguments)))
            if handles[0] == _INVALID:
                raise ctypes.WinError(ctypes.get_last_error())
            fds.extend(map(msvcrt.open_osfhandle, handles, (flags,)))
        finally:
            if not fds and handles and handles[0] != _INVALID:
                _close_handle(handles[0])

    def _append_to(fds: list[int], path: str) -> None:
        _create(fds, path, _READ_WRITE, _OPEN_ALWAYS, _NORMAL, os.O_RDWR | os.O_APPEND)

    def identity_at(path: str) -> tuple[int, int] | None:
        """The volume and number of the file at ``path``; None: there is none."""
        fds: list[int] = []
        try:
            # By fstat, as for the open file: os.stat has numbers of another kind since 3.12.
            _create(fds, path, _READ_ATTRIBUTES, _OPEN_EXISTING, _BACKUP_SEMANTICS, os.O_RDONLY)
            status = os.fstat(fds[0])
        except (FileNotFoundError, PermissionError):
            return None
        finally:
            for fd in fds:
                os.close(fd)
        return status.st_dev, status.st_ino

else:
    # Read too, since the tail is looked at before each write. Without NONBLOCK and NOCTTY a path
    # that leads to a pipe or a terminal would block, or be taken over, before it is refused.
    _FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY

    def _append_to(fds: list[int], path: str) -> None:
        fds.extend(map(os.open, (path,), (_FLAGS,), (0o600,)))

    def identity_at(path: str) -> tuple[int, int] | None:
        """The device and number of the file at ``path``; None: there is none."""
        try:
            status = os.stat(path)  # noqa: PTH116  (a Path for each batch costs more than the call)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino
