"""The two forms of a file of frames: how a frame stands in it, and where its whole part ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from struct import unpack_from
from typing import Protocol
from uuid import uuid4

from otel_etw.limits import WRITTEN_LINE_MAXIMUM
from otel_etw.transports.otlp_json import OtlpJson

__all__ = ["FORMATS", "Format", "Piece", "Unwritable"]

# What is written for one frame, in parts that need not be copied together before the write.
Piece = tuple[bytes | memoryview, ...]

_HEAD = 64
_BLOCK = 65_536

if sys.platform == "win32":

    def _read_at(fd: int, length: int, offset: int, /) -> bytes:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)

else:
    _read_at = os.pread


class Unwritable(Exception):
    """A frame that this form can't hold: ``reason`` is the key, the text is the sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Format(Protocol):
    """What the writer of a file asks of a form."""

    limit: int
    """Bytes of a frame unless told otherwise."""
    mend: bytes
    """What ends a torn last piece inside the file; empty: nothing can, a new file must begin."""
    foreign: tuple[str, str]
    """Reason and words for a file that holds something else."""

    def header(self) -> bytes:
        """What a new file begins with."""
        ...

    def piece(self, frame: memoryview) -> Piece:
        """What is written for a frame; raises `Unwritable`."""
        ...

    def recognises(self, fd: int, size: int) -> bool:
        """Whether a file that isn't empty begins as this form does."""
        ...

    def whole_until(self, fd: int, start: int, size: int) -> int:
        """Where the last whole piece ends, given that one ended at ``start``; ``size`` when
        nothing is torn."""
        ...


class ProtoFrames:
    """A 4-byte big-endian length before each frame: the Collector's ``format: proto``."""

    limit = 1_048_576
    mend = b""
    foreign: tuple[str, str] = (
        "not_frames",
        "does not begin with a length-prefixed OTLP metrics frame",
    )

    def header(self) -> bytes:
        return b""

    def piece(self, frame: memoryview) -> Piece:
        return len(frame).to_bytes(4, "big"), frame

    def recognises(self, fd: int, size: int) -> bool:
        head = _read_at(fd, _HEAD, 0)
        position = 0
        while head[position : position + 4] == b"\0\0\0\0":
            position += 4
        if position >= len(head):
            # A few empty frames are possible; a run of NULs is somebody's blank file.
            return size < _HEAD
        prefix = head[position : position + 4]
        if position + 4 >= size:
            # Torn inside or after the first length; ours is below 16 MiB, text isn't.
            return prefix[0] == 0
        length = int.from_bytes(prefix, "big")
        return _holds_resources(fd, position + 4, position + 4 + length, size)

    def whole_until(self, fd: int, start: int, size: int) -> int:
        while start + 4 <= size:
            block = _read_at(fd, min(_BLOCK, size - start), start)
            offset = 0
            while offset + 4 <= len(block):
                after = offset + 4 + int(unpack_from(">I", block, offset)[0])
                if start + after > size:
                    return start + offset
                offset = after
            if not offset:
                break  # cut shorter by somebody while it was read
            start += offset
        return start


def _holds_resources(fd: int, start: int, end: int, size: int) -> bool:
    """Whether a frame is made of ``resource_metrics`` fields (tag 0x0A) alone, whose lengths add
    up to its own; of a torn frame, as much as there is of it."""
    while start < min(end, size):
        head = _read_at(fd, 7, start)
        if head[0] != 0x0A:
            return False
        length = 0
        for index, byte in enumerate(head[1:6]):
            length |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                break
        else:
            return start + len(head) == size and len(head) < 6
        start += 2 + index + length
        inner = head[2 + index : 3 + index]
        if length and inner and inner[0] not in (0x0A, 0x12, 0x1A):
            return False
    return start == end or size <= start <= end


class JsonLines:
    """An OTLP JSON object a line: what the Collector's ``otlpjsonfile`` receiver reads."""

    # JSON takes up to seven times the bytes of protobuf, and has `WRITTEN_LINE_MAXIMUM` to fit.
    limit = 131_072
    mend = b"\n"
    foreign: tuple[str, str] = ("not_json_lines", "does not begin with a JSON object on a line")

    def __init__(self) -> None:
        self._json = OtlpJson()

    def header(self) -> bytes:
        """The Collector knows files by their first 1,000 bytes: those must be a file's own, or
        it takes a new file for the one just rotated away. It passes over unknown names."""
        return b'{"file":"%s"}\n' % uuid4().hex.encode()

    def piece(self, frame: memoryview) -> Piece:
        try:
            line = self._json.line(bytes(frame))
        except ValueError as error:
            raise Unwritable("not_otlp", f"a frame of {len(frame):,} bytes: {error}") from error
        if len(line) > WRITTEN_LINE_MAXIMUM:
            raise Unwritable(
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


FORMATS: dict[str, Callable[[], Format]] = {"proto": ProtoFrames, "jsonl": JsonLines}
