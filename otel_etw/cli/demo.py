"""``otel-etw demo``: this machine's own metrics, measured and exported for real."""

from __future__ import annotations

import logging
import shlex
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

from otel_etw import ETWMetricExporter
from otel_etw.cli.texts import printable
from otel_etw.counts import Counts
from otel_etw.provider import DEFAULT_PROVIDER
from otel_etw.transports import names, parse

__all__ = ["demo"]

_logger = logging.getLogger("otel_etw.demo")

_FILE = "otel-etw-demo.pb"

_LONGEST = 604_800  # seconds

_GUID = f"{{{str(DEFAULT_PROVIDER.guid).upper()}}}"
_CAPTURE = (
    "Events are kept only while a session listens: in an elevated prompt, around a demo,\n"
    r"  logman create trace OtelMetrics -ow -o C:\traces\otel.etl "
    f'-p "{_GUID}" 0xffffffffffffffff 0xff -nb 16 64 -bs 1024 -ets\n'
    "  logman stop OtelMetrics -ets"
)

_EPILOG = """\b
Examples:
  otel-etw demo
  otel-etw demo --transport file:metrics.jsonl --seconds 60 --interval 10

\b
Exit codes:
  0    everything measured was exported
  1    something was lost, or nothing was exported
  2    wrong usage, or a transport that cannot be here
  130  interrupted; what was measured until then was exported
"""


def _default_transport() -> str:
    if sys.platform == "win32" and "etw" in names():
        return "etw"
    return f"file:{_FILE}"


def _positive(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not 0 < value <= _LONGEST:
        raise click.BadParameter(f"{value:g} is out of range: more than 0, up to {_LONGEST:,}")
    return value


@click.command(epilog=_EPILOG)
@click.option(
    "--transport",
    "spec",
    metavar="SPEC",
    default=_default_transport,
    help=f"Where to: file:PATH (.jsonl for JSON Lines), or another transport's name. "
    f"[default: etw where there is ETW, else file:{_FILE}]",
)
@click.option(
    "--seconds",
    type=float,
    callback=_positive,
    default=5.0,
    show_default=True,
    help="How long to measure.",
)
@click.option(
    "--interval",
    type=float,
    callback=_positive,
    default=1.0,
    show_default=True,
    help="Seconds between exports.",
)
@click.pass_context
def demo(context: click.Context, spec: str, seconds: float, interval: float) -> None:
    """Measure this machine for a few seconds and export that.

    CPU, memory, disks, network and this process, as opentelemetry-instrumentation-system-metrics
    sees them, go through the SDK's periodic reader and ETWMetricExporter, as in any program.
    """
    if not _has_instrumentation():
        raise click.UsageError(
            "measuring needs opentelemetry-instrumentation-system-metrics: "
            "pip install 'otel-etw[cli]'"
        )
    with _notes():
        adds = _is_there(spec)
        try:
            exporter = _TellingExporter(spec)
        except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
            raise click.UsageError(printable(str(error))) from error
        click.echo(f"Measuring this machine for {seconds:g} s, an export every {interval:g} s,")
        click.echo(f"to {spec}" + (", after what is in it already." if adds else "."))
        _measure(exporter, seconds, interval)
    counts = exporter.counts
    lost = ", ".join(f"{count:,} {what} ({why})" for (what, why), count in counts.lost.items())
    click.echo(f"In all {_amount(counts)}; " + (f"lost: {lost}." if lost else "nothing lost."))
    if counts.points_exported:
        click.echo(_how_to_look(spec))
    elif exporter.listened:
        click.echo("Nothing was exported.", err=True)
    context.exit(0 if not lost and (counts.points_exported or not exporter.listened) else 1)


def _has_instrumentation() -> bool:
    try:
        return find_spec("opentelemetry.instrumentation.system_metrics") is not None
    except ModuleNotFoundError:
        return False


class _TellingExporter(ETWMetricExporter):
    """Says what became of each export."""

    def __init__(self, spec: str) -> None:
        super().__init__(spec)
        self.listened = True

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        before = self.counts
        result = super().export(metrics_data, timeout_millis, **kwargs)
        after = self.counts
        self.listened = (after.exports, after.lost) != (before.exports, before.lost)
        lost = after.points_lost - before.points_lost
        line = _amount(after, before) if self.listened else "not sent: nobody listens"
        # Whoever reads our output may have gone; that must not look like a failed export.
        with suppress(OSError):
            click.echo(f"  {line}" + (f", {lost:,} points lost" if lost else ""))
        return result


def _amount(after: Counts, before: Counts | None = None) -> str:
    points, frames, size = (
        getattr(after, name) - (getattr(before, name) if before else 0)
        for name in ("points_exported", "frames", "bytes")
    )
    return f"{points:,} points in {frames:,} {'frame' if frames == 1 else 'frames'}, {size:,} bytes"


def _measure(exporter: ETWMetricExporter, seconds: float, interval: float) -> None:
    """With a meter provider of its own: the process's global one is left alone."""
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=interval * 1000)],
        resource=Resource.create({"service.name": "otel-etw-demo"}),
        shutdown_on_exit=False,
    )
    with _instrumented(provider):
        try:
            threading.Event().wait(seconds)
        finally:
            # The last export, while there is something to measure.
            provider.shutdown()


@contextmanager
def _instrumented(provider: MeterProvider) -> Iterator[None]:
    try:
        from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor

        instrumentor = SystemMetricsInstrumentor()
        instrumentor.instrument(meter_provider=provider)
    except Exception as error:
        # psutil does not know every system. What it began to measure is measured all the same.
        _logger.warning("this machine cannot be measured: %s: %s", type(error).__name__, error)
        _measure_python(provider)
        yield
        return
    try:
        yield
    finally:
        instrumentor.uninstrument()


def _measure_python(provider: MeterProvider) -> None:
    """The one thing that Python itself knows everywhere."""

    def seconds(options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(time.process_time())

    provider.get_meter("otel_etw.demo").create_observable_counter(
        "process.cpu.time", [seconds], "s"
    )


class _Notes(logging.Handler):
    """One line for what goes wrong, and only once: the SDK repeats it with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            text = f"{text} {type(error).__name__}: {error}"
        if text not in self._said:
            self._said.add(text)
            with suppress(OSError):
                click.echo(f"  note: {printable(text)}", err=True)


@contextmanager
def _notes() -> Iterator[None]:
    notes = _Notes()
    loggers = [logging.getLogger(name) for name in ("opentelemetry", "otel_etw")]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(notes)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(notes)
            logger.propagate = propagate


def _is_there(spec: str) -> bool:
    parsed = parse(spec)
    return parsed.name == "file" and Path(parsed.target).is_file()


def _how_to_look(spec: str) -> str:
    parsed = parse(spec)
    if parsed.name == "file":
        path = parsed.target
        quoted = f'"{path}"' if sys.platform == "win32" else shlex.quote(path)
        return f"Look at it: otel-etw view {quoted}"
    if parsed.name == "etw":
        return _CAPTURE
    return f"Where to look at it is for the transport {parsed.name!r} to say."
