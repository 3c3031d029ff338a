"""gzip and zstd: what a unit of each begins with, and what decompresses one."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from otel_etw.captures.expansion import Expansion
from otel_etw.captures.items import CaptureError

__all__ = ["GZIP", "ZSTD_MAGIC", "Codec", "Unit", "expanded", "slices", "zstd"]

# Compressed bytes decompressed at a time: what they expand to stays below some tens of MiB.
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
    """One compression: the magic that its units begin with, and a decompressor for one unit."""

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


def slices(data: bytes | bytearray) -> Iterator[bytes]:
    """Compressed data in pieces whose content is small enough to be held at once."""
    for start in range(0, len(data), _SLICE):
        yield bytes(data[start : start + _SLICE])


def expanded(codec: Codec, data: bytes, maximum: int, expansion: Expansion) -> bytes:
    """One whole unit decompressed; ValueError when it is damaged or becomes more than ``maximum``
    bytes, `CaptureError` when ``expansion`` is used up."""
    unit = codec.unit()
    content = bytearray()
    taken = 0
    try:
        for piece in slices(data):
            taken += len(piece)
            before = len(content)
            content += unit.decompress(piece)
            expansion.spend(len(content) - before)
            if len(content) > maximum:
                raise ValueError(f"its {codec.name} expands to more than {maximum:,} bytes")
            if unit.eof:
                break
    except (codec.error, EOFError) as error:
        raise ValueError(f"its {codec.name} is broken ({error})") from error
    if not unit.eof or unit.unused_data or taken < len(data):
        raise ValueError(f"its {codec.name} does not end where the frame does")
    return bytes(content)
