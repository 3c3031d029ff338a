"""The command ``otel-etw``: one file a verb. Arguments and words only; the work is elsewhere."""

from __future__ import annotations

import errno
import io
import os
import platform
import sys
from importlib.metadata import version
from typing import Any

import click

from otel_etw import encoding
from otel_etw.cli.demo import demo
from otel_etw.cli.view import view
from otel_etw.transports.etw import CALLS

__all__ = ["command", "otel_etw"]


# What writing to a pipe gives that nobody reads; Windows has its own idea of it.
_GONE = {errno.EPIPE, errno.EINVAL} if sys.platform == "win32" else {errno.EPIPE}


class _Verbs(click.Group):
    """Ends quietly when whoever reads our output has gone, and when the user has had enough."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None
        except OSError as error:
            if error.errno not in _GONE:
                raise
            _discard_output()
            raise click.exceptions.Exit(0) from None


def _discard_output() -> None:
    """Else the interpreter complains when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _print_version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    encoder = "compiled" if encoding.NATIVE else "plain Python"
    calls = {"_etw": "compiled", "etw_ctypes": "through ctypes", None: "not on this system"}[CALLS]
    click.echo(
        f"otel-etw {version('otel-etw')}, {encoder} encoder, ETW {calls}, "
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"opentelemetry-sdk {version('opentelemetry-sdk')}"
    )
    context.exit()


@click.group(
    cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the versions of otel-etw and of what it runs on.",
)
def otel_etw() -> None:
    """OpenTelemetry metrics to Event Tracing for Windows and to files, and back.

    \b
    otel-etw demo                    measure this machine for five seconds
    otel-etw view otel-etw-demo.pb   see what was measured
    """


otel_etw.add_command(view)
otel_etw.add_command(demo)


def command() -> None:
    """Run the command with the arguments of this process and exit."""
    for stream in (sys.stdout, sys.stderr):
        # A console that cannot show a character is no reason to show nothing.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    otel_etw(prog_name="otel-etw")
