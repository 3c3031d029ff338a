"""The records of a buffer: their kinds and sizes, and what stands before an event's user data.

Sources: evntrace.h and evntcons.h of the Windows SDK (EVENT_TRACE_HEADER, EVENT_HEADER); the
markers are described by Geoff Chappell ("WMI_TRACE_PACKET and friends").
"""

from __future__ import annotations

from typing import NamedTuple

from otel_etw.captures.etl.report import RECORD_KINDS

__all__ = ["EVENT_HEADER", "MESSAGE", "OTHER", "RECORD_TYPES", "RecordType", "kind_index"]


def kind_index(kind: str) -> int:
    return RECORD_KINDS.index(kind)


class RecordType(NamedTuple):
    """What the type in a record's marker says."""

    kind: int
    """Index into `RECORD_KINDS`."""
    size_at: int
    """Where in the record its 16-bit size stands, which counts all of it but the padding to 8."""
    least: int
    """Bytes of its header; a smaller size is damage."""


SYSTEM = kind_index("system")
COMPACT = kind_index("compact")
FULL_HEADER = kind_index("full_header")
INSTANCE = kind_index("instance")
MESSAGE = RecordType(kind_index("message"), 0, 8)
PERFINFO = kind_index("perfinfo")
EVENT_HEADER = RecordType(kind_index("event_header"), 0, 0x50)
OTHER = RecordType(kind_index("other"), 0, 8)

# Of a record whose marker has 0xC0 in its highest byte; types that are not here are `OTHER`.
RECORD_TYPES = {
    0x01: RecordType(SYSTEM, 4, 0x20),
    0x02: RecordType(SYSTEM, 4, 0x20),
    0x03: RecordType(COMPACT, 4, 0x18),
    0x04: RecordType(COMPACT, 4, 0x18),
    0x0A: RecordType(FULL_HEADER, 0, 0x30),
    0x0B: RecordType(INSTANCE, 0, 0x48),
    0x0F: MESSAGE,
    0x10: RecordType(PERFINFO, 4, 0x10),
    0x11: RecordType(PERFINFO, 4, 0x10),
    0x12: EVENT_HEADER,
    0x13: EVENT_HEADER,
    0x14: RecordType(FULL_HEADER, 0, 0x30),
    0x15: RecordType(INSTANCE, 0, 0x48),
}
