"""``info`` for a person: what is known of a capture, fitted to the width of the terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from otel_etw.captures.etl import EtlReport, EventCount
from otel_etw.cli.capture_facts import CaptureFacts, MetricFacts
from otel_etw.cli.fitting import cut, width, wrapped
from otel_etw.cli.info_facts import Fact, facts_of
from otel_etw.cli.local_times import TimeFormat
from otel_etw.cli.screen import Part, Screen
from otel_etw.cli.texts import counted, kind_text

__all__ = ["InfoPage"]

# Rows of a list when not all is asked for.
_ROWS = 15
_LABELS = 10
_HEAD, _FAINT, _NAME = "bold", "dim", "cyan"
# Of a name where nobody looks at a terminal.
_LONGEST = 1000


class _Row(NamedTuple):
    numbers: tuple[str, ...]
    name: str
    more: str = ""
    """Said of it, behind its name."""


class InfoPage:
    """Writes captures to a screen, one after the other.

    ``show_all``: long lists to their end. On a terminal every line fits into its width; elsewhere
    none is broken.
    """

    def __init__(self, screen: Screen, utc: bool, show_all: bool) -> None:
        self._screen = screen
        self._time_format = TimeFormat(utc)
        self._rows = None if show_all else _ROWS
        self._columns = screen.width if screen.is_terminal else _LONGEST
        self._is_first = True

    def write(self, facts: CaptureFacts) -> None:
        if not self._is_first:
            self._screen.line()
        self._is_first = False
        self._sentence("", facts.file, _HEAD)
        self._facts(facts_of(facts, self._time_format))
        if facts.report:
            self._events(facts.report, facts.provider)
            self._processes(facts.report)
        self._metrics(facts.metrics)
        self._damages(facts)

    # Lines ---------------------------------------------------------------------------------------

    def _facts(self, facts: Iterable[Fact]) -> None:
        before = ""
        for label, text in facts:
            shown = "" if label == before else label
            self._sentence(f"  {shown:<{_LABELS}}", text)
            before = label

    def _sentence(self, label: str, text: str, style: str = "") -> None:
        """Text behind a label, with lines below it as far to the right."""
        words = self._screen.shown(text).split(" ")
        indent = " " * len(label)
        for line in wrapped(words, self._columns - len(label), " "):
            self._screen.line((label, _FAINT), ("".join(line), style))
            label = indent

    def _list(self, headers: Sequence[str], rows: Sequence[_Row]) -> None:
        """A table: numbers, then a name and more in what is left of the width."""
        cells = [headers[:-1], *(row.numbers for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        room = self._columns - 4 - sum(each + 2 for each in widths)

        def numbers(texts: Sequence[str]) -> str:
            pairs = zip(texts, widths, strict=True)
            return "    " + "".join(f"{text:>{columns}}  " for text, columns in pairs)

        self._screen.line((numbers(headers[:-1]) + headers[-1], _FAINT))
        for row in rows:
            name = cut(self._screen.shown(row.name), room, self._screen.ellipsis)
            left = room - width(name) - 2
            parts: list[Part] = [numbers(row.numbers), (name, _NAME)]
            if row.more and left > 3:
                more = cut(self._screen.shown(row.more), left, self._screen.ellipsis)
                parts += ["  ", (more, _FAINT)]
            self._screen.line(*parts)

    def _heading(self, text: str) -> None:
        self._screen.line()
        self._sentence("  ", text, _HEAD)

    def _hidden(self, count: int, what: str) -> None:
        if count > 0:
            text = f"    {self._screen.ellipsis} {count:,} more {what} (--all)"
            self._screen.line((text, _FAINT))

    # Lists ---------------------------------------------------------------------------------------

    def _events(self, report: EtlReport, provider: UUID) -> None:
        """By provider: ours first, then those with the most events."""
        providers: defaultdict[UUID, list[EventCount]] = defaultdict(list)
        for event in report.events:
            providers[event.provider].append(event)
        totals = {guid: sum(event.count for event in events) for guid, events in providers.items()}
        order = sorted(providers, key=lambda guid: (guid != provider, -totals[guid], guid))
        for guid in order[: self._rows]:
            events = providers[guid]
            shown = events[: self._rows]
            self._heading(f"Events of {f'{events[0].provider_name} {guid}'.lstrip()}")
            rows = [_Row((f"{event.count:,}", f"{event.id}"), event.name) for event in shown]
            has_names = any(event.name for event in shown)
            self._list(("count", "id", "name" if has_names else ""), rows)
            self._hidden(len(events) - len(shown), f"ids, {totals[guid]:,} events in all")
        self._hidden(len(order) - len(order[: self._rows]), "providers")
        if report.uncounted_events:
            left_out = counted(report.uncounted_events, "event")
            self._sentence("  ", f"{left_out} of further kinds, for which there was no room")

    def _processes(self, report: EtlReport) -> None:
        processes = report.busiest_processes()
        if not processes:
            return
        rows = [
            _Row((f"{count:,}", f"{pid}"), report.images.get(pid, ""))
            for pid, count in processes[: self._rows]
        ]
        self._heading("Processes that wrote events of the provider")
        self._list(("events", "pid", "program" if report.images else ""), rows)
        self._hidden(len(processes) - len(rows), "processes")

    def _metrics(self, metrics: Sequence[MetricFacts]) -> None:
        if not metrics:
            return
        rows = [
            _Row((f"{each.series:,}", f"{each.points:,}"), each.metric.name, _kind(each))
            for each in metrics[: self._rows]
        ]
        self._heading("Metrics")
        self._list(("series", "points", "name"), rows)
        self._hidden(len(metrics) - len(rows), "metrics")

    def _damages(self, facts: CaptureFacts) -> None:
        if not facts.damages:
            return
        self._heading("Damage")
        for damage in facts.first_damages:
            place = f"at byte {damage.offset:,}, {counted(damage.length, 'byte')}"
            self._sentence("    ", f"{place}: {damage.reason}")
        more = facts.damages - len(facts.first_damages)
        if more:
            self._screen.line((f"    {self._screen.ellipsis} {more:,} more", _FAINT))


def _kind(each: MetricFacts) -> str:
    metric = each.metric
    kind = kind_text(metric.kind, metric.temporality, metric.monotonic)
    return f"{kind}, {metric.unit}" if metric.unit else kind
