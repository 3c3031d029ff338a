"""What was found in one .etl file besides its frames; it grows while the file is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

from otel_etw.captures.etl.session import Session

__all__ = [
    "MOST_EVENT_KINDS",
    "MOST_PROCESSES",
    "MOST_SESSIONS",
    "RECORD_KINDS",
    "EtlReport",
    "EventCount",
]

MOST_SESSIONS = 100
MOST_PROCESSES = 65_536
MOST_EVENT_KINDS = 65_536
"""Pairs of provider and event id that are counted apart."""

RECORD_KINDS = (
    "system",
    "compact",
    "full_header",
    "instance",
    "message",
    "perfinfo",
    "event_header",
    "other",
)
"""The kinds by which records are counted, in the order of `EtlReport.records`."""

_COUNTS = (
    "lost_events", "lost_buffers", "buffers", "compressed_buffers", "loss_marked_buffers",
    "uncounted_events", "frames", "damages",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventCount:
    """How often one event of one provider came."""

    provider: UUID
    id: int
    count: int
    provider_name: str = ""
    """Empty where it is not known."""
    name: str = ""
    """Empty where it is not known, or where one id stands for events of several names."""

    def order(self) -> tuple[int, UUID, int]:
        """A key for sorting: the most frequent first."""
        return -self.count, self.provider, self.id


@dataclass(slots=True)
class EtlReport:
    """What one .etl file is: its session, its records by kind, its events by provider and id.

    Sizes are bytes, offsets those of the file, times ns since 1970 UTC. Complete once the reader is
    finished.
    """

    sessions: list[Session] = field(default_factory=list)
    """One for each log header in the file; more than one where files were appended. The first 100
    are kept."""
    lost_events: int = 0
    """As the log headers say."""
    lost_buffers: int = 0
    """As the log headers say."""
    buffers: int = 0
    compressed_buffers: int = 0
    loss_marked_buffers: int = 0
    """Buffers whose own header says that events or buffers before them were lost."""
    records: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RECORD_KINDS, 0))
    """Each of `RECORD_KINDS` → how many records of it were read."""
    events: list[EventCount] = field(default_factory=list)
    """Events with an EVENT_HEADER, of all providers, the most frequent first. Brought up to date by
    `settle` and `finish` of the reader."""
    uncounted_events: int = 0
    """Events that ``events`` leaves out, since it holds 65,536 pairs of provider and id at most."""
    processes: dict[int, int] = field(default_factory=dict)
    """Process id → how many events of our provider it wrote. The first 65,536 processes."""
    images: dict[int, str] = field(default_factory=dict)
    """Process id → name of its program, as far as the file says."""
    first_event: int | None = None
    """Time of the earliest event with an EVENT_HEADER, of any provider."""
    last_event: int | None = None
    frames: int = 0
    damages: int = 0
    foreign: dict[str, int] = field(default_factory=dict)
    """What events of our provider that hold no OTLP are → how many came."""

    def include(self, other: EtlReport) -> None:
        """Add what another file is, such as the next one of a zip file."""
        self.sessions += other.sessions[: MOST_SESSIONS - len(self.sessions)]
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for kind, count in other.records.items():
            self.records[kind] += count
        for what, count in other.foreign.items():
            self.foreign[what] = self.foreign.get(what, 0) + count
        for process, count in other.processes.items():
            if process in self.processes or len(self.processes) < MOST_PROCESSES:
                self.processes[process] = self.processes.get(process, 0) + count
        self._include_events(other.events)
        for process, image in other.images.items():
            if len(self.images) < MOST_PROCESSES:
                self.images[process] = image
        first = (self.first_event, other.first_event)
        self.first_event = min((time for time in first if time is not None), default=None)
        last = (self.last_event, other.last_event)
        self.last_event = max((time for time in last if time is not None), default=None)

    def _include_events(self, events: list[EventCount]) -> None:
        counts = {(event.provider, event.id): event for event in self.events}
        for event in events:
            key = event.provider, event.id
            if key in counts:
                before = counts[key]
                counts[key] = replace(
                    before,
                    count=before.count + event.count,
                    provider_name=before.provider_name or event.provider_name,
                    name=before.name or event.name,
                )
            elif len(counts) < MOST_EVENT_KINDS:
                counts[key] = event
            else:
                self.uncounted_events += event.count
        self.events = sorted(counts.values(), key=EventCount.order)

    @property
    def session(self) -> Session | None:
        """The session that began the file; None where its header is damaged."""
        return self.sessions[0] if self.sessions else None

    def busiest_processes(self) -> list[tuple[int, int]]:
        """Processes of ``processes`` with their events, those with the most first."""
        return sorted(self.processes.items(), key=lambda each: (-each[1], each[0]))

    @property
    def knows_losses(self) -> bool:
        """Whether ``lost_events`` and ``lost_buffers`` are known: sessions write them when they
        end."""
        ended = all(session.end is not None for session in self.sessions)
        return bool(self.sessions) and (ended or bool(self.lost_events or self.lost_buffers))

    @property
    def lost_events_cause(self) -> str:
        """The likely cause of lost events; empty when none were lost."""
        return next(filter(None, (each.lost_events_cause for each in self.sessions)), "")

    @property
    def lost_buffers_cause(self) -> str:
        """The likely cause of lost buffers; empty when none were lost."""
        return next(filter(None, (each.lost_buffers_cause for each in self.sessions)), "")
