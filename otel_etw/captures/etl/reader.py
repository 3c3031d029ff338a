"""Reads one .etl file: the events of one provider become frames, in the order of their times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from otel_etw.captures.columns import check_request
from otel_etw.captures.etl.buffers import (
    HEADER,
    HEADER_BUFFER,
    LARGEST,
    LOST,
    Buffer,
    BufferHeader,
    Buffers,
)
from otel_etw.captures.etl.clock import Clock
from otel_etw.captures.etl.events import foreign_name, payload_of
from otel_etw.captures.etl.expand import ALGORITHMS, expanded
from otel_etw.captures.etl.log_header import is_log_header, read_log_header
from otel_etw.captures.etl.names import EVENT_NAMES, PROVIDER_NAMES, event_names, program
from otel_etw.captures.etl.order import HeldFrame, TimeOrder
from otel_etw.captures.etl.records import EVENT_HEADER, RECORD_TYPES
from otel_etw.captures.etl.report import (
    MOST_PROCESSES,
    MOST_SESSIONS,
    RECORD_KINDS,
    EtlReport,
    EventCount,
)
from otel_etw.captures.etl.session import Session
from otel_etw.captures.etl.walk import FoundEvent
from otel_etw.captures.expansion import Expansion
from otel_etw.captures.items import Damage, Foreign, Item, Notice
from otel_etw.provider import DEFAULT_PROVIDER

try:
    from otel_etw.captures.etl import _walk
except ImportError:
    _walk = None  # type: ignore[assignment]

__all__ = ["LOG_HEAD", "NATIVE", "EtlReader"]

LOG_HEAD = 8192
"""Bytes of a file that hold its log header, whose names may be long."""

NATIVE = _walk is not None and os.environ.get("OTEL_ETW_PURE") != "1"
"""Whether buffers are walked by compiled code. OTEL_ETW_PURE=1 turns it off at run time too."""

if TYPE_CHECKING or not NATIVE:
    from otel_etw.captures.etl.walk import Walk
else:
    Walk = _walk.Walk

_XPRESS = 3

_UNKNOWN = "times and processes of events are not known"


class EtlReader:
    """Reads one .etl file, see `otel_etw.captures.items.Reader`.

    ``provider``: whose events are frames. ``expansion``: what the compressed content of the file
    that holds this one may expand to; none when this is a file itself.

    A `Frame` has the offset and length of its event's record, in a compressed buffer those of the
    buffer. Frames come when the file ends or is settled, for only then their times are in order;
    see `otel_etw.captures.etl.order` for very many of them. All other items come as they are found.
    """

    def __init__(
        self, provider: UUID = DEFAULT_PROVIDER.guid, expansion: Expansion | None = None
    ) -> None:
        self.report = EtlReport()
        """What is known of the file by now."""
        self._is_file = expansion is None
        self._expansion = expansion or Expansion()
        self._buffers = Buffers()
        self._walk = Walk(provider.bytes_le)
        self._order = TimeOrder()
        self._clock: Clock | None = None
        self._algorithm = _XPRESS
        self._provider_names: dict[UUID, str] = {}
        self._event_names: dict[tuple[UUID, int], str] = {}
        self._latest = 0  # time of the latest event that has one
        self._told_of_order = False
        self._told_of_circle = False

    def feed(self, data: bytes) -> Iterator[Item]:
        if self._is_file:
            self._expansion.read(len(data))
        for found in self._buffers.feed(data):
            yield from self._found(found)

    def settle(self) -> Iterator[Item]:
        for found in self._buffers.settle():
            yield from self._found(found)
        session = self.report.sessions[-1] if self.report.sessions else None
        if session and session.is_circular and session.end is None and not self._told_of_circle:
            self._told_of_circle = True
            text = (
                "it is circular: once it is full its session writes over the oldest events, which"
                " cannot be followed"
            )
            yield Notice(0, text)
        yield from self._end()

    def finish(self) -> Iterator[Item]:
        for found in self._buffers.finish():
            yield from self._found(found)
        yield from self._end()

    @property
    def unwritten(self) -> int | None:
        """The offset from which on the file is zeros, to its end as far as it came: where a running
        session may still write. None when there are none."""
        return self._buffers.unwritten

    def return_to_unwritten(self) -> None:
        """What is fed next stands at ``unwritten``, in the place of the zeros."""
        self._buffers.return_to_unwritten()

    @property
    def is_running(self) -> bool:
        """Whether the session that began the file had not ended when its header was read."""
        session = self.report.session
        return session is not None and session.end is None

    def look_again(self, head: bytes) -> Iterator[Item]:
        """The first `LOG_HEAD` bytes of the file as they are now. When its session ends it writes
        there when, and what it lost."""
        if not (self.is_running and is_log_header(head, HEADER, len(head))):
            return
        try:
            session, _ = read_log_header(head, HEADER, len(head))
        except ValueError:
            return
        before = self.report.sessions[0]
        if session.end is None or session.start != before.start:
            return
        self.report.sessions[0] = session
        self.report.lost_events -= before.lost_events
        self.report.lost_buffers -= before.lost_buffers
        yield Notice(0, "its session has ended")
        yield from self._losses(session, 0)

    def _end(self) -> Iterator[Item]:
        yield from self._order.all()
        self._update()

    def _found(self, found: Buffer | Damage) -> Iterator[Item]:
        report = self.report
        for item in self._buffer(found) if isinstance(found, Buffer) else (found,):
            if isinstance(item, Damage):
                report.damages += 1
            elif isinstance(item, Foreign):
                report.foreign[item.what] = report.foreign.get(item.what, 0) + 1
            yield item
        yield from self._order.ready()
        if self._order.is_disordered and not self._told_of_order:
            self._told_of_order = True
            text = (
                "not all frames are in order of their times: some stand so far behind later ones in"
                " the file that more would have to be held than there is room for"
            )
            yield Notice(found.offset, text)

    def _buffer(self, buffer: Buffer) -> Iterator[Item]:
        header, report = buffer.header, self.report
        is_first = not report.buffers
        report.buffers += 1
        report.loss_marked_buffers += bool(header.flags & LOST)
        report.compressed_buffers += header.is_compressed
        if header.type == HEADER_BUFFER:
            yield from self._log_header(buffer)
        elif is_first:
            yield Damage(buffer.offset, 0, f"no log header before the first buffer: {_UNKNOWN}")
        yield from self._compressed(buffer) if header.is_compressed else self._plain(buffer)

    def _log_header(self, buffer: Buffer) -> Iterator[Item]:
        start, end = buffer.start + HEADER, buffer.end
        try:
            if not is_log_header(buffer.data, start, end):
                raise ValueError("another record stands in its place")
            session, clock = read_log_header(buffer.data, start, end)
        except ValueError as error:
            reason = f"the log header is damaged ({error}): {_UNKNOWN}"
            yield Damage(buffer.offset + HEADER, 0, reason)
            return
        self._update()
        self._clock = clock
        state = buffer.header.state & 0xFFFF
        self._algorithm = state if state in ALGORITHMS else _XPRESS
        yield from self._notices(session, buffer.offset)

    def _notices(self, session: Session, offset: int) -> Iterator[Notice]:
        if len(self.report.sessions) < MOST_SESSIONS:
            self.report.sessions.append(session)
        yield from self._losses(session, offset)
        if session.end is None:
            text = (
                "its session had not ended: what was not written yet is missing, and whether"
                " anything was lost is not known"
            )
            yield Notice(offset, text)

    def _losses(self, session: Session, offset: int) -> Iterator[Notice]:
        self.report.lost_events += session.lost_events
        self.report.lost_buffers += session.lost_buffers
        for count, what, cause in (
            (session.lost_events, "event", session.lost_events_cause),
            (session.lost_buffers, "buffer", session.lost_buffers_cause),
        ):
            if count:
                lost = f"{count:,} {what}s were" if count > 1 else f"1 {what} was"
                yield Notice(offset, f"{lost} lost while it was recorded. Likely cause: {cause}")

    def _plain(self, buffer: Buffer) -> Iterator[Item]:
        header, data = buffer.header, buffer.data
        valid = _valid(header)
        if valid != header.valid and header.valid:
            reason = f"a buffer of {header.size:,} bytes of which {header.valid:,} are valid"
            yield Damage(buffer.offset, HEADER, reason)
        in_file = buffer.offset - buffer.start
        start = min(buffer.start + HEADER, buffer.end)
        end = max(start, min(buffer.start + valid, buffer.end))
        events, stop, fault = self._walk.buffer(data, start, end, valid == header.valid)
        self._take_names()
        if events:
            yield from self._events(events, buffer, None)
        if buffer.is_cut and buffer.start + valid > buffer.end:
            reason = f"the file ends within a buffer of {header.size:,} bytes"
            yield Damage(in_file + stop, buffer.end - stop, reason)
        elif fault:
            yield Damage(in_file + stop, end - stop, fault)

    def _compressed(self, buffer: Buffer) -> Iterator[Item]:
        header, offset, length = buffer.header, buffer.offset, buffer.end - buffer.start
        size = header.valid - HEADER
        data = b""
        fault = ""
        if buffer.is_cut:
            fault = f"the file ends within it: it has {header.size:,} bytes"
        elif not 0 <= size <= LARGEST - HEADER:
            fault = f"expanded it has {header.valid:,} bytes; the largest have {LARGEST:,}"
        else:
            self._expansion.spend(size)
            try:
                compressed = bytes(buffer.data[buffer.start + HEADER : buffer.end])
                data = expanded(self._algorithm, compressed, size)
            except ValueError as error:
                fault = str(error)
        if fault:
            yield Damage(offset, length, f"a compressed buffer: {fault}")
            return
        events, stop, fault = self._walk.buffer(data, 0, size, True)
        self._take_names()
        if events:
            yield from self._events(events, buffer, (offset, length))
        if fault:
            yield Damage(offset, length, f"a compressed buffer, expanded at {stop:,}: {fault}")

    def _events(
        self, events: list[FoundEvent], buffer: Buffer, place: tuple[int, int] | None
    ) -> list[Item]:
        """Put the frames among events of our provider in order; returns what are none.

        ``place``: offset and length of all of them; None where their positions are places in the
        file.
        """
        items: list[Item] = []
        frames: list[HeldFrame] = []
        in_file, at = buffer.offset - buffer.start, buffer.offset
        sequence, processor = buffer.header.sequence, buffer.header.processor
        latest, processes = self._latest, self.report.processes
        clock = self._clock
        for position, size, raw_time, process, thread, event_id, user_data in events:
            offset, length = place or (in_file + position, size)
            if process in processes:
                processes[process] += 1
            elif len(processes) < MOST_PROCESSES:
                processes[process] = 1
            time = clock.ns(raw_time) if clock else None
            if time is not None:
                latest = time
            elif clock:
                reason = f"its time is impossible, {raw_time:,} ticks"
                reason = f"event {event_id} of process {process}: {reason}"
                items.append(Damage(offset, length, reason))
            try:
                if user_data is None:
                    raise ValueError("its extended items do not fit in it")
                payload = payload_of(event_id, user_data)
                if payload is None:
                    items.append(Foreign(offset, length, foreign_name(event_id), "event"))
                    continue
                check_request(payload)
            except ValueError as error:
                reason = f"event {event_id} of process {process}: {error}"
                items.append(Damage(offset, length, reason))
                continue
            # fmt: off
            frames.append((
                latest, sequence, at, position,
                offset, length, payload, time, process, thread, processor,
            ))
            # fmt: on
        self._latest = latest
        self.report.frames += len(frames)
        if frames:
            self._order.add(frames)
        return items

    def _take_names(self) -> None:
        """Keep the names in the buffer that was walked. There are no more than kinds of events and
        processes are counted."""
        for record in self._walk.take_naming_records():
            if RECORD_TYPES.get(record[2]) is EVENT_HEADER:
                provider, event_id, provider_name, name = event_names(record)
                if provider_name:
                    self._provider_names.setdefault(provider, provider_name)
                if name:
                    self._event_names[provider, event_id] = name
            elif found := program(record):
                images = self.report.images
                if found[0] in images or len(images) < MOST_PROCESSES:
                    images[found[0]] = found[1]

    def _event_count(self, provider: UUID, event_id: int, count: int) -> EventCount:
        provider_name = self._provider_names.get(provider) or PROVIDER_NAMES.get(provider, "")
        key = provider, event_id
        name = self._event_names.get(key) or EVENT_NAMES.get(key, "")
        return EventCount(provider, event_id, count, provider_name, name)

    def _update(self) -> None:
        """Bring the report's counts of records and events up to date."""
        report, walk = self.report, self._walk
        report.records = dict(zip(RECORD_KINDS, walk.records, strict=True))
        report.events = [
            self._event_count(UUID(bytes_le=guid), event_id, count)
            for guid, event_id, count in walk.events
        ]
        report.events.sort(key=EventCount.order)
        report.uncounted_events = walk.uncounted
        times = walk.take_times()
        if times and self._clock:
            first, last = map(self._clock.ns, times)
            known = [time for time in (first, report.first_event) if time is not None]
            report.first_event = min(known, default=None)
            known = [time for time in (last, report.last_event) if time is not None]
            report.last_event = max(known, default=None)


def _valid(header: BufferHeader) -> int:
    """Bytes of a buffer in which records stand. Its Offset says so, which is damaged where it is
    less than a header or more than the buffer."""
    for valid in (header.valid, header.saved):
        if HEADER <= valid <= header.size:
            return valid
    return header.size
