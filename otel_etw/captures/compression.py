"""gzip and zstd streams as they grow: what is whole is given, damaged units are passed over."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from otel_etw.captures.items import CaptureError, Damage, Item, Reader

__all__ = ["GZIP", "ZSTD_MAGIC", "Codec", "ExpandingReader", "expanded", "zstd"]

# Compressed bytes handed over at a time: what they expand to stays below some tens of MiB.
_SLICE = 1024


class Unit(Protocol):
    """A decompressor of one gzip member or zstd frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Codec:
    """One compression: the magic that its units begin with and what expands one."""

    name: str
    magic: bytes
    unit: Callable[[], Unit]
    error: type[Exception]


GZIP = Codec("gzip", b"\x1f\x8b\x08", lambda: zlib.decompressobj(wbits=31), zlib.error)

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def zstd() -> Codec:
    """zstd from Python 3.14 or the package zstandard; CaptureError where there is neither."""
    module: Any
    try:
        module = import_module("compression.zstd")
        return Codec("zstd", ZSTD_MAGIC, module.ZstdDecompressor, module.ZstdError)
    except ImportError:
        pass
    try:
        module = import_module("zstandard")
    except ImportError as error:
        raise CaptureError(
            "it is compressed with zstd, which needs Python 3.14 or the package zstandard: "
            "pip install zstandard"
        ) from error
    return Codec("zstd", ZSTD_MAGIC, module.ZstdDecompressor().decompressobj, module.ZstdError)


def expanded(codec: Codec, data: bytes, maximum: int) -> bytes:
    """One whole unit expanded; ValueError when it is damaged or expands beyond ``maximum``."""
    unit = codec.unit()
    content = bytearray()
    start = 0
    try:
        for start in range(0, len(data), _SLICE):
            content += unit.decompress(data[start : start + _SLICE])
            if len(content) > maximum:
                raise ValueError(f"its {codec.name} expands to more than {maximum:,} bytes")
            if unit.eof:
                break
    except (codec.error, EOFError) as error:
        raise ValueError(f"its {codec.name} is broken ({error})") from error
    if not unit.eof or unit.unused_data or start + _SLICE < len(data):
        raise ValueError(f"its {codec.name} does not end where the frame does")
    return bytes(content)


class ExpandingReader:
    """Reads what units of one codec hold with another reader, to which it is one file.

    Offsets of damage to the compression are of the file; those of the other reader of the content.
    After a damaged unit it goes on with the next one.
    """

    def __init__(self, codec: Codec, inner: Reader) -> None:
        self._codec = codec
        self._inner = inner
        self._unit: Unit | None = None
        self._rest = b""
        self._offset = 0  # of the rest
        self._lost: tuple[int, str] | None = None

    def feed(self, data: bytes) -> Iterator[Item]:
        for start in range(0, len(data), _SLICE):
            self._rest += data[start : start + _SLICE]
            yield from self._expand()

    def settle(self) -> Iterator[Item]:
        yield from self._inner.settle()

    def finish(self) -> Iterator[Item]:
        end = self._offset + len(self._rest)
        if self._unit:
            self._lost = end, f"the {self._codec.name} data ends before its end"
        elif self._rest.strip(b"\0"):
            self._lost = self._lost or (self._offset, self._not_a_unit())
        yield from self._inner.finish()
        yield from self._end_of_damage(end)
        self._unit, self._rest, self._offset = None, b"", end

    def _expand(self) -> Iterator[Item]:
        while self._rest:
            if not self._unit and not (yield from self._begin()):
                return
            unit = self._unit = self._unit or self._codec.unit()
            try:
                content = unit.decompress(self._rest)
            except (self._codec.error, EOFError) as error:
                self._lost = self._offset, f"the {self._codec.name} data is broken ({error})"
                self._unit = None
                self._take(1)
                yield from self._inner.finish()
                continue
            rest = unit.unused_data if unit.eof else b""
            if unit.eof:
                self._unit = None
            self._take(len(self._rest) - len(rest))
            yield from self._inner.feed(content)

    def _begin(self) -> Generator[Item, None, bool]:
        """Go to the next unit and return whether there is one."""
        magic = self._codec.magic
        at = self._rest.find(magic)
        # The last bytes may be the beginning of a magic. NULs after a member are padding.
        skipped = at if at >= 0 else max(0, len(self._rest) - len(magic) + 1)
        if self._rest[:skipped].strip(b"\0"):
            self._lost = self._lost or (self._offset, self._not_a_unit())
        self._take(skipped)
        if at >= 0:
            yield from self._end_of_damage(self._offset)
        return at >= 0

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
