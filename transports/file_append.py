"""Appending to a file that other processes append to, rotate and may leave torn."""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from contextlib import suppress
from functools import partial
from itertools import accumulate, chain
from typing import Literal, NamedTuple

from otel_etw.transports.file_formats import FileFormat, Record
from otel_etw.transports.file_open import (
    TRIES,
    Busy,
    OpenFile,
    identity_at,
    try_again,
    with_file,
)
from otel_etw.transports.file_rotation import Backups
from otel_etw.transports.file_troubles import Refused, cause, explain

__all__ = ["Appender", "Outcome"]

# Seconds to wait for the file's lock: at first, and after that was in vain, until it is had again.
_PATIENCE, _SHORT_PATIENCE = 1.0, 0.05

# After a rotation that failed: to try each time would list the folder each time, under the lock.
# Batches are counted, since a clock may stand still.
_BATCHES_WITHOUT_ROTATION = 32


class Outcome(NamedTuple):
    """What became of records."""

    written: int
    """How many are now whole in the file, from the first on."""
    trouble: tuple[str, str] | None
    """What stopped the others: the reason and its sentence."""
    notices: dict[str, str]
    """What an operator should know though nothing was lost, by kind."""


class Appender:
    """Appends records to one path, in one write as a rule; holds nothing between two calls.

    A file that would grow beyond ``max_bytes`` is rotated first, and of the rotated and quarantined
    files ``backups`` are kept; with None nothing is rotated or removed.
    """

    def __init__(
        self, path: str, file_format: FileFormat, max_bytes: int | None, backups: int
    ) -> None:
        self._path = path
        self._format = file_format
        self._max_bytes = max_bytes
        self._backups = backups
        self._patience = _PATIENCE
        # The file looked at last, and up to where its records were seen to be whole.
        self._known: tuple[tuple[int, int] | None, int] = (None, 0)
        self._notices: dict[str, str] = {}
        # So many batches more are written before rotation is tried again.
        self._without_rotation = 0

    def append(self, records: list[Record]) -> Outcome:
        done = 0
        self._without_rotation = max(0, self._without_rotation - 1)
        rotate = self._max_bytes is not None and not self._without_rotation
        self._notices = {}
        # One write and one rotation a record are the most that is needed, if all goes well.
        rounds = 2 * len(records) + TRIES
        try:
            while done < len(records):
                if not rounds:
                    raise Refused("moved", "others rotate it faster than it can be written to")
                rounds -= 1
                step = partial(self._append_some, records[done:] if done else records, rotate)
                try:
                    done += with_file(self._path, self._patience, step)
                    self._patience = _PATIENCE
                except _RotationFailed as failure:
                    # A file too large is better than lost frames.
                    rotate = False
                    self._without_rotation = _BATCHES_WITHOUT_ROTATION
                    self._notices["rotation"] = str(failure)
                except Busy:
                    self._patience = _SHORT_PATIENCE
                    raise Refused("locked", "another writer holds its lock") from None
        except (OSError, Refused) as trouble:
            return Outcome(done, explain(self._path, trouble), self._notices)
        return Outcome(done, None, self._notices)

    def _append_some(self, records: list[Record], rotate: bool, file: OpenFile) -> int:
        """One write, or none after the file was renamed; the records that are now whole."""
        whole = self._whole_until(file)
        torn = whole != file.size
        if torn and not self._format.torn_end:
            self._quarantine(file, whole)
            return 0
        lead = self._format.torn_end if torn else b""
        if not file.size:
            lead += self._format.header()
        ends = list(accumulate((sum(map(len, record)) for record in records), initial=len(lead)))
        count = len(records)
        if rotate and file.in_place and self._max_bytes is not None:
            room = self._max_bytes - file.size
            if file.size and ends[-1] > room:
                try:
                    self._rename(file, "size")
                except OSError as error:
                    _, words = cause(self._path, error)
                    raise _RotationFailed(
                        f"{self._path}: grows beyond max_bytes={self._max_bytes}, for it can't be "
                        f"renamed: {words}"
                    ) from error
                return 0
            count = max(1, bisect_right(ends, room) - 1)
        buffers = [lead, *chain.from_iterable(records[:count])]
        return self._write(file, buffers, ends[: count + 1])

    def _whole_until(self, file: OpenFile) -> int | None:
        """Up to where the file is whole, its size unless it is torn; None: that would take too long
        to find out. Reads only what is new since the last look."""
        identity, whole = self._known
        if identity != file.identity or whole > file.size:
            whole = 0
        if whole == file.size:
            return whole
        if not whole and not self._format.recognises(file.fd, file.size):
            reason, words = self._format.foreign
            raise Refused(reason, f"left as it is, for it {words}; choose another path")
        found = self._format.whole_until(file.fd, whole, file.size)
        if found is not None:
            self._known = file.identity, found
        return found

    def _quarantine(self, file: OpenFile, whole: int | None) -> None:
        """Rename a file to which nothing can be appended."""
        if not file.in_place:
            raise Refused("moved", f"renamed {TRIES} times while it was opened")
        why: Literal["size", "torn"] = "torn"
        fault = "it ends inside a frame"
        if whole is None:
            why, fault = "size", "it is too large to be searched for a torn end"
        try:
            name = self._rename(file, why)
        except OSError as error:
            reason, words = cause(self._path, error)
            raise Refused(reason, f"{fault}, and can't be renamed: {words}") from error
        if name:
            self._notices["quarantine"] = f"{self._path}: {fault}, and was renamed to {name}"

    def _rename(self, file: OpenFile, why: Literal["size", "torn"]) -> str:
        """Rename a file that is in place; the new name, empty when another was quicker."""
        backups = Backups(self._path)
        target = backups.next(why)
        # Whoever keeps to the lock can't have renamed it since it was opened; others may.
        if identity_at(self._path) != file.identity:
            return ""
        try:
            try_again(partial(os.rename, backups.path, target), self._path)
        except FileNotFoundError:
            if identity_at(self._path) == file.identity:
                raise
            return ""
        if self._max_bytes is not None:
            trouble = backups.prune(self._backups)
            if trouble:
                self._notices["removal"] = (
                    f"{self._path}: old files beyond backups={self._backups} can't be removed: "
                    f"{trouble}"
                )
        return target

    def _write(self, file: OpenFile, buffers: list[bytes | memoryview], ends: list[int]) -> int:
        """``ends``: where in all the bytes the records begin and end. Raises OSError or `Refused`
        when not even one is whole in the file."""
        written = 0
        trouble: OSError | Refused = Refused("short_write", "the system took a part of a frame")
        try:
            while written < ends[-1]:
                taken = _write_from(file.fd, buffers, written)
                written += taken
                if written == ends[-1] or not taken:
                    break
                if not file.is_ours_until(file.size + written):
                    break
        except OSError as error:
            if error.errno is None:
                raise  # not the system's: a signal handler's TimeoutError, say
            trouble = error
        if written:
            # In append mode the descriptor stands behind what was written, wherever that went.
            end = os.lseek(file.fd, 0, os.SEEK_CUR)
            self._check_beginning(file, end - written)
            if written == ends[-1]:
                self._known = file.identity, end
                return len(ends) - 1
        whole = max(0, bisect_right(ends, written) - 1)
        with suppress(OSError):
            # Remove the torn end of our own write where nobody else can have written behind it.
            if file.is_ours_until(file.size + written):
                os.ftruncate(file.fd, file.size + (ends[whole] if whole else 0))
        if not whole:
            raise trouble
        return whole

    def _check_beginning(self, file: OpenFile, begin: int) -> None:
        """`Refused` when our write stands behind a torn frame of a writer that does not keep to the
        lock: readers that go by the lengths can't find it. The next batch quarantines the file."""
        if begin == file.size or self._format.whole_until(file.fd, file.size, begin) == begin:
            return
        raise Refused(
            "behind_torn_frame",
            "a program that does not take its lock left a torn frame meanwhile, and readers don't "
            "find what is written behind it",
        )


def _write_from(fd: int, buffers: list[bytes | memoryview], begin: int) -> int:
    """One write of all bytes behind the first ``begin``; how many of them were taken."""
    if sys.platform != "win32" and not begin:
        # Joining buffers costs less than a call that takes several, unless one is large.
        if len(buffers) <= _FEW and max(map(len, buffers)) >= _LARGE:
            return os.writev(fd, buffers)
    return os.write(fd, memoryview(b"".join(buffers))[begin:])


# Bytes of a large buffer, and how many buffers every system takes in one call (IOV_MAX of POSIX).
_LARGE, _FEW = 65_536, 16


class _RotationFailed(Exception):
    """The file could not be renamed; the text is the sentence."""
