"""Compressed files as they grow: all content before a break is given, then the next unit's."""

from __future__ import annotations

from collections.abc import Iterator

from otel_etw.captures.compression import Codec, Unit, slices
from otel_etw.captures.expansion import Expansion
from otel_etw.captures.items import Damage, Item, Reader

__all__ = ["ExpandingReader"]

# Compressed bytes of the current unit that are buffered, to decompress them again at a break.
_RECORDED = 16 << 20


class ExpandingReader:
    """Reads what the units of one codec hold with another reader, to which they are one file.

    Offsets of damage to the compression are of the file; those of the other reader of the content.
    After a damaged unit it goes on with the next one.
    """

    def __init__(self, codec: Codec, inner: Reader, expansion: Expansion) -> None:
        self._codec = codec
        self.inner = inner
        """The reader of what was compressed."""
        self._expansion = expansion
        self._unit: Unit | None = None
        self._unit_offset = 0
        self._recorded = bytearray()  # of the unit, without the rest
        self._rest = b""
        self._offset = 0  # of the rest
        self._lost: tuple[int, str] | None = None

    def feed(self, data: bytes) -> Iterator[Item]:
        for piece in slices(data):
            self._rest += piece
            yield from self._expand()

    def settle(self) -> Iterator[Item]:
        yield from self.inner.settle()

    def finish(self) -> Iterator[Item]:
        end = self._offset + len(self._rest)
        if self._unit:
            self._lost = self._lost or (end, f"the {self._codec.name} data ends before its end")
        elif self._rest.strip(b"\0"):
            self._lost = self._lost or (self._offset, self._not_a_unit())
        yield from self.inner.finish()
        yield from self._end_of_damage(end)
        self._unit, self._rest, self._offset = None, b"", end

    def _expand(self) -> Iterator[Item]:
        while self._rest:
            if not self._unit and not self._begin():
                return
            unit = self._unit = self._unit or self._codec.unit()
            try:
                content = unit.decompress(self._rest)
            except (self._codec.error, EOFError) as error:
                self._unit = None
                content = self._before_the_break()
                if content:
                    yield from self._end_of_damage(self._unit_offset)
                reason = f"the {self._codec.name} data is broken ({error})"
                self._lost = self._lost or (self._offset, reason)
                yield from self.inner.feed(content)
                self._take(1)
                yield from self.inner.finish()
                continue
            rest = unit.unused_data if unit.eof else b""
            count = len(self._rest) - len(rest)
            if unit.eof:
                self._unit = None
            elif len(self._recorded) <= _RECORDED:
                self._recorded += self._rest[:count]
            self._take(count)
            # Not at its magic already: most of those among damage begin no unit.
            if content or unit.eof:
                yield from self._end_of_damage(self._unit_offset)
            yield from self.inner.feed(content)
            self._expansion.spend(len(content))

    def _begin(self) -> bool:
        """Go to the next unit and return whether there is one."""
        magic = self._codec.magic
        self._recorded.clear()
        at = self._rest.find(magic)
        # The last bytes may be the beginning of a magic. NULs after a member are padding.
        skipped = at if at >= 0 else max(0, len(self._rest) - len(magic) + 1)
        if self._rest[:skipped].strip(b"\0"):
            self._lost = self._lost or (self._offset, self._not_a_unit())
        self._take(skipped)
        self._unit_offset = self._offset
        return at >= 0

    def _before_the_break(self) -> bytes:
        """What the rest holds before its broken byte, often just a wrong checksum at the end.

        A decompressor that fails gives nothing of what it was asked for. So another one is brought
        to the same place, and from there on is asked for one byte after the other.
        """
        if len(self._recorded) > _RECORDED:
            return b""
        unit = self._codec.unit()
        content = bytearray()
        try:
            for piece in slices(self._recorded):
                unit.decompress(piece)
            for byte in self._rest:
                content += unit.decompress(bytes([byte]))
        except (self._codec.error, EOFError):
            self._expansion.spend(len(content))
        return bytes(content)

    def _not_a_unit(self) -> str:
        return f"no {self._codec.name} data"

    def _take(self, count: int) -> None:
        self._rest = self._rest[count:]
        self._offset += count

    def _end_of_damage(self, offset: int) -> Iterator[Item]:
        if self._lost:
            start, reason = self._lost
            self._lost = None
            yield Damage(start, offset - start, f"{reason} (offset in the compressed file)")
