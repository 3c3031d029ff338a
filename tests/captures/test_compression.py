"""gzip and zstd: units one after the other, torn and broken ones, and too large ones."""

from __future__ import annotations

import gzip
import sys
import zlib
from bisect import bisect
from collections.abc import Callable
from itertools import accumulate
from random import Random
from struct import pack
from typing import Any

import pytest
import zstandard

from otel_etw.captures import CaptureError, Damage, Frame, Item
from otel_etw.captures.compression import GZIP, Codec, zstd
from otel_etw.captures.expanding import ExpandingReader
from otel_etw.captures.expansion import LAYERS, Expansion
from otel_etw.captures.json_lines import LineReader
from otel_etw.captures.recognition import RecognisingReader
from tests.support.capture_files import (
    START,
    TIME,
    damage,
    framed,
    line,
    numbers,
    read_by,
    reasons,
    request,
)

CONTENT = {
    "proto": [framed(request(n, 2000)) for n in range(4)],
    "json": [line(request(n, 2000)) for n in range(4)],
}
COMPRESS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
DECOMPRESSOR = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "zstd": zstandard.ZstdDecompressor().decompressobj,
}

every_codec = pytest.mark.parametrize("codec", COMPRESS)
every_content = pytest.mark.parametrize("content", CONTENT)


def read(data: bytes, chunk: int = 1 << 16) -> list[Item]:
    return read_by(RecognisingReader(), data, chunk)


@every_codec
@every_content
@pytest.mark.parametrize("chunk", [1, 1000, 1 << 20])
def test_units_in_a_row_are_one_file(codec: str, content: str, chunk: int) -> None:
    pieces = CONTENT[content]
    data = COMPRESS[codec](b"".join(pieces[:3])) + COMPRESS[codec](pieces[3])
    items = read(data, chunk)
    assert numbers(items) == [0, 1, 2, 3]
    assert [item.offset for item in items] == [sum(map(len, pieces[:n])) for n in range(4)]
    assert damage(items) == []


@every_codec
@every_content
def test_a_unit_that_ends_too_early_is_named_and_read_as_far_as_it_goes(
    codec: str, content: str
) -> None:
    whole = COMPRESS[codec](CONTENT[content][0])
    torn = COMPRESS[codec](CONTENT[content][1])[:-9]
    items = read(whole + torn)
    assert numbers(items)[0] == 0
    (place,) = damage(items)[-1:]
    assert place == (len(whole) + len(torn), 0)
    last = items[-1]
    assert isinstance(last, Damage)
    assert "ends before its end" in last.reason


@every_codec
@every_content
def test_a_broken_unit_does_not_cost_the_next(codec: str, content: str) -> None:
    units = [COMPRESS[codec](piece) for piece in CONTENT[content]]
    broken = bytearray(units[1])
    broken[-20:-8] = b"\xff" * 12
    items = read(units[0] + broken + units[2] + units[3])
    assert numbers(items)[0] == 0
    assert numbers(items)[-2:] == [2, 3]
    inside = [place for place in damage(items) if place[1]]
    assert inside, "the damage is named"


@every_codec
@every_content
@pytest.mark.parametrize("chunk", [1, 300, 1 << 16])
def test_a_wrong_checksum_costs_nothing_of_the_content(
    codec: str, content: str, chunk: int
) -> None:
    pieces = CONTENT[content]
    wrong = bytearray(COMPRESS[codec](b"".join(pieces[:3])))
    wrong[-8 if codec == "gzip" else -1] ^= 1
    items = read(bytes(wrong) + COMPRESS[codec](pieces[3]), chunk)
    assert numbers(items) == [0, 1, 2, 3]
    (place,) = damage(items)
    assert place[0] + place[1] == len(wrong)
    assert f"the {codec} data is broken" in reasons(items)[0]


@every_codec
def test_before_a_broken_byte_all_content_is_given(codec: str) -> None:
    """Of the first of two blocks, though both fit in one piece of compressed data."""
    draw = Random(5)
    numbered = [request(n, 10) for n in range(3000)]
    content = b"".join(framed(message) for message in numbered)
    whole = COMPRESS[codec](content)
    broken = bytearray(whole)
    at = len(whole) - 200
    broken[at:-8] = draw.randbytes(len(whole) - 8 - at)
    unit: Any = DECOMPRESSOR[codec]()
    sure = sum(len(unit.decompress(bytes([byte]))) for byte in broken[:at])
    count = bisect(list(accumulate(len(framed(message)) for message in numbered)), sure)
    assert count > 1000
    items = read(bytes(broken))
    assert numbers(items[:count]) == list(range(count))
    assert damage(items)


def test_decompressing_again_is_bounded() -> None:
    """A file in which every few bytes look like the beginning of a unit, and are none."""
    calls = 0

    class Recording:
        def __init__(self) -> None:
            self.unit = GZIP.unit()

        def decompress(self, data: bytes) -> bytes:
            nonlocal calls
            calls += len(data)
            return self.unit.decompress(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.unit, name)

    codec = Codec("gzip", GZIP.magic, Recording, GZIP.error)
    # A name without an end behind each magic, so that the next ones seem to belong to it.
    member = GZIP.magic + b"\x08" + bytes(6)
    data = member * (1 << 14)
    list(read_by(ExpandingReader(codec, LineReader(), Expansion()), data))
    assert calls < 300 * len(data)


def nested(content: bytes, layers: int) -> bytes:
    for _ in range(layers):
        content = gzip.compress(content)
    return content


def test_a_few_layers_are_read_and_no_more() -> None:
    content = CONTENT["proto"][1]
    assert numbers(read(nested(content, LAYERS))) == [1]
    for layers in (LAYERS + 1, 400):
        with pytest.raises(CaptureError, match=f"compressed more than {LAYERS} times over"):
            read(nested(content, layers))


@pytest.mark.parametrize(
    "compress", [COMPRESS["zstd"], lambda data: gzip.compress(gzip.compress(data))]
)
@pytest.mark.parametrize("filling", [b" ", b"\0"])
def test_what_expands_too_far_is_refused_with_what_to_do(
    compress: Callable[[bytes], bytes], filling: bytes
) -> None:
    """gzip alone cannot expand so far."""
    start = CONTENT["json"][0] if filling == b" " else CONTENT["proto"][0]
    bomb = compress(start + filling * 100_000_000)
    items: list[Item] = []
    with pytest.raises(CaptureError, match=r"more than 2000 times its size: decompress it"):
        items.extend(RecognisingReader().feed(bomb))
    assert numbers(items) == [0]


def test_a_capture_of_an_idle_program_is_read() -> None:
    """Cumulative histograms to which nothing is added: exports differ in their times alone."""
    message = request(1)
    histogram = message.resource_metrics[0].scope_metrics[0].metrics.add(name="h").histogram
    draw = Random(1)
    for number in range(1000):
        point = histogram.data_points.add(start_time_unix_nano=START, time_unix_nano=TIME)
        point.explicit_bounds.extend(2.5 * bound for bound in range(15))
        point.bucket_counts.extend(draw.choices([0, 1, 2], k=16))
        text = f"a value of this attribute {number % 9}"
        for key in range(8):
            point.attributes.add(key=f"some.attribute.of.it.{key}").value.string_value = text
    first = framed(message)
    exports = (first.replace(pack("<Q", TIME), pack("<Q", TIME + n * 10**10)) for n in range(100))
    content = b"".join(exports)
    compressed = zstandard.ZstdCompressor(level=3).compress(content)
    assert len(content) > (16 << 20) + 250 * len(compressed)
    assert sum(isinstance(item, Frame) for item in read(compressed)) == 100


def test_layers_share_one_budget() -> None:
    bomb = gzip.compress(gzip.compress(b" " * 100_000_000))
    assert len(bomb) < 20_000
    with pytest.raises(CaptureError, match="times its size"):
        read(bomb)


def test_messages_compressed_apart_share_one_budget() -> None:
    """A few bytes each, and each becomes a megabyte."""
    bomb = zstd_framed(BARE[0], *[bytes(1 << 20)] * 100)
    items: list[Item] = []
    with pytest.raises(CaptureError, match="times its size"):
        items.extend(RecognisingReader().feed(bomb))
    assert numbers(items) == [0]


@every_codec
def test_garbage_between_units_is_named_with_its_place(codec: str) -> None:
    first, second = (COMPRESS[codec](piece) for piece in CONTENT["json"][:2])
    items = read(first + b"garbage" * 300 + second)
    assert numbers(items) == [0, 1]
    assert damage(items) == [(len(first), 2100)]


@every_codec
@pytest.mark.parametrize("behind", [b"garbage", b"\x08" + bytes(9)], ids=["broken", "nothing"])
@pytest.mark.parametrize("chunk", [7, 1 << 16])
def test_magics_among_garbage_are_one_damage(codec: str, behind: bytes, chunk: int) -> None:
    first, second = (COMPRESS[codec](piece) for piece in CONTENT["json"][:2])
    # Each with a reserved flag.
    magic = GZIP.magic + b"\xff" if codec == "gzip" else zstd().magic + b"\x08"
    garbage = b"garbage" + (magic + behind) * 300
    items = read(first + garbage + second, chunk)
    assert numbers(items) == [0, 1]
    assert damage(items) == [(len(first), len(garbage))]
    items = read(first + garbage + second[:3], chunk)
    assert damage(items) == [(len(first), len(garbage) + 3)]


def test_nuls_after_a_gzip_member_are_padding() -> None:
    items = read(gzip.compress(CONTENT["json"][0]) + bytes(5000))
    assert numbers(items) == [0]
    assert damage(items) == []


def zstd_framed(*messages: bytes) -> bytes:
    bodies = [COMPRESS["zstd"](message) for message in messages]
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


BARE = [request(n, 40 * n).SerializeToString() for n in range(4)]


def test_messages_compressed_apart_are_read_json_or_protobuf() -> None:
    data = zstd_framed(BARE[0], CONTENT["json"][1].rstrip(), BARE[2])
    for chunk in (1, 100, 10_000):
        assert numbers(read(data, chunk)) == [0, 1, 2]


@pytest.mark.parametrize("cut", range(1, 30, 3))
def test_a_torn_message_does_not_cost_the_next(cut: int) -> None:
    first = zstd_framed(BARE[0])
    torn = zstd_framed(BARE[1])[:-cut]
    items = read(first + torn + zstd_framed(BARE[2], BARE[3]))
    assert numbers(items) == [0, 2, 3]
    assert damage(items) == [(len(first), len(torn))]


def test_a_flipped_bit_is_seen_by_the_checksum() -> None:
    data = bytearray(zstd_framed(*BARE))
    data[len(zstd_framed(BARE[0])) + 20] ^= 4
    items = read(bytes(data))
    assert numbers(items) == [0, 2, 3]
    assert damage(items) == [(len(zstd_framed(BARE[0])), len(zstd_framed(BARE[1])))]


def test_a_message_that_expands_beyond_the_maximum_is_damage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("otel_etw.captures.payloads.FRAME_MAXIMUM", 1_000_000)
    data = zstd_framed(BARE[0], bytes(2_000_000), BARE[1])
    items = read(data)
    assert numbers(items) == [0, 1]
    assert len(damage(items)) == 1


def test_what_expands_a_thousandfold_passes_in_small_pieces() -> None:
    sizes = []

    class Recording:
        def __init__(self) -> None:
            self.unit = GZIP.unit()

        def decompress(self, data: bytes) -> bytes:
            content = self.unit.decompress(data)
            sizes.append(len(content))
            return content

        def __getattr__(self, name: str) -> Any:
            return getattr(self.unit, name)

    codec = Codec("gzip", GZIP.magic, Recording, GZIP.error)
    data = gzip.compress(b" " * 50_000_000)
    expansion = Expansion()
    expansion.read(1 << 20)
    assert read_by(ExpandingReader(codec, LineReader(), expansion), data) == []
    assert sum(sizes) == 50_000_000
    assert max(sizes) < 4_000_000


def test_without_any_zstd_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CaptureError, match="pip install zstandard"):
        zstd()
    with pytest.raises(CaptureError, match="pip install zstandard"):
        read(zstd_framed(*BARE))
