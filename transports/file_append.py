"""Appending to a file that other processes append to, rotate and may leave torn."""

from __future__ import annotations

import os
import sys
import time
from bisect import bisect_right
from contextlib import suppress
from itertools import accumulate, chain
from pathlib import Path
from typing import Literal

from otel_etw.transports.file_formats import Format, Piece
from otel_etw.transports.file_open import TRIES, Busy, File, identity_at, opened
from otel_etw.transports.file_rotation import prune, set_aside
from otel_etw.transports.file_troubles import Refused, explain
from otel_etw.transports.locks import Hold

__all__ = ["Appender"]

# Seconds to wait for the lock where frames can do without it, and where they would be lost.
_SHORT, _LONG = 0.05, 1.0


class Appender:
    """Appends pieces to one path, in one write as a rule; holds nothing between two calls.

    A file that would grow beyond ``max_bytes`` is set aside first, and of the files set aside
    ``backups`` are kept; with None neither happens.
    """

    def __init__(self, path: Path, form: Format, max_bytes: int | None, backups: int) -> None:
        self._path = path
        self._form = form
        self._max_bytes = max_bytes
        self._backups = backups
        # The file looked at last, and up to where its pieces were seen to be whole.
        self._known: tuple[tuple[int, int] | None, int] = (None, 0)

    def append(self, pieces: list[Piece]) -> tuple[int, tuple[str, str] | None]:
        """How many pieces are now whole in the file, and what stopped the others: the reason
        and its sentence."""
        done = 0
        rotate = True
        # The C runtime of Windows appends in two steps: without the lock it could overwrite.
        patience = _LONG if sys.platform == "win32" else _SHORT
        try:
            while done < len(pieces):
                try:
                    done += self._append_some(pieces[done:], rotate, patience)
                except _RotationFailed:
                    # A reader has it open on Windows, or the folder forbids it: a file too
                    # large is better than lost frames.
                    rotate = False
                except Busy:
                    if patience == _LONG:
                        raise Refused("locked", "another writer holds its lock") from None
                    patience = _LONG
        except (OSError, Refused) as trouble:
            return done, explain(self._path, trouble)
        return done, None

    def _append_some(self, pieces: list[Piece], rotate: bool, patience: float) -> int:
        """One write, or none after a file was set aside; the pieces that are now whole."""
        with opened(self._path, patience) as file:
            torn = self._is_torn(file)
            if torn and not self._form.mend:
                if not file.in_place:
                    raise Refused("moved", f"moved away {TRIES} times while it was opened")
                if file.hold is Hold.BUSY:
                    raise Busy  # amid a frame, or killed amid one: who has the lock can tell
                self._begin_anew(file, "torn")
                return 0
            # Who has no lock can't know what happens between this look and the write.
            lead = self._form.mend if torn or file.hold is Hold.BUSY else b""
            if not file.size:
                lead += self._form.header()
            ends = list(accumulate((sum(map(len, piece)) for piece in pieces), initial=len(lead)))
            count = len(pieces)
            rotate = rotate and file.in_place and file.hold is not Hold.BUSY
            if rotate and self._max_bytes is not None:
                room = self._max_bytes - file.size
                if file.size and ends[-1] > room:
                    try:
                        self._begin_anew(file, "size")
                    except OSError as error:
                        raise _RotationFailed from error
                    return 0
                count = max(1, bisect_right(ends, room) - 1)
            buffers = [lead, *chain.from_iterable(pieces[:count])]
            return self._write(file, buffers, ends[: count + 1])

    def _is_torn(self, file: File) -> bool:
        """Whether the file ends inside a piece; reads only what is new since the last look."""
        identity, whole = self._known
        if identity != file.identity or whole > file.size:
            whole = 0
        if not whole and file.size and not self._form.recognises(file.fd, file.size):
            reason, words = self._form.foreign
            raise Refused(reason, f"left as it is, for it {words}; choose another path")
        whole = self._form.whole_until(file.fd, whole, file.size)
        self._known = file.identity, whole
        return whole != file.size

    def _begin_anew(self, file: File, why: Literal["size", "torn"]) -> None:
        if sys.platform == "win32":
            file.let_go()  # an open file can't be renamed there
        deadline = time.monotonic() + _SHORT
        while True:
            try:
                set_aside(self._path, why)
                break
            except FileNotFoundError:
                if identity_at(self._path) == file.identity:
                    raise
                break  # another process was quicker
            except PermissionError:
                # Others may have it open there for as long as they look at it.
                if sys.platform != "win32" or time.monotonic() >= deadline:
                    raise
                time.sleep(0.005)
        if self._max_bytes is not None:
            prune(self._path, self._backups)

    def _write(self, file: File, buffers: list[bytes | memoryview], ends: list[int]) -> int:
        """``ends``: where in all the bytes the pieces begin and end. Raises OSError or `Refused`
        when not even one is whole in the file."""
        written = 0
        try:
            while written < ends[-1]:
                taken = _write_from(file.fd, buffers, written)
                written += taken
                if not taken or not file.is_ours_until(file.size + written):
                    break
        except OSError:
            if whole := self._cut(file, written, ends):
                return whole
            raise
        if written == ends[-1]:
            with suppress(OSError):
                if file.is_long(file.size + written):
                    self._known = file.identity, file.size + written
            return len(ends) - 1
        if whole := self._cut(file, written, ends):
            return whole
        raise Refused("short_write", "the system took a part of a frame")

    def _cut(self, file: File, written: int, ends: list[int]) -> int:
        """Remove the torn end of our own write where nobody else can have written behind it;
        the number of pieces that are whole."""
        whole = max(0, bisect_right(ends, written) - 1)
        with suppress(OSError):
            if file.is_ours_until(file.size + written):
                os.ftruncate(file.fd, file.size + (ends[whole] if whole else 0))
        return whole


def _write_from(fd: int, buffers: list[bytes | memoryview], begin: int) -> int:
    """One write of all bytes behind the first ``begin``; how many of them were taken."""
    if not begin and len(buffers) <= _FEW and max(map(len, buffers)) >= _LARGE and _HAS_WRITEV:
        return os.writev(fd, buffers)
    return os.write(fd, memoryview(b"".join(buffers))[begin:])


# Joining buffers costs less than a call that takes several, unless one is large. So few are taken
# by every system that has the call.
_LARGE, _FEW = 65_536, 16
_HAS_WRITEV = hasattr(os, "writev")


class _RotationFailed(Exception):
    """The file could not be renamed."""
