"""The two formats of a file of frames: how a frame stands in it, and where its whole part ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from struct import unpack_from
from time import monotonic as _monotonic
from typing import Protocol
from uuid import uuid4

from otel_etw.framing import PREFIX, RESOURCE_METRICS, follow_resource_metrics
from otel_etw.limits import FRAME_MAXIMUM, WRITTEN_LINE_MAXIMUM
from otel_etw.transports.file_troubles import Refused
from otel_etw.transports.json_encoding import JsonEncoder

__all__ = ["FILE_FORMATS", "FileFormat", "Record"]

# What is written for one frame, in parts that need not be copied together before the write.
Record = tuple[bytes | memoryview, ...]

_HEAD = 64
_BLOCK = 65_536

# How long a file may be looked at for a torn end, in reads of a block (256 MiB of small frames) and
# in seconds: meanwhile other writers wait, and give up after a second.
_LOOK_READS, _LOOK_SECONDS = 4096, 0.25
# Parts of the first frame that are followed before a file is believed to hold frames.
_FIELDS = 256

if sys.platform == "win32":

    def _read_at(fd: int, length: int, offset: int, /) -> bytes:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)

else:
    _read_at = os.pread


class FileFormat(Protocol):
    """What the writer of a file asks of a format."""

    limit: int
    """Bytes of a frame unless told otherwise."""
    safe_limit: int
    """Bytes of the largest frame that readers are sure to take."""
    torn_end: bytes
    """What ends a torn last record inside the file; empty: nothing can, a new file must begin."""
    foreign: tuple[str, str]
    """Reason and words for a file that holds something else."""

    def header(self) -> bytes:
        """What a new file begins with."""
        ...

    def record(self, frame: memoryview) -> Record:
        """What is written for a frame; raises `Refused`."""
        ...

    def recognises(self, fd: int, size: int) -> bool:
        """Whether a file that isn't empty begins as this format does."""
        ...

    def whole_until(self, fd: int, start: int, size: int) -> int | None:
        """Where the last whole record ends, given that one ended at ``start``; ``size`` when
        nothing is torn. None: that would take too long to find out."""
        ...


class LengthPrefixedFormat:
    """A 4-byte big-endian length before each frame: the Collector's ``format: proto``."""

    limit = 1_048_576
    safe_limit = FRAME_MAXIMUM
    torn_end = b""
    foreign: tuple[str, str] = (
        "not_frames",
        "does not begin with a length-prefixed OTLP metrics frame",
    )

    def header(self) -> bytes:
        return b""

    def record(self, frame: memoryview) -> Record:
        _check(frame)
        return len(frame).to_bytes(PREFIX, "big"), frame

    def recognises(self, fd: int, size: int) -> bool:
        head = _read_at(fd, _HEAD, 0)
        position = 0
        while head[position : position + PREFIX] == bytes(PREFIX):
            position += PREFIX
        if position >= len(head):
            # A few empty frames are possible; a run of NULs is somebody's blank file.
            return size < _HEAD
        prefix = head[position : position + PREFIX]
        start = position + PREFIX
        if start >= size:
            # Torn inside or after the first length; a frame's is below 64 MiB, text isn't.
            return prefix[0] <= FRAME_MAXIMUM >> 24
        length = int.from_bytes(prefix, "big")
        if length > FRAME_MAXIMUM:
            return False
        chain = follow_resource_metrics(_FileBytes(fd, size), start, start + length, _FIELDS)
        return chain.agrees

    def whole_until(self, fd: int, start: int, size: int) -> int | None:
        deadline = _monotonic() + _LOOK_SECONDS
        for _ in range(_LOOK_READS):
            if start + PREFIX > size:
                return start
            block = _read_at(fd, min(_BLOCK, size - start), start)
            offset = 0
            while offset + PREFIX <= len(block):
                payload = offset + PREFIX
                length = unpack_from(">I", block, offset)[0]
                if start + payload + length > size or length > FRAME_MAXIMUM:
                    return start + offset
                if length:
                    if payload == len(block):
                        break
                    # Behind a torn frame that something was written to, lengths are none.
                    if block[payload] != RESOURCE_METRICS:
                        return start + offset
                offset = payload + length
            if not offset:
                return start  # cut shorter by somebody while it was read
            start += offset
            if _monotonic() > deadline:
                break
        return start if start == size else None


class _FileBytes:
    """The bytes of an open file one by one, a few read at once."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self._begin, self._block = 0, b""

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> int:
        if not self._begin <= index < self._begin + len(self._block):
            self._begin, self._block = index, _read_at(self._fd, _HEAD, index)
        return self._block[index - self._begin] if self._block else 0


class JsonLinesFormat:
    """An OTLP JSON object a line: what the Collector's ``otlpjsonfile`` receiver reads."""

    # JSON takes up to seven times the bytes of protobuf, and has `WRITTEN_LINE_MAXIMUM` to fit.
    limit = safe_limit = 131_072
    torn_end = b"\n"
    foreign: tuple[str, str] = ("not_json_lines", "does not begin with a JSON object on a line")

    def __init__(self) -> None:
        self._json = JsonEncoder()

    def header(self) -> bytes:
        """The Collector knows files by their first 1,000 bytes: those must be a file's own, or
        it takes a new file for the one just rotated away. It ignores unknown names."""
        return b'{"file":"%s"}\n' % uuid4().hex.encode()

    def record(self, frame: memoryview) -> Record:
        _check(frame)
        try:
            line = self._json.line(bytes(frame))
        except ValueError as error:
            raise Refused("not_otlp", f"a frame of {len(frame):,} bytes: {error}") from error
        if len(line) > WRITTEN_LINE_MAXIMUM:
            raise Refused(
                "line_too_long",
                f"a frame of {len(frame):,} bytes became a line of {len(line):,} bytes of JSON; "
                f"readers take up to {WRITTEN_LINE_MAXIMUM:,}: set a lower limit than "
                f"{len(frame):,}",
            )
        return (line,)

    def recognises(self, fd: int, size: int) -> bool:
        begin = _read_at(fd, _HEAD, 0).lstrip()[:2]
        return begin in (b"", b"{", b'{"', b"{}")

    def whole_until(self, fd: int, start: int, size: int) -> int:
        return size if start == size or _read_at(fd, 1, size - 1) == b"\n" else start


def _check(frame: memoryview) -> None:
    """`Refused` for a frame that no reader would take: a transport is handed whatever its caller
    has."""
    size = len(frame)
    if size > FRAME_MAXIMUM:
        raise Refused(
            "frame_too_large",
            f"a frame of {size:,} bytes is larger than readers take, {FRAME_MAXIMUM:,}: set a "
            f"lower limit",
        )
    if size and frame[0] != RESOURCE_METRICS:
        raise Refused(
            "not_otlp", f"a frame of {size:,} bytes is no ExportMetricsServiceRequest of metrics"
        )


FILE_FORMATS: dict[str, Callable[[], FileFormat]] = {
    "proto": LengthPrefixedFormat,
    "jsonl": JsonLinesFormat,
}
