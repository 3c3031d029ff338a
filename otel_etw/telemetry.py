"""What is said of an exporter's work: counts, rate-limited log lines, the SDK's self-metrics."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from opentelemetry.metrics import MeterProvider, get_meter_provider

from otel_etw.encoding import Losses

__all__ = ["Counts", "Telemetry", "say"]

_logger = logging.getLogger("otel_etw")

# Seconds between two log lines about the same kind of loss.
QUIET = 60.0

_ENABLED = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"
_COMPONENT_TYPE = "otel_etw.ETWMetricExporter"
_component_numbers = itertools.count()

# What a log line says of a kind of loss.
_WORDS = {"text": "replaced characters in {count} text(s)"}


def say(message: str, *arguments: object) -> None:
    """Log a warning; a handler that raises is other people's code and costs us nothing."""
    with contextlib.suppress(Exception):
        _logger.warning(message, *arguments)


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
    lost: Mapping[tuple[str, str], int]
    """(what, reason) → how many, of points, attributes, exemplars, metrics, scopes, resources;
    ``text`` was kept with characters replaced. Reasons: docs/policies.md and the transport's."""


class Telemetry:
    """Counts of one exporter. Read by anyone; written by whoever holds the exporter's lock, but for
    losses, which are also counted while another thread exports."""

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        self._exports = self._points = self._frames = self._bytes = 0
        self._lost: Counter[tuple[str, str]] = Counter()
        self._said: dict[tuple[str, str], float] = {}
        self._metrics: _SelfMetrics | None = None
        self.renew_lock()
        if os.environ.get(_ENABLED, "").strip().lower() == "true":
            with self._contained():
                self._metrics = _SelfMetrics(meter_provider or get_meter_provider())

    @contextlib.contextmanager
    def _contained(self) -> Iterator[None]:
        """Self-metrics that raise are given up: they must not cost the export."""
        try:
            yield
        except Exception as error:
            self._metrics = None
            say("otel-etw: self-metrics are given up: %s: %s", type(error).__name__, error)

    def renew_lock(self) -> None:
        """In a forked child the thread that held it is gone. Re-entrant: a signal handler may
        export too."""
        self._lock = threading.RLock()

    @property
    def counts(self) -> Counts:
        with self._lock:
            lost = dict(self._lost)
        return Counts(
            exports=self._exports,
            points_exported=self._points,
            points_lost=sum(count for (what, _), count in lost.items() if what == "point"),
            frames=self._frames,
            bytes=self._bytes,
            lost=MappingProxyType(lost),
        )

    @property
    def measuring(self) -> bool:
        """Whether self-metrics are wanted, so that points must be counted beforehand."""
        return self._metrics is not None

    def started(self, points: int) -> float:
        """An export begins. Returns when, for ``finished``."""
        self._exports += 1
        if self._metrics:
            with self._contained():
                self._metrics.inflight.add(points, self._metrics.attributes)
        return time.perf_counter()

    def taken(self, frames: int, points: int, nbytes: int) -> None:
        """The transport was handed ``nbytes`` and took so many frames and points."""
        self._frames += frames
        self._points += points
        self._bytes += nbytes

    def finished(self, started: float, given: int, points: int, losses: Losses) -> None:
        """An export of ``given`` points is over: ``points`` of them were taken."""
        self.lost(losses)
        if self._metrics:
            with self._contained():
                self._metrics.finished(time.perf_counter() - started, given, points, losses)

    def lost(self, losses: Losses) -> None:
        """Count losses, and say so unless the same was said a short while ago."""
        if not losses.counts:
            return
        now = time.monotonic()
        to_say = []
        with self._lock:
            for key, count in losses.counts.items():
                self._lost[key] += count
                said = self._said.get(key)
                if said is None or now - said >= QUIET:
                    self._said[key] = now
                    to_say.append((key, count))
        # Without the lock: a log handler is other people's code.
        for key, count in to_say:
            self._say(key, count, losses.examples[key])

    def _say(self, key: tuple[str, str], count: int, example: str) -> None:
        what, reason = key
        say(
            "otel-etw %s, reason %s: %s (%d since the start; said at most once in %d s)",
            _WORDS.get(what, "lost {count} {what}(s)").format(count=count, what=what),
            reason,
            example,
            self._lost[key],
            QUIET,
        )


class _SelfMetrics:
    """The instruments of the semantic conventions for SDK components (``otel.sdk.exporter.*``)."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("otel_etw")
        self.attributes = {
            "otel.component.type": _COMPONENT_TYPE,
            "otel.component.name": f"{_COMPONENT_TYPE}/{next(_component_numbers)}",
        }
        self.exported = meter.create_counter(
            "otel.sdk.exporter.metric_data_point.exported",
            unit="{data_point}",
            description="Metric data points whose export has finished, either way",
        )
        self.inflight = meter.create_up_down_counter(
            "otel.sdk.exporter.metric_data_point.inflight",
            unit="{data_point}",
            description="Metric data points passed to the exporter, but not yet exported",
        )
        self.duration = meter.create_histogram(
            "otel.sdk.exporter.operation.duration",
            unit="s",
            description="The duration of exporting a batch of telemetry records",
        )

    def finished(self, seconds: float, given: int, points: int, losses: Losses) -> None:
        self.inflight.add(-given, self.attributes)
        if points:
            self.exported.add(points, self.attributes)
        failed = {reason: n for (what, reason), n in losses.counts.items() if what == "point"}
        for reason, count in failed.items():
            self.exported.add(count, {**self.attributes, "error.type": reason})
        error = {"error.type": max(failed, key=failed.__getitem__)} if failed else {}
        self.duration.record(seconds, {**self.attributes, **error})
