"""Compressors of the three algorithms that Windows has for buffers of ETW, for what tests compress.

Small, not good: matches are found by the last place of the same three bytes. From [MS-XCA].
"""

from __future__ import annotations

import heapq
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count

__all__ = ["COMPRESSORS", "lznt1", "xpress", "xpress_huffman"]

Match = tuple[int, int]
"""A distance and a length."""
Token = int | Match
"""A literal byte, or a match."""


def tokens(data: bytes, start: int, end: int, most: Callable[[int], Match]) -> Iterator[Token]:
    """``data[start:end]`` as literals and matches, which may repeat what stands before ``start``.

    ``most``: the greatest distance and the greatest length of a match at a place.
    """
    places: dict[bytes, int] = {}
    for at in range(max(0, start - most(start)[0]), start):
        places[data[at : at + 3]] = at
    at = start
    while at < end:
        place = places.get(data[at : at + 3], -1)
        farthest, longest = most(at)
        length = 0
        if place >= 0 and at - place <= farthest:
            longest = min(longest, end - at)
            while length < longest and data[place + length] == data[at + length]:
                length += 1
        if length >= 3:
            yield at - place, length
        else:
            length = 1
            yield data[at]
        for each in range(at, at + length):
            places[data[each : each + 3]] = each
        at += length


def lznt1(data: bytes) -> bytes:
    out = bytearray()
    for start in range(0, len(data), 4096):
        chunk = data[start : start + 4096]
        body = _lznt1_chunk(chunk)
        if len(body) < len(chunk):
            out += struct.pack("<H", 0xB000 | len(body) - 1) + body
        else:
            out += struct.pack("<H", 0x3000 | len(chunk) - 1) + chunk
    return bytes(out)


def _lznt1_chunk(chunk: bytes) -> bytes:
    out = bytearray()
    pieces: list[bytes] = []
    at = flags = 0
    for token in tokens(chunk, 0, len(chunk), _lznt1_most):
        if isinstance(token, int):
            pieces.append(bytes([token]))
            at += 1
        else:
            distance, length = token
            flags |= 1 << len(pieces)
            pieces.append(struct.pack("<H", distance - 1 << _lznt1_bits(at) | length - 3))
            at += length
        if len(pieces) == 8 or at == len(chunk):
            out += bytes([flags]) + b"".join(pieces)
            flags = 0
            pieces.clear()
    return bytes(out)


def _lznt1_bits(at: int) -> int:
    """How many of a match's 16 bits are its length, at this place of a chunk."""
    return 16 - min(max(4, (at - 1).bit_length()), 12)


def _lznt1_most(at: int) -> Match:
    bits = _lznt1_bits(at)
    return 1 << 16 - bits, (1 << bits) + 2


def xpress(data: bytes) -> bytes:
    out = bytearray(4)
    flags_at = flags = number = 0
    half = -1
    for token in tokens(data, 0, len(data), lambda _: (1 << 13, 1 << 20)):
        if number == 32:
            struct.pack_into("<I", out, flags_at, flags)
            flags_at, flags, number = len(out), 0, 0
            out += bytes(4)
        number += 1
        if isinstance(token, int):
            out.append(token)
            continue
        flags |= 1 << 32 - number
        distance, length = token[0], token[1] - 3
        out += struct.pack("<H", distance - 1 << 3 | min(length, 7))
        if length >= 7:
            if half < 0:
                half = len(out)
                out.append(min(length - 7, 15))
            else:
                out[half] |= min(length - 7, 15) << 4
                half = -1
            if length >= 22:
                out += _long_run(length, 22)
    # Flags that nothing stands for are 1.
    struct.pack_into("<I", out, flags_at, flags | (1 << 32 - number) - 1)
    return bytes(out)


def _long_run(length: int, least: int) -> bytes:
    if length - least < 255:
        return bytes([length - least])
    if length < 1 << 16:
        return b"\xff" + struct.pack("<H", length)
    return b"\xff\0\0" + struct.pack("<I", length)


def xpress_huffman(data: bytes) -> bytes:
    out = bytearray()
    for start in range(0, len(data), 1 << 16):
        end = min(start + (1 << 16), len(data))
        block = list(tokens(data, start, end, lambda _: ((1 << 16) - 1, 1 << 16)))
        is_last = end == len(data)
        used = Counter(_symbol(token) for token in block)
        if is_last:
            used[256] += 1
        lengths = _code_lengths(used)
        codes = _codes(lengths)
        out += bytes(lengths.get(at, 0) | lengths.get(at + 1, 0) << 4 for at in range(0, 512, 2))
        writer = _BitWriter(out)
        for token in block:
            symbol = _symbol(token)
            writer.bits(codes[symbol], lengths[symbol])
            if not isinstance(token, int):
                distance, length = token[0], token[1] - 3
                if length >= 15:
                    out += _long_run(length, 15)
                bits = distance.bit_length() - 1
                writer.bits(distance - (1 << bits), bits)
        if is_last:
            writer.bits(codes[256], lengths[256])
        writer.end()
    return bytes(out)


def _symbol(token: Token) -> int:
    if isinstance(token, int):
        return token
    return 256 + (token[0].bit_length() - 1 << 4) + min(token[1] - 3, 15)


def _code_lengths(used: Counter[int]) -> dict[int, int]:
    """Huffman's own algorithm; rarer symbols count more until no code is too long."""
    if len(used) == 1:
        return dict.fromkeys(used, 1)
    least = 1
    while True:
        order = count()
        heap = [(max(n, least), next(order), {symbol: 0}) for symbol, n in sorted(used.items())]
        heapq.heapify(heap)
        while len(heap) > 1:
            first, _, one = heapq.heappop(heap)
            second, _, other = heapq.heappop(heap)
            merged = {symbol: depth + 1 for symbol, depth in (one | other).items()}
            heapq.heappush(heap, (first + second, next(order), merged))
        lengths = heap[0][2]
        if max(lengths.values()) <= 15:
            return lengths
        least *= 2


def _codes(lengths: dict[int, int]) -> dict[int, int]:
    codes = {}
    code = before = 0
    for length, symbol in sorted((length, symbol) for symbol, length in lengths.items()):
        code <<= length - before
        codes[symbol] = code
        code += 1
        before = length
    return codes


class _BitWriter:
    """16-bit words that stand where a reader that is two words ahead takes them."""

    def __init__(self, out: bytearray) -> None:
        self._out = out
        self._value = 0
        self._free = 16
        self._places = [len(out), len(out) + 2]
        out += bytes(4)

    def bits(self, value: int, count: int) -> None:
        self._value = self._value << count | value
        self._free -= count
        if self._free < 0:
            over = -self._free
            self._put(self._value >> over)
            self._value &= (1 << over) - 1
            self._free += 16
            self._places.append(len(self._out))
            self._out += bytes(2)

    def end(self) -> None:
        self._put(self._value << self._free)

    def _put(self, word: int) -> None:
        struct.pack_into("<H", self._out, self._places.pop(0), word & 0xFFFF)


COMPRESSORS = {2: lznt1, 3: xpress, 4: xpress_huffman}
"""By the number of the algorithm."""
