"""Zip files read from beginning to end, such as PerfView's ``.etl.zip``: each member by itself.

What stands before each member says all that is needed, so the directory at the end is only walked:
a pipe can be read, and of a file that was cut what is there.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TypeAlias

from otel_etw.captures.expansion import ExpandsTooFarError, Expansion
from otel_etw.captures.items import (
    CaptureError,
    Damage,
    Foreign,
    Item,
    Notice,
    Reader,
    UnknownFormatError,
)
from otel_etw.captures.zip_headers import (
    DEFLATED,
    END,
    KNOWN,
    LONGEST_DESCRIPTOR,
    MEMBER,
    RECORDS,
    MemberHeader,
    descriptor_length,
    member_header,
)

__all__ = ["ZipReader", "begins_zip"]

# Bytes of a member that are handed on at a time; deflated ones become up to 1,032 times as many.
_STORED_SLICE = 1 << 20
_DEFLATED_SLICE = 1 << 13
# Letters of a name that are shown.
_LONGEST_NAME = 100
# Kinds of members that an error names.
_FEW = 5
# An ending that says that a member is a capture: one that is not known as one is damaged.
_LOG = ".etl"

_Steps: TypeAlias = Generator[Item | None, None, None]
"""Items, and None each time that more data is needed."""


def begins_zip(head: bytes) -> bool:
    """A member, or the end of a zip file that has none."""
    return head.startswith((MEMBER, END))


class ZipReader:
    """Reads each member of a zip file with a reader of its own, see
    `otel_etw.captures.items.Reader`.

    Offsets of what a member holds are of its content, those of damage to the zip file itself are of
    that file; the texts say which. Members that are no captures are skipped: a `Foreign` names
    their ending. When a file has no others, `finish` raises `UnknownFormatError`.
    """

    def __init__(self, new_reader: Callable[[], Reader], expansion: Expansion) -> None:
        self._new_reader = new_reader
        self._expansion = expansion
        self._offset = 0  # of the data's first byte
        self._data = bytearray()
        self._begin()

    def _begin(self) -> None:
        self._at = 0
        self._is_last = False
        self._steps = self._archive()
        self._name = ""
        self._reader: Reader | None = None
        self._lost: tuple[int, str] | None = None
        self._is_told = False  # what is wrong with bytes that are no header
        self._strangers: Counter[str] = Counter()
        self._others = 0

    def feed(self, data: bytes) -> Iterator[Item]:
        self._data += data
        yield from self._items()

    def settle(self) -> Iterator[Item]:
        if self._reader:
            yield from self._of_member(self._reader.settle())

    def finish(self) -> Iterator[Item]:
        self._is_last = True
        yield from self._items()
        strangers, others = list(self._strangers), self._others
        self._begin()
        if strangers and not others:
            more = f" and {len(strangers) - _FEW} other kinds" if len(strangers) > _FEW else ""
            raise UnknownFormatError(
                f"it is a zip file without a capture: it holds {', '.join(strangers[:_FEW])}{more}"
            )

    def _items(self) -> Iterator[Item]:
        for item in self._steps:
            if item is None:
                break
            yield item
        # Not at each member: one chunk may have very many.
        del self._data[: self._at]
        self._offset += self._at
        self._at = 0

    def _has_read(self, reader: Reader) -> None:
        """A member that is a capture was read, by this reader."""

    # The walk. Each step is a generator that gives None while it waits for data. -----------------

    def _wait(self, count: int) -> Generator[None, None, bool]:
        """Until so many bytes are there; False when the file ends before."""
        while len(self._data) - self._at < count:
            if self._is_last:
                return False
            yield None
        return True

    def _pass(self, count: int) -> Generator[None, None, bool]:
        """Go on by so many bytes; False when the file ends before."""
        while count:
            if not (yield from self._wait(1)):
                return False
            step = min(count, len(self._data) - self._at)
            self._at += step
            count -= step
        return True

    def _archive(self) -> _Steps:
        is_complete = False
        while (yield from self._wait(4)):
            kind = bytes(self._data[self._at : self._at + 4])
            record = RECORDS.get(kind)
            if record is None:
                self._search()
                continue
            start = self._position()
            if not (yield from self._wait(record.fixed)):
                is_complete = False
                break
            length = record.length(self._data, self._at)
            if kind != MEMBER:
                yield from self._end_of_damage()
                is_complete = (yield from self._pass(length)) and kind == END
                continue
            is_complete = False
            if not (yield from self._wait(length)):
                break
            header = member_header(self._data, self._at, length)
            if header is None:
                self._lose("a damaged header of a member")
                self._at += 4
                continue
            yield from self._end_of_damage()
            self._at += length
            yield from self._member(start, header)
        if not is_complete:
            self._lose("the zip file ends before its end")
        else:
            self._stray(len(self._data))
        self._at = len(self._data)
        yield from self._end_of_damage()

    def _search(self) -> None:
        """Go to what may be the next header."""
        found = KNOWN.search(self._data, self._at)
        # The last bytes may be the beginning of one.
        end = found.start() if found else len(self._data) - 3
        self._stray(end)
        self._at = end

    def _stray(self, end: int) -> None:
        """Bytes up to this index that belong to nothing."""
        # NULs behind the end are padding.
        stray = self._data[self._at : end].lstrip(b"\0")
        if stray and not self._is_told:
            self._at = end - len(stray)
            self._lose("no zip data")

    def _member(self, start: int, header: MemberHeader) -> _Steps:
        self._name = _shown(header.name)
        if reason := header.why_unreadable():
            self._others += 1
            yield self._damage(start, f"{self._name} is {reason}: extract it first")
            yield from self._leave(header.compressed)
            return
        content = _Content(header, self._expansion)
        reader = self._reader = self._new_reader()
        fault = ""
        while not (fault or content.has_ended()):
            if not self._reader and content.left is not None:
                break  # of what is no capture only the end is of interest
            if content.left != 0 and not (yield from self._wait(1)):
                fault = f"the zip file ends inside {self._name}"
                break
            piece = content.take(self._data, self._at)
            self._at += content.taken
            if content.fault:
                fault = f"{self._name} is damaged: {content.fault}"
            if self._reader:
                yield from self._of_member(self._reader.feed(piece), start, header)
        if self._reader:
            yield from self._of_member(self._reader.finish(), start, header)
        if self._reader and content.size:
            self._others += 1
            self._has_read(reader)
        self._reader = None
        if fault:
            self._others += 1
            yield self._damage(self._position(), fault)
        if fault or not content.has_ended():
            yield from self._leave(content.left)
        elif not (yield from self._agrees(header, content)):
            self._others += 1
            text = "its checksum or size is wrong, and with it perhaps what was read of it"
            yield self._damage(start, f"{self._name} is damaged: {text}")

    def _agrees(self, header: MemberHeader, content: _Content) -> Generator[None, None, bool]:
        """Whether a member's checksum is that of its content."""
        if not header.has_descriptor:
            return content.checksum == header.checksum
        yield from self._wait(LONGEST_DESCRIPTOR)
        descriptor = bytes(self._data[self._at : self._at + LONGEST_DESCRIPTOR])
        length = descriptor_length(descriptor, content.checksum, content.compressed, content.size)
        if length is None:
            self._is_told = True
            return False
        self._at += length
        return True

    def _leave(self, left: int | None) -> Generator[None, None, None]:
        """Go behind the rest of a member, or to the next header where its size is not known."""
        self._is_told = True
        yield from self._pass(left or 0)

    def _of_member(
        self, items: Iterator[Item], start: int = 0, header: MemberHeader | None = None
    ) -> Iterator[Item]:
        """The items of a member's content; from `CaptureError` on it is not read further."""
        place = f"(offset in {self._name})"
        try:
            for item in items:
                if isinstance(item, Damage):
                    yield replace(item, reason=f"{item.reason} {place}")
                elif isinstance(item, Notice):
                    yield replace(item, text=f"{item.text} {place}")
                else:
                    yield item
        except ExpandsTooFarError:
            raise
        except UnknownFormatError as error:
            self._reader = None
            if self._name.lower().endswith(_LOG):
                self._others += 1
                yield self._damage(start, f"{self._name} is damaged: {error}")
                return
            kind = _kind(self._name)
            self._strangers[kind] += 1
            length = (header.compressed if header else 0) or 0
            what = f"members of the zip file that are no captures: {kind}"
            yield Foreign(start, length, what, "member")
        except CaptureError as error:
            self._reader = None
            self._others += 1
            yield self._damage(start, f"{self._name} cannot be read: {error}")

    def _position(self) -> int:
        return self._offset + self._at

    def _damage(self, offset: int, reason: str) -> Damage:
        return Damage(offset, 0, f"{reason} (offset in the zip file)")

    def _lose(self, reason: str) -> None:
        self._lost = self._lost or (self._position(), reason)

    def _end_of_damage(self) -> Iterator[Item]:
        self._is_told = False
        if self._lost:
            start, reason = self._lost
            self._lost = None
            reason = f"{reason} (offset in the zip file)"
            yield Damage(start, self._position() - start, reason)


class _Content:
    """Decompresses one member."""

    def __init__(self, header: MemberHeader, expansion: Expansion) -> None:
        self.left = header.compressed
        """Compressed bytes that are still to come; None where only their end tells."""
        self.compressed = self.size = self.checksum = self.taken = 0
        self.fault = ""
        self._expansion = expansion
        is_deflated = header.method == DEFLATED
        self._inflating = zlib.decompressobj(wbits=-zlib.MAX_WBITS) if is_deflated else None

    def has_ended(self) -> bool:
        return self._inflating.eof if self._inflating else self.left == 0

    def take(self, data: bytearray, at: int) -> bytes:
        """What some of the bytes from ``at`` on become; ``taken`` says how many."""
        most = _DEFLATED_SLICE if self._inflating else _STORED_SLICE
        piece = bytes(data[at : at + (most if self.left is None else min(most, self.left))])
        content = piece
        self.taken = len(piece)
        if self._inflating:
            content = self._inflated(self._inflating, piece)
            self._expansion.spend(len(content))
        if self.left is not None:
            self.left -= self.taken
            if self.left and self.has_ended():
                self.fault = "it goes on behind the end of its Deflate data"
        self.compressed += self.taken
        self.size += len(content)
        self.checksum = zlib.crc32(content, self.checksum)
        return content

    def _inflated(self, inflating: zlib._Decompress, piece: bytes) -> bytes:
        if not piece:
            self.fault = "it ends before its Deflate data does"
        before = inflating.copy()
        try:
            content = inflating.decompress(piece)
            self.taken -= len(inflating.unused_data)
        except zlib.error as error:
            self.fault = f"its Deflate data is broken ({error})"
            content = self._before_the_break(before, piece)
        return content

    def _before_the_break(self, inflating: zlib._Decompress, piece: bytes) -> bytes:
        """A decompressor that fails gives nothing of what it was asked for: so it is asked for one
        byte after the other."""
        content = bytearray()
        with suppress(zlib.error):
            for self.taken in range(len(piece)):
                content += inflating.decompress(piece[self.taken : self.taken + 1])
        return bytes(content)


def _shown(name: str) -> str:
    """A member's name as messages show it."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def _kind(name: str) -> str:
    """A member by its ending, for a zip file may have hundreds of one kind."""
    path = PurePosixPath(name.replace("\\", "/"))
    return f"*{path.suffix.lower()}" if path.suffix else path.name
