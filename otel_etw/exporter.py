"""ETWMetricExporter: transport enabled? → encode → send → losses → result.

The only module that knows the SDK's exporter interface. How it stays out of the way:

1. ``export`` never raises: what goes wrong is counted and logged.
2. One call at a time, by a `CallGuard`. Another thread's call is waited for up to the caller's
   timeout; a call from within ``send``, or from a signal handler that interrupted an export, is
   refused. Refused points are counted as lost.
3. An exception that a signal handler raises costs no more than the export that it hits: what is
   not sent is counted as lost, and the next export works. KeyboardInterrupt, SystemExit and their
   like go on to the application; an ``Exception`` cannot be told from one of the data's own.
4. When ``shutdown`` runs out of time, the running export stops at its next batch and closes the
   transport itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.metrics.view import Aggregation

from otel_etw import encoding, transports
from otel_etw.counts import Counts, ExportCounter
from otel_etw.encoding import Encoder, Losses, count_points
from otel_etw.gil import HOLD, yield_gil
from otel_etw.log import warn
from otel_etw.settings import Settings
from otel_etw.transports.arguments import shown
from otel_etw.transports.base import Delivery, Frames, Transport
from otel_etw.transports.call_guard import BUSY, REENTRANT, CallGuard, Refusal
from otel_etw.transports.registry import WeakRegistry

if TYPE_CHECKING:
    from otel_etw.self_metrics import SelfMetrics

__all__ = ["ETWMetricExporter"]

T = TypeVar("T")

# What a log line says of an export that did not run.
_REFUSALS = {
    BUSY: "another export did not end in time",
    REENTRANT: "export from within an export",
}


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

    __module__ = "otel_etw"

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
        settings = Settings(
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
        self._counter = ExportCounter()
        self._self_metrics = _self_metrics(meter_provider)
        self._transport = _open(settings)
        self._guard = CallGuard()
        self._shut_down = False
        # The running call must end early and close the transport.
        self._stop = False
        _exporters.add(self)

    @property
    def transport(self) -> Transport:
        """Where frames go."""
        return self._transport

    @property
    def counts(self) -> Counts:
        """What was exported and lost since the start."""
        return self._counter.counts

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Encode and send. FAILURE when anything was lost; the losses are counted and logged.

        Never raises. ``timeout_millis``: how long to wait for another thread's export, flush or
        shutdown of this exporter. Sending waits as the transport says: ETW for nobody, a file for
        its lock.
        """
        run = None
        try:
            if not self._shut_down and not self._transport.enabled:
                return MetricExportResult.SUCCESS
            run = _Run(metrics_data)
            if self._shut_down:
                run.refuse("shutdown", "export after shutdown")
            else:
                refusal = self._guarded(timeout_millis, self._export, run)
                if refusal is not None:
                    run.refuse(refusal.reason, _REFUSALS[refusal])
        except Exception as error:
            run = run or _Run(metrics_data)
            run.fail(error)
        except BaseException:
            run = run or _Run(metrics_data)
            run.interrupt()
            raise
        finally:
            if run and run.losses.counts:
                # Reported first by a call into C, at which no signal handler can come before it.
                self._counter.reported.append(run.losses)
                self._counter.merge()
        lost = run and run.losses
        return MetricExportResult.FAILURE if lost else MetricExportResult.SUCCESS

    def _guarded(self, millis: float, function: Callable[..., T], *arguments: Any) -> T | Refusal:
        """The function's result, or why it was not called."""
        try:
            return self._guard.run(_seconds(millis), function, *arguments)
        finally:
            if self._stop:
                # Shutdown could not while we ran.
                self._close(0.0)

    def _export(self, run: _Run) -> None:
        if self._shut_down:
            return run.refuse("shutdown", "export after shutdown")
        metrics = self._self_metrics
        given = count_points(run.data) if metrics else 0
        self._counter.exports += 1
        begun = perf_counter()
        try:
            if metrics:
                metrics.begin(given)
            self._send_all(run)
        except Exception as error:
            run.fail(error)
        except BaseException:
            run.interrupt()
            raise
        finally:
            if metrics:
                metrics.end(perf_counter() - begun, run.exported, run.losses)

    def _send_all(self, run: _Run) -> None:
        counter = self._counter
        held = perf_counter()
        for frames in self._encoder.encode(run.data, self._frame_limit(), run.losses):
            if self._stop:
                return run.lose_rest("shutdown", "shutdown ran out of time")
            if perf_counter() - held >= HOLD:
                yield_gil()
                held = perf_counter()
            if not len(frames):
                continue  # amid a large frame
            nbytes = frames.nbytes
            delivery = self._send(frames)
            # No call between these, so no signal handler: points are counted once, or else lost.
            run.exported += delivery.points
            counter.points += delivery.points
            counter.frames += delivery.taken
            counter.bytes += nbytes
            for loss in delivery.losses:
                run.losses.add("frame", loss.reason, loss.detail, loss.frames)
                run.losses.add("point", loss.reason, loss.detail, loss.points)
        return None

    def _frame_limit(self) -> int | None:
        limit = self._transport.limit
        if limit is None or self._limit is None:
            return self._limit if limit is None else limit
        return min(limit, self._limit)

    def _send(self, frames: Frames) -> Delivery:
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

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Push out what the transport has buffered; False when the time ran out, from within an
        export, and after shutdown. Never raises."""
        try:
            return not self._shut_down and (
                self._guarded(timeout_millis, self._flush, timeout_millis) is True
            )
        except Exception as error:
            warn("otel-etw: flush failed: %s: %s", type(error).__name__, error)
            return False

    def _flush(self, millis: float) -> bool:
        return not self._shut_down and bool(self._transport.flush(millis))

    def shutdown(
        self, timeout_millis: float = 30_000, timeout: float | None = None, **kwargs: Any
    ) -> None:
        """Wait for a running export, then close the transport. Never raises.

        Milliseconds both: ``timeout`` is what the SDK's periodic reader calls it. A transport that
        several exporters share is closed by the last one.
        """
        if self._shut_down:
            warn("otel-etw: the exporter is already shut down")
            self._close(0.0)  # unless that was interrupted
            return
        self._shut_down = True
        try:
            if not self._close(_seconds(timeout_millis if timeout is None else timeout)):
                self._stop = True
                # Either the running call sees that in the end, or it is over by now.
                self._close(0.0)
        except Exception as error:
            warn("otel-etw: shutdown failed: %s: %s", type(error).__name__, error)
        except BaseException:
            # Interrupted: whoever calls next closes the transport, unless that is done.
            self._stop = True
            raise

    def _close(self, seconds: float) -> bool:
        """Let go of the transport, unless a call goes on for longer than that."""
        return not isinstance(self._guard.run(seconds, self._release), Refusal)

    def _release(self) -> None:
        """Let go of the transport, once; close it unless another exporter sends to it."""
        try:
            if _exporters.remove(self) and not any(
                other._transport is self._transport for other in _exporters.alive()
            ):
                self._transport.close()
        except Exception as error:
            warn("otel-etw: close failed: %s: %s", type(error).__name__, error)
        except BaseException:
            # Interrupted, so called again later. Closing twice does no harm.
            _exporters.add(self)
            raise


# Those that still hold their transport: one that is shut down must not silence another with the
# same transport.
_exporters: WeakRegistry[ETWMetricExporter] = WeakRegistry()


class _Run:
    """One export: what it was given, and what became of that so far."""

    __slots__ = ("data", "exported", "losses")

    def __init__(self, data: MetricsData) -> None:
        self.data = data
        self.exported = 0  # points
        self.losses = Losses()

    def refuse(self, reason: str, sentence: str) -> None:
        self.losses.add("export", reason, sentence)
        self.lose_rest(reason, sentence)

    def fail(self, error: Exception) -> None:
        self.refuse("internal", f"{type(error).__name__}: {error}")

    def interrupt(self) -> None:
        """The exception is not ours to stop, but what it costs is counted."""
        self.lose_rest("interrupted", "a signal handler, or another thread, raised amid the export")

    def lose_rest(self, reason: str, sentence: str) -> None:
        rest = count_points(self.data) - self.exported - self.losses.points()
        self.losses.add("point", reason, sentence, rest)


def _self_metrics(provider: MeterProvider | None) -> SelfMetrics | None:
    """The exporter's metrics about itself, where the SDK's variable asks for them."""
    if os.environ.get("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "").strip().lower() != "true":
        return None
    # Imported here: few programs ask for them.
    from otel_etw.self_metrics import SelfMetrics

    return SelfMetrics(provider)


def _seconds(millis: float | None) -> float:
    """What a guard takes, of whatever was given: a wait it can do, and no more."""
    if millis is None:
        return 10.0
    return min(millis / 1000, threading.TIMEOUT_MAX) if millis > 0 else 0.0


def _open(settings: Settings) -> Transport:
    """The transport the settings name. An argument that names none raises; a variable that does is
    warned about and ignored, whatever is wrong with it: telemetry must not break the program."""
    if isinstance(settings.transport, Transport):
        return settings.transport
    try:
        return transports.open(settings.transport, provider=settings.provider, limit=settings.limit)
    except Exception as error:
        if settings.transport_from != "transport":
            warn("%s=%s is ignored: %s", settings.transport_from, shown(settings.transport), error)
        elif isinstance(error, ValueError):
            raise ValueError(f"transport={shown(settings.transport)}: {error}") from None
        else:
            raise
    return transports.open("auto", provider=settings.provider, limit=settings.limit)
