"""``info --format json``: what is known of a capture, for programs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from otel_etw.captures.etl import EtlReport, Session
from otel_etw.cli.capture_facts import CaptureFacts, Span

__all__ = ["facts_object"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def facts_object(facts: CaptureFacts) -> dict[str, Any]:
    """All that is known of a capture, with the same keys for every format: what only an ETW log
    has is null, or an empty list or object, for others. Sizes are bytes, times ISO 8601 in UTC."""
    report = facts.report
    seconds = facts.rated_seconds
    return {
        "file": facts.file,
        "format": facts.formats[-1] if facts.formats else None,
        "compression": list(facts.formats[:-1]),
        "size": facts.size,
        "error": facts.error or None,
        **_session_keys(report),
        "records": dict(report.records) if report else {},
        "events": _events(report) if report else [],
        "uncounted_events": report.uncounted_events if report else 0,
        "processes": _processes(report) if report else [],
        "provider": str(facts.provider) if report else None,
        "frames": facts.frames,
        "payload_bytes": facts.payload_bytes,
        "largest_payload": facts.largest_payload,
        "points": facts.points,
        "series": facts.series,
        "uncounted_points": facts.uncounted_points,
        "metrics": [
            {
                "name": each.metric.name,
                "kind": each.metric.kind,
                "unit": each.metric.unit,
                "description": each.description,
                "temporality": each.metric.temporality,
                "monotonic": each.metric.monotonic,
                "points": each.points,
                "series": each.series,
            }
            for each in facts.metrics
        ],
        "event_times": _span(Span(report.first_event or 0, report.last_event or 0))
        if report
        else None,
        "frame_times": _span(facts.frame_times),
        "point_times": _span(facts.point_times),
        "frames_per_second": _rate(facts.frames, seconds),
        "points_per_second": _rate(facts.points, seconds),
        "payload_bytes_per_second": _rate(facts.payload_bytes, seconds),
        "ignored": [
            {"what": what, "unit": unit, "count": count}
            for (what, unit), count in facts.foreign.items()
        ],
        "damages": facts.damages,
        "damaged_bytes": facts.damaged_bytes,
        "first_damages": [
            {"offset": damage.offset, "length": damage.length, "reason": damage.reason}
            for damage in facts.first_damages
        ],
    }


def _session_keys(report: EtlReport | None) -> dict[str, Any]:
    session = report.session if report else None
    if report is None or session is None:
        return {
            "session": None,
            "further_sessions": [],
            "lost_events": None,
            "lost_buffers": None,
            "lost_events_cause": None,
            "lost_buffers_cause": None,
            "buffers": _buffers(report) if report else None,
        }
    return {
        "session": _session(session),
        "further_sessions": [_session(each) for each in report.sessions[1:]],
        "lost_events": report.lost_events if report.knows_losses else None,
        "lost_buffers": report.lost_buffers if report.knows_losses else None,
        "lost_events_cause": report.lost_events_cause or None,
        "lost_buffers_cause": report.lost_buffers_cause or None,
        "buffers": _buffers(report),
    }


def _session(session: Session) -> dict[str, Any]:
    return {
        "name": session.name,
        "file_name": session.file_name,
        "system_version": session.system_version,
        "build": session.build,
        "pointer_size": session.pointer_size,
        "processors": session.processors,
        "clock": session.clock_name,
        "ticks_per_second": session.ticks_per_second,
        "buffer_size": session.buffer_size,
        "buffers_written": session.buffers_written,
        "maximum_file_size": session.maximum_file_size or None,
        "mode": session.mode_names,
        "start": _time(session.start),
        "end": None if session.end is None else _time(session.end),
        "time_zone": session.time_zone,
        "utc_bias_minutes": session.utc_bias,
    }


def _buffers(report: EtlReport) -> dict[str, int]:
    return {
        "count": report.buffers,
        "compressed": report.compressed_buffers,
        "marked_lost": report.loss_marked_buffers,
    }


def _events(report: EtlReport) -> list[dict[str, Any]]:
    return [
        {
            "provider": str(event.provider),
            "provider_name": event.provider_name or None,
            "id": event.id,
            "name": event.name or None,
            "count": event.count,
        }
        for event in report.events
    ]


def _processes(report: EtlReport) -> list[dict[str, Any]]:
    return [
        {"pid": pid, "image": report.images.get(pid), "events": count}
        for pid, count in report.busiest_processes()
    ]


def _span(span: Span) -> dict[str, Any] | None:
    if not span.last:
        return None
    return {
        "first": _time(span.first),
        "last": _time(span.last),
        "seconds": round(span.seconds, 9),
    }


def _time(nanoseconds: int) -> str | None:
    """ISO 8601 in UTC to the nanosecond; None for a damaged one, of no year from 1 to 9999."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return f"{moment.replace(tzinfo=None).isoformat()}.{rest:09d}Z"


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds, 3) if seconds > 0 else None
