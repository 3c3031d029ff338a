"""Bytes that anything may have happened to, drawn from a `Random`: thousands in a second."""

from __future__ import annotations

from random import Random

__all__ = ["broken"]

_MOST = 1 << 17
_NUMBERS = [0, 1, 3, 4, 7, 8, 0x7F, 0x80, 0xFF, 0x400, 0x7FFF, 0xFFFF, 1 << 20, 0x03FF_FFFF]
_NUMBERS += [0x0400_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF]
_PIECES = [
    *(b"\n", b"\0", b"\xff", b"{", b"[", b'"', b"\\", b"\r\n", b"\n\0", b"\0\0\0\2\n\0", b"\x12\0"),
    *(b'{"resourceMetrics":[', b"}]}", b"1e999", b"\xef\xbb\xbf", b"[{}]", b'{"":'),
    *(b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK\3\4"),
]


def broken(random: Random, data: bytes, most: int = 4) -> bytes:
    """``data`` after up to so many accidents, of 128 KiB at most."""
    changed = bytearray(data)
    for _ in range(random.randint(0, most)):
        at = random.randint(0, len(changed))
        length = random.choice([0, 1, 2, 4, 8, 40, 400, 5000])
        end = min(len(changed), at + length)
        kind = random.randrange(8)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            del changed[at:end]
        elif kind == 2:
            changed[at:at] = changed[at:end]
        elif kind == 3:
            changed[at:end] = random.randbytes(end - at)
        elif kind == 4:
            changed[at:end] = bytes(end - at)
        elif kind == 5:
            number = random.choice(_NUMBERS).to_bytes(4, random.choice(["big", "little"]))
            size = random.choice([1, 2, 4])
            changed[at : at + size] = number[:size] if random.random() < 0.5 else number[-size:]
        elif kind == 6:
            changed[at:at] = random.choice(_PIECES) * random.choice([1, 1, 1, 3, 100, 3000])
        else:
            del changed[at if random.random() < 0.5 else end :]
        del changed[_MOST:]
    return bytes(changed)
