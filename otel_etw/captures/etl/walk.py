"""Walks the records of one buffer: finds the events of one provider and counts everything.

The reference implementation; `_walk.pyx` is its compiled twin, with the same class, results and
limits. One suite of tests runs on both.
"""

from __future__ import annotations

from struct import Struct

from otel_etw.captures.etl.names import PROCESS_GROUP, PROCESS_OPCODES
from otel_etw.captures.etl.records import EVENT_HEADER, MESSAGE, OTHER, RECORD_TYPES, SYSTEM
from otel_etw.captures.etl.report import MOST_EVENT_KINDS, RECORD_KINDS

__all__ = ["MOST_PROCESS_RECORDS", "FoundEvent", "Walk"]

MOST_PROCESS_RECORDS = 1 << 17
"""Records of the kernel that name programs: those after them are only counted."""

FoundEvent = tuple[int, int, int, int, int, int, bytes | None]
"""position, size, time (raw), process, thread, event id, user data: None when the extended items
before it do not fit in the record. The position is an index into the data."""

_MARKER = Struct("<I")
_SIZE = Struct("<H")
_HEADER = Struct("<4xHHIIq16sH")
_ITEM = Struct("<HHHH")

_FILLER = 0xFFFF_FFFF
_EXTENDED = 0x1  # EVENT_HEADER_FLAG_EXTENDED_INFO
_ANOTHER = 0x1  # EVENT_HEADER_EXTENDED_DATA_ITEM.Linkage


class Walk:
    """Walks buffer after buffer of one file.

    ``provider``: the GUID whose events are found, as the 16 bytes of a record. One object may be
    used by one thread at a time.
    """

    def __init__(self, provider: bytes) -> None:
        if len(provider) != 16:
            raise ValueError(f"a GUID has 16 bytes, not {len(provider)}")
        self._provider = provider
        self._records = [0] * len(RECORD_KINDS)
        self._events: dict[tuple[bytes, int], int] = {}
        self._uncounted = 0
        self._times: tuple[int, int] | None = None
        self._naming: list[bytes] = []
        self._process_records = 0

    def buffer(
        self, data: bytes | bytearray | memoryview, start: int, end: int, is_exact: bool
    ) -> tuple[list[FoundEvent], int, str]:
        """The records of ``data`` from ``start`` to ``end``, each 8-byte aligned from there.

        ``is_exact``: the records end at ``end``; otherwise a zero may stand behind the last one.
        Returns the events of the provider, where the walk ended, and what is wrong there: empty
        when nothing is.
        """
        if not 0 <= start <= end <= len(data):
            raise ValueError("the records are not in the data")
        found: list[FoundEvent] = []
        at = start
        while end - at >= 4:
            (marker,) = _MARKER.unpack_from(data, at)
            if marker == _FILLER or (marker == 0 and not is_exact):
                break
            flags = marker >> 24
            if not flags & 0x80:
                return found, at, f"no record begins with {marker:#010x}"
            if end - at < 8:
                return found, at, f"a record begins {end - at} bytes before the end"
            if flags == 0xC0:
                record = RECORD_TYPES.get(marker >> 16 & 0xFF, OTHER)
            else:
                record = MESSAGE if flags == 0x90 else OTHER
            (size,) = _SIZE.unpack_from(data, at + record.size_at)
            if not record.least <= size <= end - at:
                kind = RECORD_KINDS[record.kind]
                return (
                    found,
                    at,
                    (
                        f"a record ({kind}) of {size:,} bytes, where {record.least} to {end - at:,}"
                        " are possible"
                    ),
                )
            self._records[record.kind] += 1
            if record is EVENT_HEADER:
                self._event(data, at, size, found)
            elif record.kind == SYSTEM:
                self._system(bytes(data[at : at + size]))
            at += (size + 7) & ~7
        return found, min(at, end), ""

    def _system(self, record: bytes) -> None:
        opcode, group = record[6:8]
        is_naming = group == PROCESS_GROUP and opcode in PROCESS_OPCODES
        if is_naming and self._process_records < MOST_PROCESS_RECORDS:
            self._process_records += 1
            self._naming.append(record)

    def _event(
        self, data: bytes | bytearray | memoryview, at: int, size: int, found: list[FoundEvent]
    ) -> None:
        flags, _, thread, process, time, provider, event_id = _HEADER.unpack_from(data, at)
        first, last = self._times or (time, time)
        self._times = min(first, time), max(last, time)
        key = provider, event_id
        count = self._events.get(key)
        if count is not None:
            self._events[key] = count + 1
        elif len(self._events) < MOST_EVENT_KINDS:
            self._events[key] = 1
            if flags & _EXTENDED:
                self._naming.append(bytes(data[at : at + size]))
        else:
            self._uncounted += 1
        if provider == self._provider:
            start = _user_data(data, at, size) if flags & _EXTENDED else at + EVENT_HEADER.least
            user_data = bytes(data[start : at + size]) if start >= 0 else None
            found.append((at, size, time, process, thread, event_id, user_data))

    @property
    def records(self) -> list[int]:
        """How many records of each of `RECORD_KINDS` came."""
        return list(self._records)

    @property
    def events(self) -> list[tuple[bytes, int, int]]:
        """GUID, event id and count of the first `MOST_EVENT_KINDS` pairs that came, in no order."""
        return [(*key, count) for key, count in self._events.items()]

    @property
    def uncounted(self) -> int:
        """Events that are not in ``events``."""
        return self._uncounted

    def take_times(self) -> tuple[int, int] | None:
        """The least and greatest time of an event since the last call; None when none came."""
        times, self._times = self._times, None
        return times

    def take_naming_records(self) -> list[bytes]:
        """Records since the last call that may name something (`otel_etw.captures.etl.names`): the
        first event of each provider and id where it has extended items, and those of the kernel
        about processes, of these `MOST_PROCESS_RECORDS` at most."""
        naming, self._naming = self._naming, []
        return naming


def _user_data(data: bytes | bytearray | memoryview, at: int, size: int) -> int:
    """Where the extended items of an event end; -1 when they do not fit in it."""
    end = at + size
    at += EVENT_HEADER.least
    while end - at >= _ITEM.size:
        total, _, linkage, length = _ITEM.unpack_from(data, at)
        if not _ITEM.size + length <= total:
            return -1
        at += (total + 7) & ~7
        if at > end:
            return -1
        if not linkage & _ANOTHER:
            return at
    return -1
