"""Damaged captures of every format: points, damage or a `CaptureError`, in bounded time and memory.

Each row of `FORMATS` makes one file of some payloads; ``breaks`` is applied to what goes into a
compression, and to what comes out of it.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable
from functools import partial
from io import BytesIO
from random import Random
from time import process_time
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.captures import Batch, CaptureError, Damage, Foreign, Notice, batches, read
from otel_etw.captures.batching import ROWS
from otel_etw.captures.requests import parse_request
from tests.support.any_requests import random_payload
from tests.support.batch_rows import arrow_batch
from tests.support.broken_bytes import broken
from tests.support.capture_files import line
from tests.support.etl_files import EtlWriter
from tests.support.windows_compressors import COMPRESSORS

Payloads = list[bytes]
Breaks = Callable[[bytes], bytes]

LONG = os.environ.get("OTEL_ETW_LONG") == "1"
SANITIZER = os.environ.get("OTEL_ETW_SANITIZE") == "1"

# Seconds of processor time for a file of 128 KiB and all that it expands to, on a slow machine.
SECONDS = 20.0
# MiB that the process may grow by over all files of a format.
GROWTH = 400

zstd = zstandard.ZstdCompressor(write_checksum=True).compress


def proto(payloads: Payloads, breaks: Breaks) -> bytes:
    return breaks(b"".join(len(body).to_bytes(4, "big") + body for body in payloads))


def framed_zstd(payloads: Payloads, breaks: Breaks, json: bool = False) -> bytes:
    bodies = [line(parse_request(body)) if json else body for body in payloads]
    packed = [breaks(zstd(breaks(body))) for body in bodies]
    return breaks(b"".join(len(body).to_bytes(4, "big") + body for body in packed))


def json_lines(payloads: Payloads, breaks: Breaks) -> bytes:
    return breaks(b"".join(line(parse_request(body)) for body in payloads))


def spread_json(payloads: Payloads, breaks: Breaks) -> bytes:
    return breaks(json_lines(payloads, bytes).replace(b"[{", b"[\n {").replace(b"}]", b"}\n ]"))


def etl(payloads: Payloads, breaks: Breaks, algorithm: int = 0, bits: int = 64) -> bytes:
    writer = EtlWriter(bits=bits)
    if algorithm:
        compress = COMPRESSORS[algorithm]
        writer = EtlWriter(
            mode=0x0400_0001, compress=lambda data: breaks(compress(breaks(data))),
            algorithm=algorithm, first_buffer_size=1024,
        )  # fmt: skip
    for number, body in enumerate(payloads):
        if len(body) < 7000:
            writer.frame(writer.reference + number, body, number % 3)
    return breaks(writer.file().data)


def packed(
    inner: Callable[[Payloads, Breaks], bytes],
    compress: Callable[[bytes], bytes],
    payloads: Payloads,
    breaks: Breaks,
) -> bytes:
    """The content in two units, one behind the other."""
    content = inner(payloads, breaks)
    middle = len(content) // 2
    return breaks(compress(content[:middle]) + compress(content[middle:]))


def zipped(inner: Callable[[Payloads, Breaks], bytes], payloads: Payloads, breaks: Breaks) -> bytes:
    """Half of the payloads in each of two members, one stored and one deflated."""
    file, middle = BytesIO(), len(payloads) // 2
    with ZipFile(file, "w") as archive:
        for part, method in ((payloads[:middle], ZIP_STORED), (payloads[middle:], ZIP_DEFLATED)):
            archive.writestr(f"{method}.etl", inner(part, breaks), method)
    return breaks(file.getvalue())


FORMATS: dict[str, Callable[[Payloads, Breaks], bytes]] = {
    "protobuf": proto,
    "JSON Lines": json_lines,
    "JSON over lines": spread_json,
    "length-prefixed zstd": framed_zstd,
    "length-prefixed zstd of JSON": partial(framed_zstd, json=True),
    "gzip of protobuf": partial(packed, proto, gzip.compress),
    "gzip of JSON Lines": partial(packed, json_lines, gzip.compress),
    "zstd of protobuf": partial(packed, proto, zstd),
    "zstd of JSON Lines": partial(packed, json_lines, zstd),
    "gzip of zstd": partial(packed, partial(packed, proto, zstd), gzip.compress),
    "ETW log": etl,
    "ETW log of 32 bits": partial(etl, bits=32),
    "ETW log, LZNT1": partial(etl, algorithm=2),
    "ETW log, XPRESS": partial(etl, algorithm=3),
    "ETW log, XPRESS Huffman": partial(etl, algorithm=4),
    "gzip of an ETW log": partial(packed, etl, gzip.compress),
    "zip of protobuf": partial(zipped, proto),
    "zip of ETW logs": partial(zipped, etl),
    "zip of ETW logs, XPRESS": partial(zipped, partial(etl, algorithm=3)),
}
EXAMPLES = 100_000 // len(FORMATS) + 1 if LONG else 40


def resident() -> int:
    """MiB of memory that the process had at most; 0 where that is not known."""
    if sys.platform == "win32" or SANITIZER:
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most >> (20 if sys.platform == "darwin" else 10)


@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize("name", FORMATS)
def test_damage_costs_itself(name: str) -> None:
    make = FORMATS[name]

    @given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 4))
    @settings(max_examples=EXAMPLES, deadline=None)
    def check(seed: int, frames: int, accidents: int) -> None:
        random = Random(seed)
        payloads = [random_payload(random, random.choice([10, 60])) for _ in range(frames)]
        data = make(payloads, lambda data: broken(random, data, accidents))
        begun = process_time()
        said = f"{name}: nothing"
        try:
            for item in batches(read(BytesIO(data), name)):
                if isinstance(item, Batch):
                    taken = arrow_batch(item)
                    assert taken.num_rows == len(item) <= ROWS
                else:
                    assert isinstance(item, Damage | Foreign | Notice)
                    assert item.offset >= 0
        except CaptureError as error:
            said = str(error)
        assert said.startswith(f"{name}: ")
        assert process_time() - begun < SECONDS

    before = resident()
    check()
    assert resident() - before < GROWTH


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_not_damaged_is_read(name: str) -> None:
    """The rows make what they should: every frame of a whole file is found."""
    random = Random(5)
    payloads = [random_payload(random, 60) for _ in range(6)]
    expected = sum(len(batch) for batch in batches_of(proto(payloads, bytes)))
    assert expected
    assert sum(len(batch) for batch in batches_of(FORMATS[name](payloads, bytes))) == expected


def batches_of(data: bytes) -> list[Batch]:
    found = list(batches(read(BytesIO(data), "whole")))
    assert not [item for item in found if isinstance(item, Damage)]
    return [item for item in found if isinstance(item, Batch)]
