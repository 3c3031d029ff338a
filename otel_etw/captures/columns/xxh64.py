"""XXH64 in Python: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, seed 0."""

from __future__ import annotations

__all__ = ["xxh64"]

_MASK = (1 << 64) - 1
_PRIME_1 = 0x9E37_79B1_85EB_CA87
_PRIME_2 = 0xC2B2_AE3D_27D4_EB4F
_PRIME_3 = 0x1656_67B1_9E37_79F9
_PRIME_4 = 0x85EB_CA77_C2B2_AE63
_PRIME_5 = 0x27D4_EB2F_1656_67C5


def xxh64(data: bytes) -> int:
    """The unsigned 64-bit hash of ``data``."""
    size = len(data)
    at = 0
    if size >= 32:
        lanes = [(_PRIME_1 + _PRIME_2) & _MASK, _PRIME_2, 0, -_PRIME_1 & _MASK]
        while at + 32 <= size:
            for index in range(4):
                lanes[index] = _round(lanes[index], _little(data, at, 8))
                at += 8
        hashed = 0
        for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True):
            hashed += _left(lane, bits)
        for lane in lanes:
            hashed = (((hashed & _MASK) ^ _round(0, lane)) * _PRIME_1 + _PRIME_4) & _MASK
    else:
        hashed = _PRIME_5
    hashed = (hashed + size) & _MASK
    while at + 8 <= size:
        hashed ^= _round(0, _little(data, at, 8))
        hashed = (_left(hashed, 27) * _PRIME_1 + _PRIME_4) & _MASK
        at += 8
    if at + 4 <= size:
        hashed ^= _little(data, at, 4) * _PRIME_1 & _MASK
        hashed = (_left(hashed, 23) * _PRIME_2 + _PRIME_3) & _MASK
        at += 4
    for byte in data[at:]:
        hashed ^= byte * _PRIME_5 & _MASK
        hashed = _left(hashed, 11) * _PRIME_1 & _MASK
    hashed = (hashed ^ hashed >> 33) * _PRIME_2 & _MASK
    hashed = (hashed ^ hashed >> 29) * _PRIME_3 & _MASK
    return hashed ^ hashed >> 32


def _little(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "little")


def _left(number: int, bits: int) -> int:
    return (number << bits | number >> (64 - bits)) & _MASK


def _round(lane: int, word: int) -> int:
    return _left((lane + word * _PRIME_2) & _MASK, 31) * _PRIME_1 & _MASK
