"""What stands between the members of a zip file: the specification's records, and their sizes.

APPNOTE 6.3.10, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 to 4.5.
"""

from __future__ import annotations

import re
from struct import unpack_from
from typing import NamedTuple

__all__ = [
    "DEFLATED",
    "END",
    "KNOWN",
    "LONGEST_DESCRIPTOR",
    "MEMBER",
    "RECORDS",
    "STORED",
    "MemberHeader",
    "descriptor_length",
    "member_header",
]

MEMBER = b"PK\3\4"
END = b"PK\5\6"
_DESCRIPTOR = b"PK\7\x08"


class Record(NamedTuple):
    """How long a record is: ``fixed`` bytes, and the sum of the numbers at some places in them."""

    fixed: int
    format: str = "<H"
    places: tuple[int, ...] = ()

    def length(self, data: bytearray, at: int) -> int:
        """Of one whose fixed bytes are there."""
        numbers = (unpack_from(self.format, data, at + place) for place in self.places)
        return self.fixed + sum(int(number) for (number,) in numbers)


RECORDS = {
    MEMBER: Record(30, places=(26, 28)),
    b"PK\1\2": Record(46, places=(28, 30, 32)),
    b"PK\5\5": Record(6, places=(4,)),
    b"PK\6\6": Record(12, "<Q", (4,)),
    b"PK\6\7": Record(20),
    END: Record(22, places=(20,)),
}

KNOWN = re.compile(b"|".join(map(re.escape, RECORDS)))
"""How each record but a descriptor begins."""

STORED, DEFLATED = 0, 8
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd"}

_IS_ENCRYPTED = 1
_HAS_DESCRIPTOR = 8
_IS_UTF8 = 1 << 11
_ZIP64 = 1
_FULL = 0xFFFFFFFF
# The newest version of the specification that a member may need, 6.3.
_NEWEST = 63


class MemberHeader(NamedTuple):
    """What stands before a member."""

    name: str
    is_encrypted: bool
    method: int
    has_descriptor: bool
    """Whether its checksum and sizes stand behind it."""
    compressed: int | None
    """Its compressed size in bytes; None where only its end tells."""
    checksum: int

    def why_unreadable(self) -> str:
        """Completes "… is"; empty for what can be read."""
        if self.is_encrypted:
            return "encrypted"
        if self.method not in (STORED, DEFLATED):
            name = _METHODS.get(self.method, f"method {self.method}")
            return f"compressed with {name} (Deflate is read)"
        if self.method == STORED and self.compressed is None:
            return "stored without its size before it"
        return ""


def member_header(data: bytearray, at: int, length: int) -> MemberHeader | None:
    """The header of so many bytes; None when it is none."""
    version, flags, method, _, checksum, compressed, size, named, _ = unpack_from(
        "<HHHIIIIHH", data, at + 4
    )
    extra = bytes(data[at + 30 + named : at + length])
    if compressed == _FULL:
        compressed = _zip64_compressed(extra, skip=8 if size == _FULL else 0)
    if version & 0xFF > _NEWEST or not named or compressed is None:
        return None
    name = bytes(data[at + 30 : at + 30 + named])
    has_descriptor = bool(flags & _HAS_DESCRIPTOR)
    return MemberHeader(
        name.decode("utf-8" if flags & _IS_UTF8 else "cp437", "replace"),
        bool(flags & _IS_ENCRYPTED),
        method,
        has_descriptor,
        None if has_descriptor and not compressed else compressed,
        checksum,
    )


def _zip64_compressed(extra: bytes, skip: int) -> int | None:
    """The compressed size in the extra field of ZIP64, where it stands behind ``skip`` bytes."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = unpack_from("<HH", extra, at)
        at += 4
        if kind == _ZIP64 and skip + 8 <= size <= len(extra) - at:
            return int(unpack_from("<Q", extra, at + skip)[0])
        at += size
    return None


LONGEST_DESCRIPTOR = 24


def descriptor_length(data: bytes, checksum: int, compressed: int, size: int) -> int | None:
    """The length of the descriptor that ``data`` begins with; None when it says anything else.

    It has a signature or none, and sizes of 64 or 32 bits: nothing says which, so all are tried.
    """
    start = 4 if data.startswith(_DESCRIPTOR) else 0
    for width in (8, 4):
        numbers = ((checksum, 4), (compressed, width), (size, width))
        if any(number >> 8 * count for number, count in numbers):
            continue
        expected = b"".join(number.to_bytes(count, "little") for number, count in numbers)
        if data[start : start + len(expected)] == expected:
            return start + len(expected)
    return None
