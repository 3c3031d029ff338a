"""What is known of a capture as labels and sentences, which ``info`` shows line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from otel_etw.captures.etl import EtlReport, Session
from otel_etw.cli.capture_facts import CaptureFacts, Span
from otel_etw.cli.local_times import TimeFormat
from otel_etw.cli.quantities import duration, number, quantity_of
from otel_etw.cli.texts import counted

__all__ = ["Fact", "facts_of"]

Fact: TypeAlias = tuple[str, str]
"""A label, and what is known under it. Labels come again for further lines."""

_size = quantity_of("By").value


def facts_of(facts: CaptureFacts, time_format: TimeFormat) -> Iterator[Fact]:
    """Everything but the lists of events, processes, metrics and damages."""
    yield "format", _format(facts)
    if facts.report:
        yield from _log(facts.report, time_format)
    yield from _contents(facts, time_format)
    for (what, unit), count in facts.foreign.items():
        yield "ignored", f"{what}: {counted(count, unit)}"
    yield "damage", _damage(facts)
    if facts.error:
        yield "error", f"not read to its end: {facts.error}"


def _format(facts: CaptureFacts) -> str:
    if not facts.format_names:
        return "none: the file is empty"
    *around, name = facts.format_names
    inside = "".join(f", in {each}" for each in reversed(around))
    return f"{name}{inside}, {_size(facts.size)}"


# ETW logs ----------------------------------------------------------------------------------------


def _log(report: EtlReport, time_format: TimeFormat) -> Iterator[Fact]:
    for session in report.sessions:
        yield from _session(session, time_format)
    compressed = report.compressed_buffers
    inside = f", {compressed:,} of them compressed" if compressed else ""
    yield "buffers", f"{report.buffers:,} in the file{inside}"
    yield from _losses(report)
    total = sum(report.records.values())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in report.records.items() if count)
    yield "records", f"{total:,}: {kinds}" if total else "none"
    if report.first_event is not None and report.last_event is not None:
        events = counted(report.records["event_header"], "event")
        span = Span(report.first_event, report.last_event)
        yield "events", f"{events}, {_span(span, time_format)}"


def _session(session: Session, time_format: TimeFormat) -> Iterator[Fact]:
    to = f", to {session.file_name}" if session.file_name else ""
    yield "session", f"{session.name or 'without a name'}{to}"
    bits = f", {8 * session.pointer_size}-bit" if session.pointer_size in (4, 8) else ""
    processors = counted(session.processors, "processor")
    yield "system", f"Windows {session.system_version}, build {session.build}{bits}, {processors}"
    if session.end is None:
        begin = _span(Span(session.start, session.start), time_format)
        yield "recorded", f"from {begin}; the session had not ended"
    else:
        yield "recorded", _span(Span(session.start, session.end), time_format)
    yield "clock", f"{session.clock_name}, {session.ticks_per_second:,} ticks a second"
    mode = ", ".join(session.mode_names) or "none"
    limit = f", files up to {_size(session.maximum_file_size)}" if session.maximum_file_size else ""
    yield "mode", f"{mode}; buffers of {_size(session.buffer_size)}{limit}"


def _losses(report: EtlReport) -> Iterator[Fact]:
    if report.knows_losses:
        lost = counted(report.lost_events, "event"), counted(report.lost_buffers, "buffer")
        yield "lost", ", ".join(lost)
    else:
        yield "lost", "not known: sessions write it when they end"
    for cause in filter(None, (report.lost_events_cause, report.lost_buffers_cause)):
        yield "lost", f"likely cause: {cause}"
    if report.loss_marked_buffers:
        marked = counted(report.loss_marked_buffers, "buffer")
        yield "lost", f"{marked} marked: something was lost before"


# Frames and points -------------------------------------------------------------------------------


def _contents(facts: CaptureFacts, time_format: TimeFormat) -> Iterator[Fact]:
    yield "frames", _frames(facts)
    if facts.frame_times.last:
        yield "frames", _span(facts.frame_times, time_format)
    yield "points", _points(facts)
    if facts.uncounted_points:
        left_out = counted(facts.uncounted_points, "point")
        yield "points", f"{left_out} of them in further series, for which there was no room"
    if facts.point_times.last:
        yield "points", _span(facts.point_times, time_format)
    seconds = facts.rated_seconds
    if seconds > 0 and facts.frames:
        frames, points = number(facts.frames / seconds), number(facts.points / seconds)
        size = _size(facts.payload_bytes / seconds)
        yield "rate", f"{frames} frames, {points} points, {size} of OTLP a second"


def _frames(facts: CaptureFacts) -> str:
    """How many, and how large they are; or why there are none."""
    if facts.frames:
        sizes = f"{_size(facts.payload_bytes)} of OTLP, the largest {_size(facts.largest_payload)}"
        return f"{facts.frames:,}, {sizes}"
    if facts.report is None:
        return "none"
    if any(event.provider == facts.provider for event in facts.report.events):
        return f"none: no event of provider {facts.provider} holds OTLP"
    return f"none: no event of provider {facts.provider} is in it"


def _points(facts: CaptureFacts) -> str:
    if not facts.points:
        return "none"
    return f"{facts.points:,} in {facts.series:,} series of {counted(len(facts.metrics), 'metric')}"


def _damage(facts: CaptureFacts) -> str:
    if not facts.damages:
        return "none"
    return f"{facts.damages:,}, of {counted(facts.damaged_bytes, 'byte')} together"


def _span(span: Span, time_format: TimeFormat) -> str:
    text = time_format.span(span.first, span.last)
    return text if span.first == span.last else f"{text} ({duration(span.seconds)})"
