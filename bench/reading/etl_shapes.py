"""Event trace logs (``.etl``) with few or many events of ours: what is read in benchmarks.

Four processors take turns, so that events of the file are not in the order of time; buffers are of
64 KiB. Events of ours hold real requests; the rest are kernel records, classic events and events of
another provider, as short as they are in traces of whole systems. Written a buffer at a time, the
same bytes each time. The layout is that of Windows' WMI_BUFFER_HEADER,
TRACE_LOGFILE_HEADER and EVENT_HEADER; the compression is plain LZ77 of [MS-XCA].
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple
from uuid import UUID

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw.event import EVENT_CHANNEL, EVENT_ID, EVENT_KEYWORD, EVENT_LEVEL, EVENT_SCHEMA
from otel_etw.provider import DEFAULT_PROVIDER

BUFFER = 64 * 1024
PROCESSORS = 4
FREQUENCY = 10_000_000
BEGIN = 131_191_136_288  # of the session, in ticks of its clock
# FILETIMEs: 100 ns since 1601.
BOOTED, STARTED, END = 133_900_000_000_000_000, 133_999_999_000_000_000, 134_000_000_000_000_000
QUERY_PERFORMANCE_COUNTER = 1
NOISE_BITS = 10
OTHER = UUID("8d5a16cf-9a52-4c5e-a0b3-8f29a1a52a71")

HEADER_BUFFER, GENERIC_BUFFER = 4, 0
FLUSHED, COMPRESSED = 0x01, 0x40
COMPRESSED_MODE, RELOGGED = 0x4000000, 0x10001
XPRESS = 3

# WMI_BUFFER_HEADER, EVENT_HEADER.
BUFFER_HEADER = struct.Struct("<IIIiqqQHHIIHH16x")
EVENT_HEADER = struct.Struct("<HBBHHIIq16sHBBBBHQQ16x")
TIME_OF_EVENT = 0x10
BUFFERS_WRITTEN = BUFFER_HEADER.size + 0x20 + 0x24


class Record(NamedTuple):
    """Bytes around the time of each record of one kind."""

    before: bytes
    behind: bytes


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def around_time(record: bytes, offset: int = TIME_OF_EVENT) -> Record:
    return Record(record[:offset], padded(record)[offset + 8 :])


def event(provider: UUID, number: int, user_data: bytes, items: bytes = b"") -> Record:
    channel, keyword = (EVENT_CHANNEL, EVENT_KEYWORD) if items else (16, 0x20)
    header = EVENT_HEADER.pack(
        EVENT_HEADER.size + len(items) + len(user_data),
        0x13,
        0xC0,
        1 if items else 0,
        0,
        4242,
        1717,
        0,
        provider.bytes_le,
        number,
        0,
        channel,
        EVENT_LEVEL,
        0,
        0,
        keyword,
        0,
    )
    return around_time(header + items + user_data)


def item(kind: int, data: bytes, another: bool) -> bytes:
    """One item of extended data."""
    size = 8 + len(padded(data))
    return struct.pack("<HHHH", size, kind, another, len(data)) + padded(data)


TRACE_LOGGING = item(12, DEFAULT_PROVIDER.traits, True) + item(11, EVENT_SCHEMA, False)


def request(points: int, fill: int = 0) -> bytes:
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add()
    attribute = resource.resource.attributes.add()
    attribute.key, attribute.value.string_value = "service.name", "checkout"
    scope = resource.scope_metrics.add()
    scope.scope.name = "bench"
    metric = scope.metrics.add()
    metric.name, metric.unit = "http.server.requests", "{request}"
    metric.description = "x" * fill
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True
    for number in range(points):
        point = metric.sum.data_points.add()
        for key, value in (("http.route", f"/api/v1/thing{number % 25}"), ("method", "GET")):
            attribute = point.attributes.add()
            attribute.key, attribute.value.string_value = key, value
        point.start_time_unix_nano = 1_790_000_000_000_000_000
        point.time_unix_nano = 1_790_000_010_000_000_000
        point.as_double = number * 1.1
    return message.SerializeToString()


def ours(size: int) -> Record:
    """An event with a request of so many bytes: one point, or as many as there is room for."""
    points = 1
    # A description of less than 128 bytes takes two more; one of more, three.
    while size > 1000 and len(request(points + 1)) + 3 <= size:
        points += 1
    rest = size - len(request(points))
    return event(DEFAULT_PROVIDER.guid, EVENT_ID, request(points, max(0, rest - 3)), TRACE_LOGGING)


# The headers of records: sizes, types and flags of SYSTEM_TRACE_HEADER, PERFINFO_TRACE_HEADER and
# EVENT_TRACE_HEADER, for 64 bits.
SYSTEM_HEADER = struct.Struct("<HBBHBBIIqII")
PERFINFO_HEADER = struct.Struct("<HBBHBBq")
CLASSIC_HEADER = struct.Struct("<HBBBBHIIq16sII")


def system(group: int, opcode: int, time: int, data: bytes) -> bytes:
    size = SYSTEM_HEADER.size + len(data)
    return SYSTEM_HEADER.pack(2, 0x02, 0xC0, size, opcode, group, 8, 4, time, 0, 0) + data


def perfinfo(data: bytes) -> bytes:
    return PERFINFO_HEADER.pack(2, 0x11, 0xC0, PERFINFO_HEADER.size + len(data), 46, 15, 0) + data


def classic(data: bytes) -> bytes:
    size = CLASSIC_HEADER.size + len(data)
    return CLASSIC_HEADER.pack(size, 0x14, 0xC0, 1, 4, 0, 8, 4, 0, OTHER.bytes_le, 1, 2) + data


def noise() -> list[Record]:
    """Kernel records, classic events and events of another provider, of 32 to 200 bytes."""
    random = Random(3)
    records = []
    for _ in range(1 << NOISE_BITS):
        data = random.randbytes(random.randrange(8, 120)) + bytes(random.randrange(16))
        kind = random.randrange(8)
        if kind == 0:
            records.append(around_time(system(3, 10, 0, data)))
        elif kind == 1:
            records.append(around_time(perfinfo(data), 8))
        elif kind == 2:
            records.append(around_time(classic(data)))
        else:
            records.append(event(OTHER, random.randrange(100), data))
    return records


def session(compressed: bool) -> bytes:
    """The record that begins a file: TRACE_LOGFILE_HEADER."""
    mode = COMPRESSED_MODE | RELOGGED if compressed else 1
    data = struct.pack("<IBBBBII", BUFFER, 10, 0, 5, 1, 22631, PROCESSORS)
    data += struct.pack("<qIIII", END, 156250, 0, mode, 0)
    data += struct.pack("<IIII", 1, 8, 0, 2500)
    data += bytes(16 + 0xAC + 4)  # names and time zone
    data += struct.pack("<qqqII", BOOTED, FREQUENCY, STARTED, QUERY_PERFORMANCE_COUNTER, 0)
    data += "bench\0bench.etl\0".encode("utf-16-le")
    return padded(system(0, 0, BEGIN, data))


class Shape(NamedTuple):
    title: str
    records: int
    share: int
    """One record of so many is ours."""
    payload: int
    compressed: bool = False


SHAPES = {
    "small events": Shape("20,000 events of 400 B", 20_000, 1, 400),
    "large events": Shape("20,000 events of 6 KB", 20_000, 1, 6000),
    "noisy": Shape("505,000 records, 1 % ours", 505_000, 101, 400),
    "compressed": Shape("compressed merged trace (XPRESS)", 150_000, 101, 400, compressed=True),
    "gigabyte": Shape("1 GB, 1 % ours", 7_150_000, 101, 400),
    # What the peers read in place of the larger ones: they take minutes for those.
    "noisy, a tenth": Shape("50,500 records, 1 % ours", 50_500, 101, 400),
    "compressed, a tenth": Shape("compressed, a tenth", 15_000, 101, 400, compressed=True),
}


def records(shape: Shape) -> Iterator[tuple[int, bytes]]:
    """Processor and bytes of each record, in the order of time."""
    random = Random(1)
    own, other = ours(shape.payload), noise()
    time = BEGIN
    pack = struct.Struct("<q").pack
    for number in range(shape.records):
        time += 1 + (number * 7 & 15)
        record = own if number % shape.share == 0 else other[random.getrandbits(NOISE_BITS)]
        yield number >> 3 & PROCESSORS - 1, record.before + pack(time) + record.behind


def buffers(shape: Shape) -> Iterator[bytes]:
    written = 0

    def buffer(processor: int, content: bytes, kind: int = GENERIC_BUFFER) -> bytes:
        nonlocal written
        valid = BUFFER_HEADER.size + len(content)
        flags, size, on_disk = 0, BUFFER, content.ljust(BUFFER - BUFFER_HEADER.size, b"\xff")
        if kind == HEADER_BUFFER:
            flags = FLUSHED
        elif shape.compressed:
            flags, on_disk = COMPRESSED, compressed(content)
            size = BUFFER_HEADER.size + len(on_disk)
        header = BUFFER_HEADER.pack(
            size, valid, valid, 0, BEGIN, written, 0, processor, 0, XPRESS, valid, flags, kind
        )
        written += 1
        return header + on_disk

    yield buffer(0, session(shape.compressed), HEADER_BUFFER)
    filling: list[list[bytes]] = [[] for _ in range(PROCESSORS)]
    room = [BUFFER - BUFFER_HEADER.size] * PROCESSORS
    for processor, record in records(shape):
        if len(record) > room[processor]:
            yield buffer(processor, b"".join(filling[processor]))
            filling[processor] = []
            room[processor] = BUFFER - BUFFER_HEADER.size
        filling[processor].append(record)
        room[processor] -= len(record)
    for processor, rest in enumerate(filling):
        if rest:
            yield buffer(processor, b"".join(rest))


def compressed(data: bytes) -> bytes:
    """[MS-XCA] 2.3, plain LZ77: of three bytes and more, what stood last within 8 KiB."""
    flags = count = half = 0
    flags_at, out = 0, bytearray(4)
    last: dict[bytes, int] = {}
    position, end = 0, len(data)
    while position < end:
        key = data[position : position + 4]
        earlier = last.get(key, -10_000)
        last[key] = position
        flags <<= 1
        if position - earlier > 8192 or len(key) < 4:
            out.append(data[position])
            position += 1
        else:
            length = matching(data, earlier, position)
            flags |= 1
            half = put_match(out, position - earlier, length, half)
            position += length
        count += 1
        if count == 32:
            struct.pack_into("<I", out, flags_at, flags)
            flags = count = 0
            flags_at = len(out)
            out += bytes(4)
    rest = 32 - count
    struct.pack_into("<I", out, flags_at, (flags << rest | (1 << rest) - 1) & 0xFFFFFFFF)
    return bytes(out)


def matching(data: bytes, earlier: int, position: int) -> int:
    length, end = 4, len(data)
    while (
        position + length + 8 <= end
        and data[earlier + length : earlier + length + 8]
        == data[position + length : position + length + 8]
    ):
        length += 8
    while position + length < end and data[earlier + length] == data[position + length]:
        length += 1
    return length


def put_match(out: bytearray, distance: int, length: int, half: int) -> int:
    """``half``: where the last byte is of which only the lower half is taken, or 0; and so what
    is returned."""
    length -= 3
    out += struct.pack("<H", (distance - 1) << 3 | min(length, 7))
    if length < 7:
        return half
    length -= 7
    if half:
        out[half] |= min(length, 15) << 4
        half = 0
    else:
        half = len(out)
        out.append(min(length, 15))
    if length >= 15:
        length -= 15
        out.append(min(length, 255))
        if length >= 255:
            out += struct.pack("<H", length + 7 + 15)
    return half


def compressed_buffers(path: Path) -> Iterator[tuple[bytes, int]]:
    """What is in each, and how many bytes it expands to."""
    with path.open("rb") as file:
        while header := file.read(BUFFER_HEADER.size):
            size, *_, valid, flags, _ = BUFFER_HEADER.unpack(header)
            content = file.read(size - BUFFER_HEADER.size)
            if flags & COMPRESSED:
                yield content, valid - BUFFER_HEADER.size


def write(path: Path, shape: Shape) -> None:
    count = 0
    with path.open("wb") as file:
        for buffer in buffers(shape):
            file.write(buffer)
            count += 1
        # As at the end of a session.
        file.seek(BUFFERS_WRITTEN)
        file.write(struct.pack("<I", count))
