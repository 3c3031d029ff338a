"""The decoders of compressed buffers in plain Python: the reference, and what runs uncompiled.

From the specification [MS-XCA], https://learn.microsoft.com/openspecs/windows_protocols/ms-xca:
LZNT1 (2.5), plain LZ77 (2.4, "XPRESS") and LZ77 with Huffman codes (2.2, "XPRESS Huffman"). The
numbers are Windows' COMPRESSION_FORMAT_*, as the first buffer of a log names them.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = [
    "ALGORITHMS",
    "LARGEST",
    "LZNT1",
    "XPRESS",
    "XPRESS_HUFFMAN",
    "expanded",
    "require",
]

LZNT1 = 2
XPRESS = 3
XPRESS_HUFFMAN = 4
ALGORITHMS = {LZNT1: "LZNT1", XPRESS: "XPRESS", XPRESS_HUFFMAN: "XPRESS Huffman"}
"""The names of the algorithms that are read."""

LARGEST = 16 << 20
"""Most bytes that one call expands to. No session has larger buffers."""

# What can be wrong with compressed data.
ENDS = "it ends too early"
EXCEEDS = "it expands to more than its buffer holds"
BEFORE = "it repeats what stands before its beginning"
LENGTH = "it has a length that no compressor writes"
NO_CHUNK = "it has no chunk where one should begin"
SHORT_CHUNK = "a chunk other than its last is too short"
CODES = "its Huffman codes overlap"
NO_CODE = "it has bits that are no Huffman code"

# Bytes that a chunk of LZNT1 and a block of Huffman codes expand to.
_CHUNK = 1 << 12
_BLOCK = 1 << 16
# Huffman codes: how many symbols, and the most bits of a code.
_SYMBOLS = 512
_BITS = 15


class _Fault(Exception):
    """One of the sentences above."""


def require(algorithm: int, size: int) -> None:
    """ValueError where one of them is not what `expanded` takes."""
    if algorithm not in ALGORITHMS:
        known = ", ".join(f"{number} ({name})" for number, name in ALGORITHMS.items())
        raise ValueError(f"compression {algorithm} is not known: known are {known}")
    if not 0 <= size <= LARGEST:
        raise ValueError(f"it claims to expand to {size:,} bytes: 0 to {LARGEST:,} are possible")


def expanded(algorithm: int, data: bytes | bytearray | memoryview, size: int) -> bytes:
    """The ``size`` bytes that ``data``, one compressed buffer, expands to.

    ``algorithm``: a key of `ALGORITHMS`. ``size``: 0 to `LARGEST`. What follows in ``data`` after
    the last of them is padding. Raises ValueError, whose text completes "the buffer at … cannot be
    read: ", when there are not exactly so many bytes. The work is linear in ``size`` and the length
    of ``data``, whatever they hold.
    """
    require(algorithm, size)
    try:
        return bytes(_DECODERS[algorithm](bytes(data), size))
    except _Fault as fault:
        raise ValueError(f"its {ALGORITHMS[algorithm]} data is broken: {fault}") from None


def _repeat(out: bytearray, distance: int, run: int) -> None:
    """Append ``run`` bytes that begin ``distance`` before the end, the new ones among them."""
    start = len(out) - distance
    if run <= distance:
        out += out[start : start + run]
    else:
        out += (out[start:] * (run // distance + 1))[:run]


def _lznt1(data: bytes, size: int) -> bytearray:
    out = bytearray()
    at = 0
    while len(out) < size:
        header = _little(data, at, 2)
        at += 2
        if not header:
            raise _Fault(ENDS)
        if header >> 12 & 7 != 3:
            raise _Fault(NO_CHUNK)
        if len(out) % _CHUNK:
            raise _Fault(SHORT_CHUNK)
        end = at + (header & 0xFFF) + 1
        if end > len(data):
            raise _Fault(ENDS)
        if header & 0x8000:
            _lznt1_chunk(data[at:end], out, min(len(out) + _CHUNK, size))
        elif end - at > size - len(out):
            raise _Fault(EXCEEDS)
        else:
            out += data[at:end]
        at = end
    return out


def _lznt1_chunk(data: bytes, out: bytearray, limit: int) -> None:
    start = len(out)
    at = 0
    while at < len(data):
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data):
                break
            if not flags >> bit & 1:
                if len(out) >= limit:
                    raise _Fault(EXCEEDS)
                out.append(data[at])
                at += 1
                continue
            word = _little(data, at, 2)
            at += 2
            # The further into the chunk, the more of the word's 16 bits are the distance.
            behind = len(out) - start
            bits = 16 - min(max(4, (behind - 1).bit_length()), 12)
            run = (word & (1 << bits) - 1) + 3
            distance = (word >> bits) + 1
            if distance > behind:
                raise _Fault(BEFORE)
            if run > limit - len(out):
                raise _Fault(EXCEEDS)
            _repeat(out, distance, run)


def _xpress(data: bytes, size: int) -> bytearray:
    out = bytearray()
    at = flags = left = 0
    half = -1  # where the byte stands whose high half is the next length
    while len(out) < size:
        if not left:
            flags = _little(data, at, 4)
            at += 4
            left = 32
        # Bits that are 0 are literals.
        literals = min(left - flags.bit_length(), size - len(out))
        if literals:
            if at + literals > len(data):
                raise _Fault(ENDS)
            out += data[at : at + literals]
            at += literals
            left -= literals
            continue
        left -= 1
        flags &= (1 << left) - 1
        word = _little(data, at, 2)
        at += 2
        run = word & 7
        if run == 7:
            if half < 0:
                half = at
                run = _little(data, at, 1) & 15
                at += 1
            else:
                run = data[half] >> 4
                half = -1
            if run == 15:
                run, at = _long_run(data, at, 22)
                run += 15
            run += 7
        run += 3
        _append_match(out, (word >> 3) + 1, run, size)
    return out


def _xpress_huffman(data: bytes, size: int) -> bytearray:
    out = bytearray()
    at = 0
    while len(out) < size:
        table = _code_table(data, at)
        end = min(len(out) + _BLOCK, size)
        # A window of 32 bits over 16-bit words; ``extra`` of them are beyond 16.
        window = _padded(data, at + 256) << 16 | _padded(data, at + 258)
        at += 260
        extra = 16
        while len(out) < end:
            code = table[window >> 32 - _BITS]
            symbol, bits = code >> 4, code & 15
            if not bits:
                raise _Fault(NO_CODE)
            window = window << bits & 0xFFFFFFFF
            extra -= bits
            if extra < 0:
                window |= _padded(data, at) << -extra
                extra += 16
                at += 2
            _require_bits(data, at, extra)
            if symbol < 256:
                out.append(symbol)
                continue
            run = symbol & 15
            if run == 15:
                run, at = _long_run(data, at, 15)
                run += 15
            bits = symbol - 256 >> 4
            distance = (1 << bits) + (window >> 32 - bits)
            window = window << bits & 0xFFFFFFFF
            extra -= bits
            if extra < 0:
                window |= _padded(data, at) << -extra
                extra += 16
                at += 2
            _require_bits(data, at, extra)
            _append_match(out, distance, run + 3, size)
    return out


def _code_table(data: bytes, at: int) -> list[int]:
    """For each value of the next `_BITS` bits: the symbol << 4 | the bits of its code, or 0.

    Half a byte a symbol says how many bits its code has.
    """
    if at + _SYMBOLS // 2 > len(data):
        raise _Fault(ENDS)
    symbols: list[list[int]] = [[] for _ in range(_BITS + 1)]
    for index, byte in enumerate(data[at : at + _SYMBOLS // 2]):
        symbols[byte & 15].append(2 * index)
        symbols[byte >> 4].append(2 * index + 1)
    table: list[int] = []
    for bits in range(1, _BITS + 1):
        for symbol in symbols[bits]:
            table += [symbol << 4 | bits] * (1 << _BITS - bits)
            if len(table) > 1 << _BITS:
                raise _Fault(CODES)
    return table + [0] * ((1 << _BITS) - len(table))


def _require_bits(data: bytes, at: int, extra: int) -> None:
    """The window may reach beyond the end, but none of its bits there may have been used."""
    if 8 * (at - len(data)) > 16 + extra:
        raise _Fault(ENDS)


def _append_match(out: bytearray, distance: int, run: int, size: int) -> None:
    if distance > len(out):
        raise _Fault(BEFORE)
    if run > size - len(out):
        raise _Fault(EXCEEDS)
    _repeat(out, distance, run)


def _long_run(data: bytes, at: int, least: int) -> tuple[int, int]:
    """A length in 1, 3 or 7 bytes; those of more than one count what the shorter form lacks."""
    run = _little(data, at, 1)
    at += 1
    if run == 255:
        run = _little(data, at, 2)
        at += 2
        if not run:
            run = _little(data, at, 4)
            at += 4
        if run < least:
            raise _Fault(LENGTH)
        run -= least
    return run, at


def _little(data: bytes, at: int, count: int) -> int:
    if at + count > len(data):
        raise _Fault(ENDS)
    return int.from_bytes(data[at : at + count], "little")


def _padded(data: bytes, at: int) -> int:
    """A 16-bit word of the bits; behind the end they are 0."""
    return int.from_bytes(data[at : at + 2], "little")


_DECODERS: dict[int, Callable[[bytes, int], bytearray]] = {
    LZNT1: _lznt1,
    XPRESS: _xpress,
    XPRESS_HUFFMAN: _xpress_huffman,
}
