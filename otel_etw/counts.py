"""What one exporter exported and lost: totals, and log lines about losses at a bounded rate."""

# Without ``from __future__ import annotations``: named tuples take several times as long to make
# when the types of their fields are text.

from collections import deque
from collections.abc import Mapping
from time import monotonic
from types import MappingProxyType
from typing import NamedTuple

from otel_etw.encoding import Losses
from otel_etw.log import warn
from otel_etw.transports.call_guard import CallGuard

__all__ = ["LOG_INTERVAL", "Counts", "ExportCounter"]

LOG_INTERVAL = 60.0
"""Seconds between two log lines about the same kind of loss."""

# Seconds to wait for another thread that merges losses.
_PATIENCE = 1.0

# What a log line says of a kind of loss.
_WORDS = {"text": "replaced characters in {count} text(s)"}

Key = tuple[str, str]


class Counts(NamedTuple):
    """An exporter's work since it was made. Every point it was given is in exactly one of
    ``points_exported`` and ``points_lost``, but for those of exports while nobody listened."""

    exports: int
    """Exports that were encoded: those while the transport was not enabled are not counted."""
    points_exported: int
    """Points that the transport took."""
    points_lost: int
    frames: int
    """Frames that the transport took."""
    bytes: int
    """Bytes of the frames handed to the transport."""
    lost: Mapping[Key, int]
    """(what, reason) → how many, of points, attributes, exemplars, metrics, scopes, resources;
    ``text`` was exported with characters replaced. Reasons: docs/policies.md and the
    transport's."""


class ExportCounter:
    """Counts for one exporter. Any thread and any signal handler may count losses and read;
    the totals are written by the one export that runs."""

    def __init__(self) -> None:
        self.exports = self.points = self.frames = self.bytes = 0
        self._lost: dict[Key, int] = {}
        self._logged: dict[Key, float] = {}
        self.reported: deque[Losses] = deque()
        """Losses to be merged. Who reports some need not wait: whoever merges next takes them."""
        self._guard = CallGuard()

    @property
    def counts(self) -> Counts:
        self.merge()
        lost = self._lost
        return Counts(
            exports=self.exports,
            points_exported=self.points,
            points_lost=sum(count for (what, _), count in lost.items() if what == "point"),
            frames=self.frames,
            bytes=self.bytes,
            lost=MappingProxyType(lost),
        )

    def merge(self) -> None:
        """Count what was reported and log it, but for losses of a kind that was logged a short
        while ago."""
        if self.reported:
            to_log = self._guard.run(_PATIENCE, self._merge_reported)
            if isinstance(to_log, list):
                # Outside of the guard: log handlers are other people's code.
                for key, count, example in to_log:
                    self._log(key, count, example)

    def _merge_reported(self) -> list[tuple[Key, int, str]]:
        """Losses to log: key, how many, and an example."""
        now = monotonic()
        to_log = []
        while self.reported:
            losses = self.reported[0]
            lost = dict(self._lost)
            for key, count in losses.counts.items():
                lost[key] = lost.get(key, 0) + count
                logged = self._logged.get(key)
                if logged is None or now - logged >= LOG_INTERVAL:
                    self._logged[key] = now
                    to_log.append((key, count, losses.examples[key]))
            # Replaced as a whole: a signal handler that raises costs no count and adds none.
            self._lost = lost
            self.reported.popleft()
        return to_log

    def _log(self, key: Key, count: int, example: str) -> None:
        what, reason = key
        warn(
            "otel-etw %s, reason %s: %s (%d since the start; logged at most once in %d s)",
            _WORDS.get(what, "lost {count} {what}(s)").format(count=count, what=what),
            reason,
            example,
            self._lost[key],
            LOG_INTERVAL,
        )
