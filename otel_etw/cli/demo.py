"""``otel-etw demo``: this machine's own metrics, measured and exported for real."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from pathlib import Path

import click

from otel_etw.cli.notes import logged_notes
from otel_etw.cli.texts import counted, printable
from otel_etw.provider import DEFAULT_PROVIDER
from otel_etw.transports import Transport, names, parse
from otel_etw.transports.file import FileTransport
from otel_etw.transports.file_path import absolute_path, path_from_target

__all__ = ["demo"]

_FILE = "otel-etw-demo.pb"

# Seconds, a week: some systems refuse to wait much longer.
_LONGEST = 604_800

_GUID = f"{{{str(DEFAULT_PROVIDER.guid).upper()}}}"
_CAPTURE = (
    "Events are kept only while a session listens. In an elevated prompt, around a demo:\n"
    r"  logman create trace OtelMetrics -ow -o C:\traces\otel.etl "
    f'-p "{_GUID}" 0xffffffffffffffff 0xff -nb 16 64 -bs 1024 -ets\n'
    "  logman stop OtelMetrics -ets"
)
_TO_A_FILE = f"To a file, which otel-etw view shows:\n  otel-etw demo --transport file:{_FILE}"

_EPILOG = """\b
Examples:
  otel-etw demo --transport file:demo.pb
  otel-etw demo --transport file:metrics.jsonl --seconds 60 --interval 10

\b
Exit codes:
  0    everything measured was exported, or nobody listens
  1    something was lost, or nothing was exported
  2    wrong usage, or a transport that cannot be here
  3    standard output cannot be written
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
    # Imported here: they bring the SDK, which the other commands need not wait for.
    from otel_etw.cli.measuring import can_measure, measure
    from otel_etw.cli.telling_exporter import TellingExporter, amount

    if not can_measure():
        raise click.UsageError(
            "measuring needs opentelemetry-instrumentation-system-metrics: "
            "pip install 'otel-etw[cli]'"
        )
    with logged_notes():
        adds = _is_there(spec)
        try:
            exporter = TellingExporter(spec)
        except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
            raise click.UsageError(printable(str(error))) from error
        click.echo(f"Measuring this machine for {seconds:g} s, an export every {interval:g} s,")
        click.echo(f"to {spec}" + (", after what is in it already." if adds else "."))
        measure(exporter, seconds, interval)
    counts = exporter.counts
    lost = ", ".join(
        f"{counted(count, what)} ({why})" for (what, why), count in counts.lost.items()
    )
    click.echo(f"In all {amount(counts)}; " + (f"lost: {lost}." if lost else "nothing lost."))
    if counts.points_exported:
        click.echo(_how_to_look(exporter.transport, spec))
    elif exporter.listened:
        click.echo("Nothing was exported.", err=True)
    else:
        click.echo(_how_to_listen(spec))
    context.exit(0 if not lost and (counts.points_exported or not exporter.listened) else 1)


def _is_there(spec: str) -> bool:
    parsed = parse(spec)
    # What is wrong with the path the transport says better.
    with suppress(ValueError, OSError):
        return parsed.name == "file" and absolute_path(path_from_target(parsed.target)).is_file()
    return False


def _how_to_listen(spec: str) -> str:
    on_windows = sys.platform == "win32" or parse(spec).name == "etw"
    return f"{_CAPTURE}\n{_TO_A_FILE}" if on_windows else _TO_A_FILE


def _how_to_look(transport: Transport, spec: str) -> str:
    if isinstance(transport, FileTransport):
        path = _from_here(transport.path)
        quoted = f'"{path}"' if sys.platform == "win32" else shlex.quote(path)
        return f"Look at it: otel-etw view {quoted}"
    name = parse(spec).name
    return _CAPTURE if name == "etw" else f"How to look at it depends on the transport {name!r}."


def _from_here(path: Path) -> str:
    """A path as short as it can be given to a command in this folder."""
    with suppress(ValueError, OSError):
        relative = str(path.relative_to(Path.cwd()))
        # That would be an option, and standard input.
        return relative if not relative.startswith("-") else str(path)
    return str(path)
