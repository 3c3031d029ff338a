"""``info`` for the eye: what is known of a capture, fitted to the width of the terminal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_etw.captures.etl import EtlReport, EventCount, Session
from otel_etw.captures.texts import printable
from otel_etw.cli.capture_facts import CaptureFacts, MetricFacts, Span
from otel_etw.cli.texts import counted, instant_text

__all__ = ["facts_text"]

_FEW = 20
# Characters of a name that are shown, and columns where the output is no terminal.
_LONGEST = 200
_ENDLESS = 100_000


def facts_text(facts: CaptureFacts, out: TextIO, everything: bool) -> str:
    """The lines about one capture. On a terminal they fit into its width, and headings are bold;
    elsewhere no line is wrapped. Lists are cut unless ``everything`` is asked for."""
    is_terminal = out.isatty()
    text = StringIO()
    console = Console(
        file=text,
        width=shutil.get_terminal_size().columns if is_terminal else _ENDLESS,
        force_terminal=is_terminal and not os.environ.get("NO_COLOR"),
        color_system="standard" if is_terminal else None,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    shown = _Shown(out.encoding or "utf-8", None if everything else _FEW)
    for part in shown.parts(facts):
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


class _Shown:
    """What is shown on an output with this encoding; lists up to this limit."""

    def __init__(self, encoding: str, limit: int | None) -> None:
        self._encoding = encoding
        self._limit = limit

    def parts(self, facts: CaptureFacts) -> Iterator[RenderableType]:
        yield self._text(facts.file, "bold")
        yield self._table(self._facts(facts))
        report = facts.report
        if report and report.events:
            yield from self._events(report)
        if report and report.processes:
            yield from self._processes(report)
        if facts.metrics:
            yield from self._metrics(facts.metrics)
        if facts.first_damages:
            yield from self._damages(facts)

    # One fact a line -----------------------------------------------------------------------------

    def _facts(self, facts: CaptureFacts) -> Iterator[tuple[str, str]]:
        yield "format", _format(facts)
        if facts.report:
            yield from _of_log(facts.report)
        yield from _of_contents(facts)
        for (what, unit), count in facts.foreign.items():
            yield "ignored", f"{counted(count, unit)}: {what}"
        yield "damage", _damage(facts)
        if facts.error:
            yield "error", f"not read to its end: {facts.error}"

    def _table(self, rows: Iterable[tuple[str, str]]) -> Padding:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        before = ""
        for label, value in rows:
            table.add_row(self._text("" if label == before else label, "dim"), self._text(value))
            before = label
        return Padding(table, (0, 0, 0, 2), expand=False)

    # Lists ---------------------------------------------------------------------------------------

    def _list(
        self,
        title: str,
        headers: Sequence[str],
        rows: Sequence[tuple[str, ...]],
        hidden: int,
        what: str,
    ) -> Iterator[RenderableType]:
        """A heading, a table whose last columns are of numbers, and how many rows are not shown."""
        yield self._text(f"\n  {title}", "bold")
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for number, header in enumerate(headers):
            is_number = header in _NUMBERS
            table.add_column(
                header,
                justify="right" if is_number else "left",
                no_wrap=True,
                overflow="ellipsis",
                min_width=max(len(row[number]) for row in rows) if is_number else None,
            )
        for row in rows:
            table.add_row(*map(self._text, row))
        yield Padding(table, (0, 0, 0, 4), expand=False)
        if hidden:
            yield self._text(f"    … {counted(hidden, what)} more (--all)")

    def _events(self, report: EtlReport) -> Iterator[RenderableType]:
        events = report.events[: self._limit]
        rows = [
            (f"{event.count:,}", f"{event.id}", event.name, _provider(event)) for event in events
        ]
        hidden = len(report.events) - len(events)
        yield from self._list("Events", ("count", "id", "name", "provider"), rows, hidden, "kind")
        if report.uncounted_events:
            more = counted(report.uncounted_events, "event")
            yield self._text(f"    … and {more} of other kinds, of which there are too many")

    def _processes(self, report: EtlReport) -> Iterator[RenderableType]:
        processes = sorted(report.processes.items(), key=lambda each: (-each[1], each[0]))
        headers = ("events", "pid", "program") if report.images else ("events", "pid")
        rows = [
            (f"{count:,}", f"{pid}", report.images.get(pid, ""))[: len(headers)]
            for pid, count in processes[: self._limit]
        ]
        hidden = len(processes) - len(rows)
        title = "Processes that wrote events of the provider"
        yield from self._list(title, headers, rows, hidden, "process")

    def _metrics(self, metrics: list[MetricFacts]) -> Iterator[RenderableType]:
        rows = [
            (f"{each.series:,}", f"{each.points:,}", each.metric.name, _kind(each))
            for each in metrics[: self._limit]
        ]
        hidden = len(metrics) - len(rows)
        yield from self._list(
            "Metrics", ("series", "points", "name", "kind"), rows, hidden, "metric"
        )

    def _damages(self, facts: CaptureFacts) -> Iterator[RenderableType]:
        yield self._text("\n  Damage", "bold")
        rows = [
            (f"at byte {damage.offset:,}", f"{damage.length:,} bytes: {damage.reason}")
            for damage in facts.first_damages
        ]
        yield Padding(self._table(rows), (0, 0, 0, 2), expand=False)
        if facts.damages > len(rows):
            yield self._text(f"    … {facts.damages - len(rows):,} more")

    def _text(self, text: str, style: str = "") -> Text:
        """Text that acts on no terminal, as the output's encoding can show it."""
        begin = "\n" if text.startswith("\n") else ""
        text = text[len(begin) :]
        text = printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
        text = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        return Text(begin + text, style)


_NUMBERS = {"count", "id", "events", "pid", "series", "points"}


def _format(facts: CaptureFacts) -> str:
    if not facts.format_names:
        return "none: the file is empty"
    *around, name = facts.format_names
    inside = "".join(f", in {each}" for each in reversed(around))
    return f"{name}{inside}, {_size(facts.size)}"


def _of_log(report: EtlReport) -> Iterator[tuple[str, str]]:
    for session in report.sessions:
        yield from _of_session(session)
    buffers = counted(report.buffers, "buffer")
    if report.compressed_buffers:
        buffers += f", {report.compressed_buffers:,} of them compressed"
    yield "buffers", buffers
    if not report.knows_losses:
        yield "lost", "not known: sessions write it when they end"
    else:
        lost = counted(report.lost_events, "event"), counted(report.lost_buffers, "buffer")
        yield "lost", ", ".join(lost)
    for cause in filter(None, (report.lost_events_cause, report.lost_buffers_cause)):
        yield "lost", f"likely cause: {cause}"
    if report.loss_marked_buffers:
        yield "lost", f"before {counted(report.loss_marked_buffers, 'buffer')}, as these say"
    kinds = [f"{count:,} {kind}" for kind, count in report.records.items() if count]
    total = sum(report.records.values())
    yield "records", f"{total:,}" + (f": {', '.join(kinds)}" if len(kinds) > 0 else "")
    if report.first_event is not None and report.last_event is not None:
        yield "events", _span(Span(report.first_event, report.last_event))


def _of_session(session: Session) -> Iterator[tuple[str, str]]:
    to = f", to {session.file_name}" if session.file_name else ""
    yield "session", f"{session.name or 'without a name'}{to}"
    bits = f", {8 * session.pointer_size}-bit" if session.pointer_size in (4, 8) else ""
    processors = counted(session.processors, "processor")
    yield "system", f"Windows {session.system_version}, build {session.build}{bits}, {processors}"
    if session.end is None:
        yield "recorded", f"from {instant_text(session.start)}; the session had not ended"
    else:
        yield "recorded", _span(Span(session.start, session.end))
    yield "clock", f"{session.clock_name}, {session.ticks_per_second:,} ticks a second"
    limit = f", files up to {_size(session.maximum_file_size)}" if session.maximum_file_size else ""
    mode = ", ".join(session.mode_names) or "none"
    yield "mode", f"{mode}; buffers of {_size(session.buffer_size)}{limit}"


def _of_contents(facts: CaptureFacts) -> Iterator[tuple[str, str]]:
    yield "frames", _frames(facts)
    if facts.frame_times.last:
        yield "frames", _span(facts.frame_times)
    series = "1 series" if facts.series == 1 else f"{facts.series:,} series"
    metrics = counted(len(facts.metrics), "metric")
    points = counted(facts.points, "point")
    yield "points", f"{points} in {series} of {metrics}" if facts.points else points
    if facts.uncounted_points:
        left_out = counted(facts.uncounted_points, "point")
        yield "points", f"{left_out} of them in more series, too many to count"
    if facts.point_times.last:
        yield "points", _span(facts.point_times)
    rated = facts.frame_times if facts.frame_times.last else facts.point_times
    if rated.seconds > 0:
        parts = (
            f"{_number(facts.frames / rated.seconds)} frames",
            f"{_number(facts.points / rated.seconds)} points",
            f"{_size(facts.payload_bytes / rated.seconds)} of OTLP a second",
        )
        yield "rate", ", ".join(parts)


def _frames(facts: CaptureFacts) -> str:
    """How many, and how large they are; or why there are none."""
    frames = counted(facts.frames, "frame")
    if facts.frames:
        largest = _size(facts.largest_payload)
        return f"{frames}, {_size(facts.payload_bytes)} of OTLP, the largest {largest}"
    if facts.report is None:
        return frames
    if any(event.provider == facts.provider for event in facts.report.events):
        return f"{frames}: no event of provider {facts.provider} holds OTLP"
    return f"{frames}: no event of provider {facts.provider} is in it"


def _damage(facts: CaptureFacts) -> str:
    if not facts.damages:
        return "none"
    return f"{counted(facts.damages, 'damage')}, {facts.damaged_bytes:,} bytes"


def _provider(event: EventCount) -> str:
    return f"{event.provider} {event.provider_name}".rstrip()


def _kind(each: MetricFacts) -> str:
    metric = each.metric
    up_down = "up-down" if metric.monotonic is False else None
    words = (metric.kind.replace("_", " "), metric.temporality, up_down, metric.unit)
    return ", ".join(word for word in words if word)


def _span(span: Span) -> str:
    first, last = instant_text(span.first), instant_text(span.last)
    if span.first == span.last:
        return first
    if first[:10] == last[:10]:
        last = last[11:]
    return f"{first.removesuffix(' UTC')} to {last}, {_duration(span.seconds)}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    while parts and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{count:,} {unit}" for count, unit in parts[:2] if count)


def _size(size: float) -> str:
    """Bytes for people: ``400 B``, ``12.3 MiB``."""
    units = ["B", "KiB", "MiB", "GiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{_number(size)} {units[0]}"


def _number(number: float) -> str:
    """Three digits, or all before the point."""
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"
