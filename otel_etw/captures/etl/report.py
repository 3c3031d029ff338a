"""What was found in one .etl file besides its frames; it grows while the file is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from otel_etw.captures.etl.session import Session

__all__ = ["RECORD_KINDS", "EtlReport", "EventCount"]

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


@dataclass(frozen=True, slots=True)
class EventCount:
    """How often one event of one provider came."""

    provider: UUID
    id: int
    count: int


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
    first_event: int | None = None
    """Time of the earliest event with an EVENT_HEADER, of any provider."""
    last_event: int | None = None
    frames: int = 0
    damages: int = 0
    foreign: dict[str, int] = field(default_factory=dict)
    """What events of our provider that hold no OTLP are → how many came."""

    @property
    def session(self) -> Session | None:
        """The session that began the file; None where its header is damaged."""
        return self.sessions[0] if self.sessions else None

    @property
    def lost_events_cause(self) -> str:
        """The likely cause of lost events; empty when none were lost."""
        return next(filter(None, (each.lost_events_cause for each in self.sessions)), "")

    @property
    def lost_buffers_cause(self) -> str:
        """The likely cause of lost buffers; empty when none were lost."""
        return next(filter(None, (each.lost_buffers_cause for each in self.sessions)), "")
