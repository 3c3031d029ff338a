"""Compressed buffers of ETW logs: the specification's examples, round trips, and damaged input."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import hypothesis
import pytest
from hypothesis import strategies as st

from otel_etw.captures.etl import expand_reference as reference
from otel_etw.captures.etl.expand_reference import ALGORITHMS, LARGEST, LZNT1, XPRESS
from tests.support.windows_compressors import COMPRESSORS

try:
    from otel_etw.captures.etl import _expand as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

HUFFMAN = reference.XPRESS_HUFFMAN
Expand = Callable[[int, bytes, int], bytes]


@pytest.fixture(params=["reference", "compiled"])
def expanded(request: pytest.FixtureRequest) -> Expand:
    return _twin(request.param)


def _twin(name: str) -> Expand:
    if name == "reference":
        return reference.expanded
    if compiled is None:
        assert os.environ.get("OTEL_ETW_NATIVE") != "1"
        pytest.skip("otel_etw.captures.etl._expand is not compiled here")
    return compiled.expanded


every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=ALGORITHMS.get)

# The specification's examples: [MS-XCA] 3.1 to 3.3 ----------------------------------------------

ALPHABET = b"abcdefghijklmnopqrstuvwxyz"
NOTES = (
    b"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E "
    b"F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0"
)


def codes(**bits: int) -> bytes:
    """A block's 256 bytes of code lengths: ``s97=5`` gives the symbol 97 five bits."""
    table = bytearray(256)
    for name, count in bits.items():
        symbol = int(name[1:])
        table[symbol // 2] |= count << 4 * (symbol % 2)
    return bytes(table)


EXAMPLES = {
    "XPRESS, literals": (XPRESS, b"", "3f000000" + ALPHABET.hex(), ALPHABET),
    "XPRESS, a match": (XPRESS, b"", "ffffff1f 616263 1700 0fff2601", b"abc" * 100),
    "XPRESS Huffman, literals": (
        HUFFMAN,
        codes(**{f"s{n}": 5 for n in range(97, 119)}, s119=4, s120=4, s121=4, s122=4, s256=4),
        "d8523ed794115be9195ff9d67cdf8d0400000000",
        ALPHABET,
    ),
    "XPRESS Huffman, a match": (
        HUFFMAN,
        codes(s97=3, s98=3, s99=2, s256=2, s287=2),
        "a8dc0000 ff2601",
        b"abc" * 100,
    ),
    # Windows' compressor goes beyond the 64 KiB of a block to end a match:
    # https://lists.samba.org/archive/cifs-protocol/2022-November/003824.html
    "XPRESS Huffman, a match beyond its block": (
        HUFFMAN,
        codes(s0=2, s256=2, s271=1),
        "00980000 fffdff",
        bytes(65537),
    ),
    "LZNT1": (
        LZNT1,
        b"",
        "38b0 8846232000204720 410010a24701a045 204400084501 507900c045200524 138805b4024a44ef"
        "0358028c09160148 4500be009e000401 189000",
        NOTES,
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_specification(expanded: Expand, name: str) -> None:
    algorithm, table, stream, content = EXAMPLES[name]
    data = table + bytes.fromhex(stream)
    assert expanded(algorithm, data, len(content)) == content
    assert expanded(algorithm, memoryview(bytearray(data)), len(content)) == content


@pytest.mark.parametrize(
    "name", [name for name in EXAMPLES if name.startswith("XPRESS") and "beyond" not in name]
)
def test_the_compressors_of_these_tests_write_the_examples(name: str) -> None:
    algorithm, table, stream, content = EXAMPLES[name]
    assert COMPRESSORS[algorithm](content) == table + bytes.fromhex(stream)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_that_lacks_its_last_needed_byte_ends_too_early(
    expanded: Expand, name: str
) -> None:
    algorithm, table, stream, content = EXAMPLES[name]
    data = table + bytes.fromhex(stream)
    # The specification's literals end with words of bits that only a reader ahead of itself needs.
    with pytest.raises(ValueError, match="it ends too early"):
        expanded(algorithm, data[:-1] if not data.endswith(bytes(4)) else data[:-5], len(content))


# A buffer from Windows ---------------------------------------------------------------------------

SAMPLES = Path("/work/shared/data/etl")


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder shared/data/etl is absent")
def test_buffers_that_windows_compressed(expanded: Expand) -> None:
    data = (SAMPLES / "perfview_SelfDescribingSingleEvent.etl").read_bytes()
    at, found = 0, []
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        valid, flags = struct.unpack_from("<IH", data, at + 0x30)
        if flags & 0x40:
            compressed = data[at + 72 : at + length]
            found.append(sizes_of_records(expanded(XPRESS, compressed, valid - 72)))
            with pytest.raises(ValueError, match="ends too early"):
                expanded(XPRESS, compressed, valid - 71)
        at += length
    assert [len(sizes) for sizes in found] == [20, 1]


def sizes_of_records(content: bytes) -> list[int]:
    """The sizes of the records, which must lead exactly to the end."""
    at, sizes = 0, []
    while at < len(content):
        first, kind, flags, later = struct.unpack_from("<HBBH", content, at)
        assert flags == 0xC0
        size = later if kind in (0x01, 0x02, 0x03, 0x04, 0x10, 0x11) else first
        sizes.append(size)
        at += size + 7 & ~7
    assert at == len(content)
    return sizes


# Round trips -------------------------------------------------------------------------------------


def contents() -> dict[str, bytes]:
    random = Random(10)
    words = [b"http.server.duration", b"service", b"\0\0\0\0\0\0\0", b"abcabcabc"]
    mixed = b"".join(random.choice([*words, random.randbytes(5)]) for _ in range(20000))
    return {
        "nothing": b"",
        "one byte": b"a",
        "zeros": bytes(200_000),
        "random": random.randbytes(70_000),
        "words": mixed,
        "far": random.randbytes(60_000) * 3,
        "rare": b"".join(bytes([n]) * (1 << min(n, 13)) for n in range(30)),
        "a chunk": bytes(range(256)) * 16,
        "a block": random.randbytes(1 << 15) * 2,
    }


CONTENTS = contents()


@every_algorithm
@pytest.mark.parametrize("name", CONTENTS)
def test_what_was_compressed_is_expanded(expanded: Expand, algorithm: int, name: str) -> None:
    content = CONTENTS[name]
    data = COMPRESSORS[algorithm](content)
    if name in ("zeros", "words"):
        assert len(data) < len(content) // 2
    assert expanded(algorithm, data, len(content)) == content
    assert expanded(algorithm, data + bytes(7), len(content)) == content


@every_algorithm
@hypothesis.given(
    content=st.lists(st.sampled_from([b"a", b"bc", b"\0" * 9, b"xyz" * 30])).map(b"".join)
)
def test_any_content_comes_back(algorithm: int, content: bytes) -> None:
    data = COMPRESSORS[algorithm](content)
    for twin in TWINS:
        assert twin(algorithm, data, len(content)) == content


# Damage ------------------------------------------------------------------------------------------

WRONG = {
    "no algorithm": (1, b"", 1, "compression 1 is not known: known are 2 (LZNT1), 3 (XPRESS), 4"),
    "a negative size": (
        3,
        b"",
        -1,
        "it claims to expand to -1 bytes: 0 to 16,777,216 are possible",
    ),
    "too large": (2, b"", LARGEST + 1, "it claims to expand to 16,777,217 bytes"),
    "XPRESS, empty": (3, b"", 1, "its XPRESS data is broken: it ends too early"),
    "XPRESS, no literal": (3, b"\0\0\0\0a", 2, "ends too early"),
    "XPRESS, half a match": (3, b"\0\0\0\x40a\0", 4, "ends too early"),
    "XPRESS, before": (3, b"\0\0\0\x40a\x08\0", 4, "repeats what stands before its beginning"),
    "XPRESS, too long": (3, b"\0\0\0\x40a\1\0", 4, "expands to more than its buffer holds"),
    "XPRESS, no half": (3, b"\0\0\0\x40a\7\0", 40, "ends too early"),
    "XPRESS, no byte": (3, b"\0\0\0\x40a\7\0\x0f", 40, "ends too early"),
    "XPRESS, no word": (3, b"\0\0\0\x40a\7\0\x0f\xff\1", 40, "ends too early"),
    "XPRESS, no long": (3, b"\0\0\0\x40a\7\0\x0f\xff\0\0\1\1\1", 40, "ends too early"),
    "XPRESS, odd": (3, b"\0\0\0\x40a\7\0\x0f\xff\x15\0", 40, "a length that no compressor writes"),
    "LZNT1, empty": (2, b"", 1, "its LZNT1 data is broken: it ends too early"),
    "LZNT1, an end mark": (2, b"\0\0", 1, "ends too early"),
    "LZNT1, no signature": (2, b"\1\0ab", 2, "no chunk where one should begin"),
    "LZNT1, half a chunk": (2, b"\2\x30ab", 3, "ends too early"),
    "LZNT1, too long": (2, b"\2\x30abc", 2, "expands to more than its buffer holds"),
    "LZNT1, literals too long": (2, b"\3\xb0\0abc", 2, "expands to more than its buffer holds"),
    "LZNT1, a match too long": (2, b"\3\xb0\2a\1\0", 4, "expands to more than its buffer holds"),
    "LZNT1, half a match": (2, b"\2\xb0\2a\0", 4, "ends too early"),
    "LZNT1, before": (2, b"\3\xb0\2a\0\x10", 4, "repeats what stands before its beginning"),
    "LZNT1, short": (2, b"\0\x30a\0\x30a", 2, "a chunk other than its last is too short"),
    "Huffman, empty": (4, b"", 1, "its XPRESS Huffman data is broken: it ends too early"),
    "Huffman, no codes": (4, bytes(260), 1, "bits that are no Huffman code"),
    "Huffman, overlap": (4, codes(s1=1, s2=1, s3=15) + bytes(4), 1, "Huffman codes overlap"),
    "Huffman, no bits": (4, codes(s1=1, s2=1), 1, "ends too early"),
    "Huffman, 8 bits": (4, codes(s1=1, s2=1) + b"\0", 9, "ends too early"),
    "Huffman, before": (4, codes(s1=1, s272=1) + bytes.fromhex("0040 0000"), 4, "before its"),
    "Huffman, odd": (
        4,
        codes(s1=1, s271=1) + bytes.fromhex("0040 0000 ff0e00"),
        99,
        "a length that no compressor writes",
    ),
    "Huffman, too long": (4, codes(s1=1, s257=1) + bytes.fromhex("0040 0000"), 4, "more than its"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(expanded: Expand, name: str) -> None:
    algorithm, data, size, reason = WRONG[name]
    with pytest.raises(ValueError) as raised:  # noqa: PT011  (the texts are compared)
        expanded(algorithm, data, size)
    assert reason in str(raised.value)


def test_bits_that_are_there_are_enough(expanded: Expand) -> None:
    data = codes(s1=1, s2=1) + b"\0\xf0"  # a reader ahead of itself would want 32
    assert expanded(HUFFMAN, data, 16) == b"\2" * 4 + b"\1" * 12
    with pytest.raises(ValueError, match="ends too early"):
        expanded(HUFFMAN, data, 17)


TWINS: list[Expand] = [reference.expanded, *([compiled.expanded] if compiled else [])]


def result(expand: Expand, algorithm: int, data: bytes, size: int) -> bytes | str:
    try:
        return expand(algorithm, data, size)
    except ValueError as error:
        return str(error)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[int, bytes, int]:
    """A compressed buffer with some bytes changed, cut off or put in, and a size about right."""
    algorithm = draw(st.sampled_from(list(ALGORITHMS)))
    pieces = st.sampled_from([b"a", b"bc", bytes(20), b"xyz" * 100, bytes(range(250))])
    content = b"".join(draw(st.lists(pieces, max_size=30)))
    data = bytearray(COMPRESSORS[algorithm](content))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return algorithm, bytes(data), max(0, len(content) + draw(st.integers(-3, 3)))


@pytest.mark.skipif(len(TWINS) < 2, reason="_expand is not compiled here")
@hypothesis.given(damaged())
def test_the_twins_agree_on_damaged_input(given: tuple[int, bytes, int]) -> None:
    one, other = (result(twin, *given) for twin in TWINS)
    assert one == other
    assert isinstance(one, str) or len(one) == given[2]


@every_algorithm
def test_few_bytes_that_claim_much_are_refused_or_expanded_at_once(
    expanded: Expand, algorithm: int
) -> None:
    bombs = {
        # One byte, repeated.
        XPRESS: b"\xff\xff\xff\x7fa\7\0\x0f\xff\0\0" + struct.pack("<I", LARGEST - 4),
        HUFFMAN: codes(s1=1, s271=1)
        + bytes.fromhex("0040 0000 ff0000")
        + struct.pack("<I", LARGEST - 4),
        LZNT1: b"\3\xb0\2a\xfc\x0f" * 4096,
    }
    content = expanded(algorithm, bombs[algorithm], LARGEST)
    assert len(content) == LARGEST
    assert len(set(content)) == 1
    start = time.process_time()
    for data in (b"", b"\0" * 64, b"\xff" * 64, COMPRESSORS[algorithm](b"abc" * 100)):
        assert isinstance(result(expanded, algorithm, data, LARGEST), str)
    assert time.process_time() - start < 2
