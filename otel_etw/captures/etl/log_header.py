"""The record that begins a file (TRACE_LOGFILE_HEADER of evntrace.h), of 32- and 64-bit systems."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from otel_etw.captures.etl.clock import Clock, ns_from_filetime
from otel_etw.captures.etl.session import Session

__all__ = ["SessionBuffers", "is_log_header", "read_log_header", "session_buffers"]

# A record of the kind `system`: version, marker's high half, size, opcode, group, thread, process,
# time.
_RECORD = Struct("<HBBHBBIIq8x")
_BITS_32, _BITS_64 = 0x01, 0x02

_FIRST = Struct("<I4BIIq8I")
_NAMES = {_BITS_32: 2 * 4, _BITS_64: 2 * 8}  # two pointers, which mean nothing in a file
_TIME_ZONE = Struct("<i64s104x4x")  # TIME_ZONE_INFORMATION and padding
_LAST = Struct("<qqqII")

_PERFORMANCE_COUNTER, _SYSTEM_TIME, _CPU_CYCLES = 1, 2, 3
_FILETIME_FREQUENCY = 10_000_000
# Bytes of a buffer.
_SMALLEST, _LARGEST = 1 << 10, 16 << 20
_KILOBYTES = 0x2000  # EVENT_TRACE_USE_KBYTES_FOR_SIZE
_RELOGGED, _COMPRESSED = 0x1_0000, 0x400_0000
_SIZES = Struct("<I28xI")  # buffer size and mode
# Before Vista the header does not say which clock it is. A counter is far from the time of day.
_DAY = 86_400 * _FILETIME_FREQUENCY


class SessionBuffers(NamedTuple):
    """How a session's buffers stand in its file."""

    size: int
    """Bytes of each, or of the largest, while it was recorded."""
    is_one_size: bool
    """Whether all have this size in the file too: not where files were merged, nor compressed."""
    may_be_compressed: bool


def is_log_header(data: bytes | bytearray | memoryview, start: int, end: int) -> bool:
    """Whether the record at ``start`` is a log header: group 0, opcode 0."""
    if end - start < _RECORD.size:
        return False
    _, bits, flags, _, opcode, group, *_ = _RECORD.unpack_from(data, start)
    return flags == 0xC0 and bits in _NAMES and opcode == group == 0


def session_buffers(
    data: bytes | bytearray | memoryview, start: int, end: int
) -> SessionBuffers | None:
    """What the log header at ``start`` says of buffers; None where it is cut or damaged."""
    if end - start < _RECORD.size + _SIZES.size:
        return None
    size, mode = _SIZES.unpack_from(data, start + _RECORD.size)
    if not _SMALLEST <= size <= _LARGEST or size % _SMALLEST:
        return None
    is_one_size = not mode & (_RELOGGED | _COMPRESSED)
    return SessionBuffers(size, is_one_size, bool(mode & _COMPRESSED))


def read_log_header(
    data: bytes | bytearray | memoryview, start: int, end: int
) -> tuple[Session, Clock]:
    """What the log header at ``start`` says; ValueError says what in it cannot be."""
    _, bits, _, size, _, _, _, _, reference = _RECORD.unpack_from(data, start)
    end = min(end, start + size)
    at = start + _RECORD.size
    time_zone_at = at + _FIRST.size + _NAMES[bits]
    last_at = time_zone_at + _TIME_ZONE.size
    names_at = last_at + _LAST.size
    if names_at > end:
        raise ValueError(f"a log header has {names_at - start} bytes and more, this {end - start}")
    (
        buffer_size, major, minor, _, _, build, processors, end_time, _,
        maximum, mode, written, _, pointer_size, lost_events, mhz,
    ) = _FIRST.unpack_from(data, at)  # fmt: skip
    bias, zone = _TIME_ZONE.unpack_from(data, time_zone_at)
    _, frequency, start_time, clock, lost_buffers = _LAST.unpack_from(data, last_at)
    name, _, names = _text(data, names_at, end).partition("\0")
    if not clock:
        is_system_time = abs(reference - start_time) < _DAY or frequency <= 0
        clock = _SYSTEM_TIME if is_system_time else _PERFORMANCE_COUNTER
    ticks = {
        _PERFORMANCE_COUNTER: frequency,
        _SYSTEM_TIME: _FILETIME_FREQUENCY,
        _CPU_CYCLES: mhz * 1_000_000,
    }.get(clock)
    if ticks is None:
        raise ValueError(f"its clock type is {clock:,}; known are 1 to 3")
    if ticks <= 0:
        raise ValueError(f"its clock of type {clock} has {ticks:,} ticks a second")
    session = Session(
        name=name,
        file_name=names.partition("\0")[0],
        system_version=f"{major}.{minor}",
        build=build,
        processors=processors,
        pointer_size=pointer_size,
        buffer_size=buffer_size,
        mode=mode,
        maximum_file_size=maximum << (10 if mode & _KILOBYTES else 20),
        start=ns_from_filetime(start_time),
        end=ns_from_filetime(end_time) if end_time else None,
        clock=clock,
        ticks_per_second=ticks,
        utc_bias=bias,
        time_zone=zone.decode("utf-16-le", "replace").partition("\0")[0],
        lost_events=lost_events,
        lost_buffers=lost_buffers,
        buffers_written=written,
    )
    return session, Clock(session.start, reference, ticks)


def _text(data: bytes | bytearray | memoryview, start: int, end: int) -> str:
    return bytes(data[start:end]).decode("utf-16-le", "replace")
