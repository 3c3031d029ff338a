"""Writes .etl files as Windows 7 to 11 do, and knows what a reader must find in them.

Written from ../shared/reference/etl.md and the SDK's headers, not from the reader: its numbers are
its own. A file is put together from records, each on a processor; buffers fill up and go to the
file as a session writes them, and ``faults`` are made on the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from otel_etw.provider import DEFAULT_PROVIDER

__all__ = [
    "FILLER",
    "EtlFile",
    "EtlWriter",
    "Expected",
    "array_event",
    "bare_event",
    "classic",
    "compact",
    "event",
    "instance",
    "item",
    "message",
    "other",
    "our_event",
    "perfinfo",
    "process_record",
    "recorded_event",
    "system",
]

HEADER = 72
FILLER = b"\xff" * 8
OURS = DEFAULT_PROVIDER.guid
EPOCH = 116_444_736_000_000_000  # FILETIME of 1970

# The two extended items of a TraceLogging event, as the Rust crate writes them.
TRAITS = struct.pack("<H", 34) + b"NativeMetricsExtension_Provider\0"
SCHEMA = struct.pack("<HB", 16, 0) + b"otlp_metrics\0"


# Records -----------------------------------------------------------------------------------------


def item(kind: int, data: bytes, another: bool) -> bytes:
    """One extended item, padded as on disk."""
    total = (8 + len(data) + 7) // 8 * 8
    return (struct.pack("<HHHH", total, kind, another, len(data)) + data).ljust(total, b"\0")


def event(
    time: int,
    data: bytes,
    *,
    provider: UUID = OURS,
    event_id: int = 81,
    process: int = 4242,
    thread: int = 4243,
    items: tuple[tuple[int, bytes], ...] = (),
    bits: int = 64,
    channel: int = 0,
    keyword: int = 1,
) -> bytes:
    """A record with an EVENT_HEADER."""
    extended = b"".join(
        item(kind, content, number + 1 < len(items)) for number, (kind, content) in enumerate(items)
    )
    size = 80 + len(extended) + len(data)
    head = struct.pack(
        "<HBBHHIIq16sHBBBBHQQ16s",
        size, 0x13 if bits == 64 else 0x12, 0xC0, 1 if items else 0, 0, thread, process, time,
        provider.bytes_le, event_id, 0, channel, 4, 0, 0, keyword, 0, bytes(16),
    )  # fmt: skip
    return head + extended + data


def our_event(time: int, payload: bytes, **options: object) -> bytes:
    """As the Rust exporter and ours write it: TraceLogging."""
    return event(time, payload, items=((12, TRAITS), (11, SCHEMA)), channel=11, **options)  # type: ignore[arg-type]


def bare_event(time: int, payload: bytes, **options: object) -> bytes:
    """As .NET's GenevaMetricExporter writes it: an EventSource's."""
    return event(time, payload, **options)  # type: ignore[arg-type]


def array_event(time: int, payload: bytes, **options: object) -> bytes:
    """As EventSource.WriteEvent(80, byte[]) writes it."""
    return event(time, struct.pack("<I", len(payload)) + payload, event_id=80, **options)  # type: ignore[arg-type]


def recorded_event(
    time: int,
    provider: bytes,
    descriptor: bytes,
    data: tuple[tuple[int, bytes], ...],
    process: int = 4242,
    thread: int = 4243,
) -> bytes:
    """What ETW makes of a call of EventWriteTransfer: of data descriptors with a type, extended
    items, and of all others the user data."""
    kinds = {2: 12, 1: 11}  # EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA and _EVENT_METADATA
    items = [(kinds[kind], content) for kind, content in data if kind]
    extended = b"".join(
        item(kind, content, number + 1 < len(items)) for number, (kind, content) in enumerate(items)
    )
    user_data = b"".join(content for kind, content in data if not kind)
    head = struct.pack(
        "<HBBHHIIq16s16sQ16s",
        80 + len(extended) + len(user_data), 0x13, 0xC0, 1 if items else 0, 0, thread, process,
        time, provider, descriptor, 0, bytes(16),
    )  # fmt: skip
    return head + extended + user_data


def system(
    time: int, data: bytes = b"", *, bits: int = 64, group: int = 1, opcode: int = 1
) -> bytes:
    kind = 0x02 if bits == 64 else 0x01
    head = struct.pack(
        "<HBBHBBIIqII", 2, kind, 0xC0, 32 + len(data), opcode, group, 8, 4, time, 0, 0
    )
    return head + data


def process_record(
    time: int,
    process: int,
    image: bytes,
    *,
    bits: int = 64,
    version: int = 4,
    opcode: int = 3,
    sub_authorities: int | None = 5,
) -> bytes:
    """Process_TypeGroup1 of the kernel: a process that there was when the session ended.

    ``sub_authorities``: of the SID of its user; None: it has none.
    """
    pointer = "I" if bits == 32 else "Q"
    data = struct.pack(f"<{pointer}IIIi", 0x8765_4321, process, 4, 1, 0)
    if version >= 3:
        data += struct.pack(f"<{pointer}", 0x1234_5000)
    if version >= 4:
        data += struct.pack("<I", 0)
    if sub_authorities is None:
        data += bytes(4)
    else:
        data += struct.pack(f"<2{pointer}", 0x4444_0000, 0)
        data += struct.pack("<BB6x", 1, sub_authorities) + bytes(range(4 * sub_authorities))
    data += image + b"\0" + f"{image.decode('latin-1')} --serve\0".encode("utf-16-le")
    record = system(time, data, bits=bits, group=3, opcode=opcode)
    return struct.pack("<H", version) + record[2:]


def compact(time: int, data: bytes = b"", *, bits: int = 64) -> bytes:
    kind = 0x04 if bits == 64 else 0x03
    return struct.pack("<HBBHBBIIq", 2, kind, 0xC0, 24 + len(data), 1, 3, 8, 4, time) + data


def perfinfo(time: int, data: bytes = b"", *, bits: int = 64) -> bytes:
    kind = 0x11 if bits == 64 else 0x10
    return struct.pack("<HBBHBBq", 2, kind, 0xC0, 16 + len(data), 36, 15, time) + data


def classic(time: int, data: bytes = b"", *, bits: int = 64, provider: UUID = OURS) -> bytes:
    """EVENT_TRACE_HEADER, of providers before manifests; no event of ours is one."""
    kind = 0x14 if bits == 64 else 0x0A
    head = struct.pack(
        "<HBBBBHIIq16sII", 48 + len(data), kind, 0xC0, 81, 4, 0, 8, 4, time, provider.bytes_le, 0, 0
    )
    return head + data


def instance(time: int, data: bytes = b"", *, bits: int = 64) -> bytes:
    kind = 0x15 if bits == 64 else 0x0B
    head = struct.pack("<HBBBBHIIq", 72 + len(data), kind, 0xC0, 1, 4, 0, 8, 4, time)
    return head + bytes(48) + data


def message(time: int, data: bytes = b"", *, marked: bool = True) -> bytes:
    """WPP: sequence, GUID, time and ids of process and thread."""
    options = 0x1 | 0x2 | 0x8 | 0x20
    kind, flags = (0x0F, 0xC0) if marked else (0x00, 0x90)
    content = struct.pack("<I16sqII", 7, OURS.bytes_le, time, 8, 4) + data
    return struct.pack("<HBBHH", 8 + len(content), kind, flags, 10, options) + content


def other(time: int, data: bytes = b"", *, marker: int = 0xB0, kind: int = 0) -> bytes:
    """A record of which nothing but its size is known."""
    return struct.pack("<HBBI", 8 + len(data), kind, marker, 0) + data


# Files -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """An event of ours that a reader must find."""

    time: int
    offset: int
    length: int
    payload: bytes
    process: int
    thread: int
    processor: int


@dataclass
class EtlFile:
    """A file, and what it holds."""

    data: bytes
    events: list[Expected]
    """In the order of their times."""
    buffers: list[int]
    """Where they begin."""


@dataclass
class _Filled:
    processor: int
    records: bytearray = field(default_factory=bytearray)
    ours: list[tuple[int, int, Expected]] = field(default_factory=list)


@dataclass
class EtlWriter:
    """A session: ``add`` records in the order in which they happen, then take the ``file``."""

    bits: int = 64
    version: tuple[int, int] = (10, 0)
    build: int = 22_631
    processors: int = 4
    buffer_size: int = 0x2000
    mode: int = 0x1
    clock: int = 1
    frequency: int = 10_000_000
    mhz: int = 2400
    reference: int = 5_000_000_000
    start: int = EPOCH + 17_000_000_000_000_000
    end: int = EPOCH + 17_000_000_600_000_000
    bias: int = -60
    name: str = "OtelMetrics"
    file_name: str = r"C:\traces\otel.etl"
    lost_events: int = 0
    lost_buffers: int = 0
    first_sequence: int = 1
    logger: int = 0x22
    compress: Callable[[bytes], bytes] | None = None
    algorithm: int = 3
    first_buffer_size: int = 0
    """Of merged files; 0: as the others."""
    keep: int = 0
    """A circular file: how many buffers beside the first it has room for; 0: any number."""
    preallocated: int = 0
    """Zeros at the end."""
    unfinished: bool = False

    def __post_init__(self) -> None:
        self._open: dict[int, _Filled] = {}
        self._done: list[_Filled] = []
        self.records = 0

    @property
    def is_windows_7(self) -> bool:
        return self.version < (6, 2)

    def add(self, record: bytes, processor: int = 0) -> None:
        """A record happens on a processor."""
        room = self.buffer_size - HEADER
        padded = record.ljust((len(record) + 7) // 8 * 8, b"\xff")
        assert len(padded) <= room, "a session would lose it"
        filled = self._open.get(processor)
        if filled and len(filled.records) + len(padded) > room:
            self.flush(processor)
            filled = None
        filled = filled or self._open.setdefault(processor, _Filled(processor))
        filled.records += padded
        self.records += 1

    def frame(
        self,
        time: int,
        payload: bytes,
        processor: int = 0,
        shape: Callable[..., bytes] = our_event,
        process: int = 4242,
        thread: int = 4243,
    ) -> None:
        """An event of ours happens."""
        record = shape(time, payload, process=process, thread=thread, bits=self.bits)
        self.add(record, processor)
        filled = self._open[processor]
        at = len(filled.records) - (len(record) + 7) // 8 * 8
        expected = Expected(
            self.utc(time), 0, len(record), payload, process, thread, processor
        )  # the offset is known when the file is
        filled.ours.append((at, len(record), expected))

    def flush(self, processor: int | None = None) -> None:
        """One processor's buffer goes to the file as it is, or all do."""
        for each in [processor] if processor is not None else list(self._open):
            filled = self._open.pop(each)
            self._done.append(filled)

    def utc(self, time: int) -> int:
        """ns since 1970 of a time of the session's clock."""
        ticks = {1: self.frequency, 2: 10_000_000, 3: self.mhz * 10**6}[self.clock]
        return (self.start - EPOCH) * 100 + (time - self.reference) * 10**9 // ticks

    def log_header(self, written: int) -> bytes:
        """The record that begins a file."""
        pointer = 4 if self.bits == 32 else 8
        unknown = self.unfinished
        payload = struct.pack(
            "<I4BIIqIIIIIIII",
            self.buffer_size, *self.version, 1, 5, self.build, self.processors,
            0 if unknown else self.end, 156_250, 100, self.mode, 1 if unknown else written, 1,
            pointer, 0 if unknown else self.lost_events, self.mhz,
        )  # fmt: skip
        payload += bytes(2 * pointer)
        zone = "@tzres.dll,-322".encode("utf-16-le").ljust(64, b"\0")
        payload += struct.pack("<i64s104x4x", self.bias, zone)
        payload += struct.pack(
            "<qqqII", self.start - 10**12, self.frequency, self.start, self.clock,
            0 if unknown else self.lost_buffers,
        )  # fmt: skip
        payload += f"{self.name}\0{self.file_name}\0".encode("utf-16-le")
        return system(self.reference, payload, bits=self.bits, group=0, opcode=0)

    def buffer_header(
        self,
        size: int,
        valid: int,
        sequence: int,
        processor: int,
        *,
        flags: int = 0,
        kind: int = 0,
        saved: int | None = None,
        state: int = 3,
    ) -> bytes:
        if not self.is_windows_7:
            flags |= 0x20
        else:
            processor |= 0x0800  # the alignment of its buffers
        return struct.pack(
            "<IIIiqqQHHIIHH16x",
            size, valid if saved is None else saved, valid + size, 0, self.reference, sequence,
            0xFFFF_9987_DA1D_7020, processor, self.logger, state, valid, flags, kind,
        )  # fmt: skip

    def file(self) -> EtlFile:
        """The session stops."""
        self.flush()
        filled = self._done
        numbered = list(enumerate(filled, self.first_sequence))
        if self.keep and len(filled) > self.keep:
            kept: list[tuple[int, _Filled]] = numbered[: self.keep]
            for index in range(self.keep, len(filled)):
                kept[index % self.keep] = numbered[index]
            numbered = kept
        first = self.log_header(1 + len(filled))
        first = first.ljust((len(first) + 7) // 8 * 8, b"\xff")
        size = self.first_buffer_size or self.buffer_size
        valid = HEADER + len(first)
        header = self.buffer_header(
            size, valid, 0, 0, flags=1, kind=4,
            saved=0 if self.is_windows_7 else None,
            state=self.algorithm if self.compress else 3,
        )  # fmt: skip
        data = bytearray(header + first).ljust(size, b"\xff")
        buffers = [0]
        events: list[Expected] = []
        last = max((sequence for sequence, _ in numbered), default=0)
        for sequence, each in numbered:
            offset = len(data)
            buffers.append(offset)
            valid = HEADER + len(each.records)
            flags = int(sequence == last)
            length = 0
            if self.compress:
                packed = self.compress(bytes(each.records))
                length = HEADER + len(packed)
                data += self.buffer_header(
                    length, valid, sequence, each.processor, flags=flags | 0x40
                ) + packed  # fmt: skip
            else:
                header = self.buffer_header(
                    self.buffer_size, valid, sequence, each.processor, flags=flags
                )
                data += (header + each.records).ljust(self.buffer_size, b"\xff")
            for at, size_of_record, found in each.ours:
                place = offset + HEADER + at, size_of_record
                if self.compress:
                    place = offset, length
                events.append(replace(found, offset=place[0], length=place[1]))
        data += bytes(self.preallocated)
        # Sorting keeps the order of the file where times are equal.
        events.sort(key=lambda found: found.time)
        return EtlFile(bytes(data), events, buffers)
