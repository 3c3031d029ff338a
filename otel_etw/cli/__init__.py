"""The command ``otel-etw``: one file a subcommand. Arguments and words; the work is elsewhere."""

from __future__ import annotations

import platform

import click

from otel_etw.cli.convert import convert
from otel_etw.cli.demo import demo
from otel_etw.cli.info import info
from otel_etw.cli.streams import CommandGroup, prepare_streams
from otel_etw.cli.view import view

__all__ = ["command", "otel_etw"]


def _print_version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    # Imported here: they take longer than all else, the SDK that two of them bring above all, and
    # captures are read without them.
    from importlib.metadata import version

    from otel_etw import encoding
    from otel_etw.transports.etw import CALLS

    encoder = "compiled" if encoding.NATIVE else "pure Python"
    calls = {"_etw": "compiled", "etw_ctypes": "through ctypes", None: "not on this system"}[CALLS]
    click.echo(
        f"otel-etw {version('otel-etw')}, {encoder} encoder, ETW {calls}, "
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"opentelemetry-sdk {version('opentelemetry-sdk')}"
    )
    context.exit()


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
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
    Measure this machine for five seconds, and see what was measured:
      otel-etw demo --transport file:demo.pb
      otel-etw view demo.pb
    """


otel_etw.add_command(view)
otel_etw.add_command(info)
otel_etw.add_command(convert)
otel_etw.add_command(demo)


def command() -> None:
    """Run the command with the arguments of this process and exit."""
    prepare_streams()
    # On Windows click would expand *, ~ and %NAME% in all arguments, patterns of options included.
    otel_etw(prog_name="otel-etw", windows_expand_args=False)
