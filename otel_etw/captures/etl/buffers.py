"""A file → its buffers (WMI_BUFFER_HEADER of the Windows kernel), and what stands between them.

The header of a buffer says how far the next one is, so that one wrong size loses the way. It is
found again where a header looks as one should: in an ordinary file with the session's buffer size,
in a merged one at a multiple of 512 bytes, in a compressed one anywhere. And a size that is not the
session's is believed when another buffer, zeros or the end follow.

Zeros where a buffer should begin are what was never written: files are made longer in advance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import NamedTuple

from otel_etw.captures.etl.log_header import SessionBuffers, is_log_header, session_buffers
from otel_etw.captures.items import Damage

__all__ = [
    "HEADER",
    "HEADER_BUFFER",
    "LARGEST",
    "LOST",
    "Buffer",
    "BufferHeader",
    "Buffers",
    "begins_log",
    "may_begin_log",
]

HEADER = 72
"""Bytes of a buffer's header."""

LARGEST = 16 << 20
"""Bytes of the largest buffer that sessions have (Windows 8 and later), its header included."""

HEADER_BUFFER = 4
"""Type of the buffer that begins a file."""

LOST = 0x2 | 0x4
"""Flags: events, or buffers, were lost before this one."""

_COMPRESSED = 0x40
_WIDE_PROCESSOR = 0x20
_FLAGS = 0x7F
_LAST_TYPE = 7

_FORMAT = Struct("<IIIiqqQHHIIHH16x")
# Buffers are multiples of it: the first one of a merged file has a sector of 512 bytes.
_SMALLEST = 512
# What must be there of a buffer to recognise it, and of the first one to know the session's.
_LOOK = HEADER + 4
_FIRST_LOOK = 144
_NOT_ZERO = re.compile(rb"[^\0]")
# State, Offset, BufferFlag and BufferType of a compressed buffer; State is at 0x2C.
_COMPRESSED_HEADER = re.compile(rb"(?=..\0\0...[\0\1][\x40-\x7f]\0[\0-\7]\0)", re.DOTALL)
_STATE_AT = 0x2C
_NO_HEADER = "no header of a buffer stands where one should"
# Places among damage that are looked at, before the rest of a file is given up: it may be made of
# nothing but places that look like a buffer at first sight.
_ATTEMPTS = 1 << 20


class BufferHeader(NamedTuple):
    """The fields of WMI_BUFFER_HEADER that mean something in a file."""

    size: int
    """Bytes to the next buffer."""
    saved: int
    """Mostly as ``valid``, but 0 in the first buffer of Windows 7."""
    sequence: int
    processor: int
    logger: int
    state: int
    """In the first buffer of a compressed file its low 16 bits are the compression format."""
    valid: int
    """Bytes that hold something, header included; of a compressed buffer, after expansion."""
    flags: int
    type: int

    @property
    def is_compressed(self) -> bool:
        return bool(self.flags & _COMPRESSED)


class Buffer(NamedTuple):
    """One buffer: ``data`` holds it from ``start`` to ``end``."""

    offset: int
    """In the file."""
    header: BufferHeader
    data: bytes
    start: int
    end: int

    @property
    def is_cut(self) -> bool:
        """Whether the file ends within it."""
        return self.end - self.start < self.header.size


def buffer_header(data: bytes, at: int) -> BufferHeader:
    """The header at an index of ``data``, which has 72 bytes from there."""
    (
        size, saved, _, _, _, sequence, _, processor, logger, state, valid, flags, kind,
    ) = _FORMAT.unpack_from(data, at)  # fmt: skip
    if not flags & _WIDE_PROCESSOR:
        processor &= 0xFF  # beside it, the alignment of the buffer
    return BufferHeader(size, saved, sequence, processor, logger, state, valid, flags, kind)


def begins_log(head: bytes) -> bool:
    """Whether a file that begins with these bytes, 76 or more, is a log: its first buffer has a
    type of its own, and holds a record of the system."""
    if len(head) < _LOOK:
        return False
    header = buffer_header(head, 0)
    return (
        _SMALLEST <= header.size <= LARGEST
        and header.type == HEADER_BUFFER
        and head[HEADER + 3] == 0xC0
    )


def may_begin_log(head: bytes) -> bool:
    """Whether a file that grows may become a log, so far as fewer than 76 bytes can tell."""
    return 4 <= len(head) < _LOOK and _SMALLEST <= int.from_bytes(head[:4], "little") <= LARGEST


class Buffers:
    """Cuts a file into buffers, in whatever pieces it comes.

    Holds one buffer of up to 16 MiB, and of what follows as much as tells its size.
    """

    def __init__(self) -> None:
        self._begin(0)

    def _begin(self, offset: int) -> None:
        self._data = b""
        self._pieces: list[bytes] = []  # what came behind it
        self._there = 0  # bytes of both
        self._base = offset  # where the data begins in the file
        self._need = 0  # bytes that there must be before anything more can be told
        self._lost: tuple[int, str] | None = None  # since which offset no buffer was found, and why
        self._found = offset  # where the last buffer that was found began
        self._session: SessionBuffers | None = None
        self._logger = 0
        self._attempts = _ATTEMPTS
        self._complete = False
        self._is_settled = False

    def feed(self, data: bytes) -> Iterator[Buffer | Damage]:
        """The buffers that are whole with what comes next in the file."""
        self._pieces.append(data)
        self._there += len(data)
        if self._there >= self._need:
            yield from self._advance()

    def settle(self) -> Iterator[Buffer | Damage]:
        """Nothing more has come yet: the last buffer too, if it is whole but only what follows
        could tell."""
        self._is_settled = True
        yield from self._advance()
        self._is_settled = False

    @property
    def unwritten(self) -> int | None:
        """The offset from which on there are only zeros where buffers should be; None when what
        came last was something else. A running session may still write there."""
        if self._lost:
            return None if self._lost[1] else self._lost[0]
        if not 0 < self._there < HEADER:
            return None
        return None if _NOT_ZERO.search(b"".join((self._data, *self._pieces))) else self._base

    def return_to_unwritten(self) -> None:
        """Forget the zeros from ``unwritten`` on: what comes next stands there."""
        offset = self.unwritten
        if offset is not None:
            self._data, self._pieces, self._there = b"", [], 0
            self._base, self._need, self._lost = offset, 0, None

    def finish(self) -> Iterator[Buffer | Damage]:
        """The file ends here: the last buffer too, as far as it is there."""
        self._complete = True
        yield from self._advance()
        end = self._base + len(self._data)
        if not self._lost and _NOT_ZERO.search(self._data):
            self._lost = self._base, f"the file ends within the {HEADER} bytes of a buffer's header"
        yield from self._end_of_damage(end)
        self._begin(end)

    def _advance(self) -> Iterator[Buffer | Damage]:
        if self._pieces:
            # A piece that begins with a buffer is not copied.
            pieces = [self._data, *self._pieces] if self._data else self._pieces
            self._data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._pieces = []
        at = 0
        while True:
            if self._lost:
                at = self._search(at)
                if at < 0:
                    return
            have = len(self._data) - at
            offset = self._base + at
            look = HEADER if self._session or self._complete else _FIRST_LOOK
            if have < look:
                self._need = look
                return self._drop(at)
            header = buffer_header(self._data, at)
            fault = self._fault(header, at)
            if fault is not None:
                self._lost = self._lost or (offset, fault)
                at += 1
                continue
            if header.type == HEADER_BUFFER:
                self._read_session(header, at)
            size, need = self._size(header, at)
            if have < need and not self._complete:
                self._need = need
                return self._drop(at)
            if size < HEADER:
                # Another one begins amid what looks like its header.
                self._lost = self._lost or (offset, _NO_HEADER)
                at += size
                continue
            yield from self._end_of_damage(offset)
            self._found = offset
            if size != header.size:
                reason = f"a buffer of {header.size:,} bytes, by its header; it has {size:,}"
                yield Damage(offset, HEADER, reason)
                header = header._replace(size=size)
            end = at + min(size, have)
            yield Buffer(offset, header, self._data, at, end)
            at = end

    def _drop(self, count: int) -> None:
        self._data = self._data[count:]
        self._there = len(self._data)
        self._base += count

    def _read_session(self, header: BufferHeader, at: int) -> None:
        start, end = at + HEADER, len(self._data)
        if is_log_header(self._data, start, end):
            self._session = session_buffers(self._data, start, end)
            self._logger = header.logger

    def _fault(self, header: BufferHeader, at: int) -> str | None:
        """Why no buffer can begin so: an empty text where there are zeros; None when one can."""
        if header.size < HEADER:
            if self._data.startswith(bytes(HEADER), at):
                return ""
            return f"a buffer of {header.size} bytes, of which the header alone has {HEADER}"
        if header.size > LARGEST:
            return f"a buffer of {header.size:,} bytes; the largest have {LARGEST:,}"
        if header.flags & ~_FLAGS or header.type > _LAST_TYPE or header.state >> 16:
            return _NO_HEADER
        return None

    def _size(self, header: BufferHeader, at: int) -> tuple[int, int]:
        """How many bytes the buffer has, and how many must be there to tell. It is none if another
        one begins before its header ends."""
        size = header.size
        session = self._session
        if not session or size == session.size:
            return size, size
        # As it is not the session's, look at what follows.
        have = len(self._data) - at
        if session.is_one_size or (size > session.size and not header.is_compressed):
            need = session.size + _LOOK
            if have < need and not self._complete:
                return size, need
            if self._can_follow(at + session.size):
                return session.size, session.size
        need = size + _LOOK
        if self._is_settled and have == size:
            return size, size
        if (have < need and not self._complete) or self._can_follow(at + size):
            return size, need
        for place in self._places(at + 1, min(at + size, len(self._data)), at):
            if self._is_buffer(place):
                return place - at, place - at
        return size, size

    def _can_follow(self, at: int) -> bool:
        rest = self._data[at : at + HEADER]
        return (at <= len(self._data) and not rest.strip(b"\0")) or self._is_buffer(at)

    def _is_buffer(self, at: int) -> bool:
        """Whether what stands here looks in all respects like a buffer of this file."""
        if len(self._data) - at < HEADER:
            return False
        header = buffer_header(self._data, at)
        if self._fault(header, at) is not None or header.size < _LOOK:
            return False
        session = self._session
        if header.is_compressed:
            return bool(session and session.may_be_compressed) and header.valid > HEADER
        if session and session.is_one_size:
            if (header.size, header.logger) != (session.size, self._logger):
                return False
        elif header.size % _SMALLEST:
            return False
        # A record's marker has its highest bit set.
        marker = self._data[at + HEADER : at + HEADER + 4]
        return header.valid == HEADER or (header.valid > HEADER and marker[3:] >= b"\x80")

    def _places(self, start: int, end: int, found: int) -> Iterable[int]:
        """Indices from ``start`` to ``end`` where a buffer may begin; one began at ``found``."""
        session = self._session
        if session and session.may_be_compressed:
            matches = _COMPRESSED_HEADER.finditer(self._data, start + _STATE_AT, end + HEADER)
            return (match.start() - _STATE_AT for match in matches)
        if session and session.is_one_size:
            size = re.compile(re.escape(session.size.to_bytes(4, "little")))
            return (match.start() for match in size.finditer(self._data, start, end + 3))
        return range(start + (found - start) % _SMALLEST, end, _SMALLEST)

    def _search(self, at: int) -> int:
        """Where the next buffer begins; -1 when that is not there yet: then it drops what it can.

        ``at``: everything before it was looked at.
        """
        assert self._lost
        since, reason = self._lost
        end = max(at, len(self._data) - (0 if self._complete else _LOOK - 1))
        something = _NOT_ZERO.search(self._data, at)
        if something and self._attempts:
            self._lost = since, reason or "zeros: what was never written"
            # The first four bytes of a buffer are its size.
            start = max(at, something.start() - 3)
            for place in self._places(start, end, self._found - self._base):
                if self._is_buffer(place):
                    return place
                self._attempts -= 1
                if not self._attempts:
                    break
        self._need = HEADER
        self._drop(end)
        return -1

    def _end_of_damage(self, offset: int) -> Iterator[Damage]:
        if self._lost:
            start, reason = self._lost
            self._lost = None
            # Zeros at the end of a file are no damage.
            if reason:
                yield Damage(start, offset - start, reason)
