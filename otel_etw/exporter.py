"""ETWMetricExporter: transport enabled? → encode → send → losses → result.

The only module that knows the SDK's exporter interface. How it stays out of the way:

1. ``export`` never raises: what goes wrong is counted and said.
2. Exports are serialised by a lock of our own; it is held while encoding and sending, never waited
   for without a bound by ``shutdown`` and ``force_flush``, and renewed in a forked child.
3. A call from within ``send``, or from a signal handler that interrupted an export, is refused
   rather than deadlocked.
4. When ``shutdown`` runs out of time, the running export stops at its next batch and closes the
   transport itself.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.metrics.view import Aggregation

from otel_etw import encoding, transports
from otel_etw.encoding import Encoder, Losses, count_points
from otel_etw.settings import Settings
from otel_etw.telemetry import Counts, Telemetry, say
from otel_etw.transports.arguments import shown
from otel_etw.transports.base import Delivery, Transport

__all__ = ["ETWMetricExporter"]


# Seconds after which other threads get the interpreter, and for how long: it takes turns only every
# 5 ms by itself, and one that waits for it needs a while to wake up.
_HOLD, _PAUSE = 0.000_3, 0.000_1


class ETWMetricExporter(MetricExporter):
    """Exports metrics as OTLP protobuf to Event Tracing for Windows, or to another transport.

    Each argument may also be given by the environment variable in brackets (each begins with
    ``OTEL_EXPORTER_ETW_``), and as a plain value in a declarative configuration.

    Args:
        transport: a `Transport`, or a string: ``"auto"`` (the default: ETW on Windows, elsewhere
            nothing, with a warning), ``"file:PATH"``, ``"memory"``, or the name of an installed
            one. [TRANSPORT]
        provider_name: the ETW provider's name; alone it gets the GUID that is its hash.
            [PROVIDER_NAME]
        provider_guid: the ETW provider's GUID. [PROVIDER_GUID]
        limit: the most bytes an event's payload may have, below what the transport allows. [LIMIT]
        max_points_per_event: 1 is the shape of the Rust crate and of .NET Geneva; by default as
            many as fit. [MAX_POINTS_PER_EVENT]
        temporality_preference: ``"delta"`` (the default), ``"cumulative"`` or ``"lowmemory"``.
            [TEMPORALITY_PREFERENCE, then OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE]
        preferred_temporality: instrument class → temporality, on top of the preference.
        default_histogram_aggregation: ``"explicit_bucket_histogram"`` or
            ``"base2_exponential_bucket_histogram"``. [DEFAULT_HISTOGRAM_AGGREGATION, then
            OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION]
        preferred_aggregation: instrument class → aggregation, on top of that.
        attributes: added to every point that has none of the same key; a mapping, or
            ``"key=value,key=value"``. [ATTRIBUTES]
        account, namespace: Geneva's, as resource attributes; both or neither. [ACCOUNT, NAMESPACE]
        meter_provider: where self-metrics go when OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED is true;
            the global one by default.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it and what is allowed.
        Whatever a transport raises that was asked for by name and cannot be here.
    """

    def __init__(
        self,
        transport: Transport | str | None = None,
        *,
        provider_name: str | None = None,
        provider_guid: str | None = None,
        limit: int | str | None = None,
        max_points_per_event: int | str | None = None,
        temporality_preference: str | None = None,
        preferred_temporality: Mapping[type, AggregationTemporality] | None = None,
        default_histogram_aggregation: str | None = None,
        preferred_aggregation: Mapping[type, Aggregation] | None = None,
        attributes: Mapping[str, object] | str | None = None,
        account: str | None = None,
        namespace: str | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        settings = Settings.of(
            transport=transport,
            provider_name=provider_name,
            provider_guid=provider_guid,
            limit=limit,
            max_points_per_event=max_points_per_event,
            temporality_preference=temporality_preference,
            preferred_temporality=preferred_temporality,
            default_histogram_aggregation=default_histogram_aggregation,
            preferred_aggregation=preferred_aggregation,
            attributes=attributes,
            account=account,
            namespace=namespace,
        )
        super().__init__(
            preferred_temporality=settings.temporality,
            preferred_aggregation=settings.aggregation,
        )
        self._encoder = Encoder(
            max_points=settings.max_points_per_event,
            attributes=settings.attributes,
            resource_attributes=settings.resource_attributes,
            native=encoding.NATIVE,
        )
        self._limit = settings.limit
        self._telemetry = Telemetry(meter_provider)
        self._transport = _open(settings)
        self._shut_down = False
        self._stop = False
        self._released = False
        self._holder: int | None = None  # the thread that exports or flushes
        self._renew_locks()
        _exporters.add(self)

    def _renew_locks(self) -> None:
        """At the start, and in a forked child: there the thread that held them is gone, unless it
        is the one that forked, amid a call of ours that goes on."""
        if self._holder != threading.get_ident():
            self._lock = threading.RLock()
            self._holder = None
        self._telemetry.renew_lock()

    @property
    def transport(self) -> Transport:
        """Where frames go."""
        return self._transport

    @property
    def counts(self) -> Counts:
        """What was exported and lost since the start."""
        return self._telemetry.counts

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Encode and send. FAILURE when anything was lost; the losses are counted and logged.

        Never raises. ``timeout_millis`` is not needed: nothing here waits for anyone.
        """
        try:
            if not self._shut_down and not self._transport.enabled:
                return MetricExportResult.SUCCESS
            refusal = self._begin()
            if refusal:
                return self._refuse(metrics_data, *refusal)
            try:
                return self._export(metrics_data)
            finally:
                self._end()
        except Exception as error:
            return self._refuse(metrics_data, "internal", f"{type(error).__name__}: {error}")

    def _begin(self, seconds: float = -1) -> tuple[str, str] | None:
        """Take the lock, for ``_end`` to give back. Otherwise the reason why not, in a sentence."""
        late = "shutdown", "export after shutdown"
        if self._shut_down:
            return late
        if not self._lock.acquire(True, seconds):
            return "busy", "another export is running"
        if self._holder is None and not self._shut_down:
            self._holder = threading.get_ident()
            return None
        self._lock.release()
        if self._stop:
            # While we held the lock, shutdown could not.
            self._close_unless_busy(0.0)
        return late if self._shut_down else ("reentrant", "export from within an export")

    def _end(self) -> None:
        self._holder = None
        self._lock.release()
        if self._stop:
            self._release()

    def _export(self, data: MetricsData) -> MetricExportResult:
        given = count_points(data) if self._telemetry.measuring else 0
        started = held = self._telemetry.started(given)
        losses = Losses()
        exported = 0
        ended = "internal"
        try:
            for frames in self._encoder.encode(data, self._frame_limit(), losses):
                if self._stop:
                    losses.add("point", "shutdown", "shutdown ran out of time", frames.points)
                    break
                if time.perf_counter() - held >= _HOLD:
                    time.sleep(_PAUSE)
                    held = time.perf_counter()
                if not len(frames):
                    continue  # amid a large one
                delivery = self._send(frames)
                exported += delivery.points
                self._telemetry.taken(delivery.taken, delivery.points, frames.nbytes)
                for loss in delivery.losses:
                    losses.add("frame", loss.reason, loss.detail, loss.frames)
                    losses.add("point", loss.reason, loss.detail, loss.points)
            ended = "shutdown" if self._stop else ""
        except Exception as error:
            losses.add("export", "internal", f"{type(error).__name__}: {error}")
        except BaseException:
            # Not ours to stop, but what it costs is counted.
            ended = "interrupted"
            raise
        finally:
            if ended:
                rest = count_points(data) - exported - losses.points()
                losses.add("point", ended, f"not sent any more: {ended}", rest)
            self._telemetry.finished(started, given, exported, losses)
        return MetricExportResult.FAILURE if losses else MetricExportResult.SUCCESS

    def _frame_limit(self) -> int | None:
        limit = self._transport.limit
        if limit is None or self._limit is None:
            return self._limit if limit is None else limit
        return min(limit, self._limit)

    def _send(self, frames: Any) -> Delivery:
        """What the transport says of a batch; a batch at which it raises is lost."""
        try:
            delivery = self._transport.send(frames)
        except Exception as error:
            return Delivery.nothing(
                frames,
                "transport_error",
                f"{type(self._transport).__name__}.send raised {type(error).__name__}: {error}",
            )
        if not isinstance(delivery, Delivery):
            wrong = f"{type(delivery).__name__}, no Delivery"
        elif not delivery.accounts_for(frames):
            wrong = "a Delivery that does not account for all frames and points"
        else:
            return delivery
        return Delivery.nothing(
            frames, "transport_error", f"{type(self._transport).__name__}.send returned {wrong}"
        )

    def _refuse(self, data: MetricsData, reason: str, sentence: str) -> MetricExportResult:
        """Count a whole export as lost."""
        losses = Losses()
        losses.add("export", reason, sentence)
        losses.add("point", reason, sentence, count_points(data))
        self._telemetry.lost(losses)
        return MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Push out what the transport has buffered; False when the time ran out. Never raises."""
        if self._begin(_seconds(timeout_millis)):
            return False
        try:
            return bool(self._transport.flush(timeout_millis))
        except Exception as error:
            say("otel-etw: flush failed: %s: %s", type(error).__name__, error)
            return False
        finally:
            self._end()

    def shutdown(
        self, timeout_millis: float = 30_000, timeout: float | None = None, **kwargs: Any
    ) -> None:
        """Wait for a running export, then close the transport. Never raises.

        Milliseconds both: ``timeout`` is what the SDK's periodic reader calls it. A transport that
        several exporters share is closed by the last one.
        """
        if self._shut_down:
            say("otel-etw: the exporter is already shut down")
            return
        self._shut_down = True
        if not self._close_unless_busy(_seconds(timeout_millis if timeout is None else timeout)):
            self._stop = True
            # Either whoever is busy sees that in the end, or is done by now.
            self._close_unless_busy(0.0)

    def _close_unless_busy(self, seconds: float) -> bool:
        if not self._lock.acquire(True, seconds):
            return False
        idle = self._holder is None
        self._lock.release()
        if idle:
            self._release()
        return idle

    def _release(self) -> None:
        """Let go of the transport, once; close it unless another exporter sends to it."""
        with _release_lock:
            if self._released:
                return
            self._released = True
            if any(
                other._transport is self._transport and not other._released
                for other in list(_exporters)
            ):
                return
        try:
            self._transport.close()
        except Exception as error:
            say("otel-etw: close failed: %s: %s", type(error).__name__, error)


# An exporter that is shut down must not silence another one with the same transport.
_exporters: weakref.WeakSet[ETWMetricExporter] = weakref.WeakSet()
_release_lock = threading.Lock()


def _renew_locks() -> None:
    global _release_lock
    _release_lock = threading.Lock()
    for exporter in list(_exporters):
        exporter._renew_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def _seconds(millis: float | None) -> float:
    """What Lock.acquire takes, of whatever was given: a wait it can do, and no more."""
    if millis is None:
        return 10.0
    return min(millis / 1000, threading.TIMEOUT_MAX) if millis > 0 else 0.0


def _open(settings: Settings) -> Transport:
    """The transport the settings name. One that cannot be raises; a variable that names none is
    warned about and passed over."""
    if isinstance(settings.transport, Transport):
        return settings.transport
    try:
        return transports.open(settings.transport, provider=settings.provider, limit=settings.limit)
    except ValueError as error:
        if settings.transport_from == "transport":
            raise ValueError(f"transport={shown(settings.transport)}: {error}") from None
        say("%s=%s is passed over: %s", settings.transport_from, shown(settings.transport), error)
        return transports.open("auto", provider=settings.provider, limit=settings.limit)
