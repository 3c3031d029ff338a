"""Standard output and error as they may be: closed, full, gone, or of few characters."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

import click

from otel_etw.cli.texts import printable

__all__ = ["OUTPUT_FAILED", "CommandGroup", "prepare_streams", "say"]

OUTPUT_FAILED = 3
"""Exit code when standard output or error cannot be written."""

_ON_WINDOWS = sys.platform == "win32"

# What writing to a pipe gives that nobody reads; Windows has its own idea of it.
_GONE = {errno.EPIPE, errno.EINVAL} if sys.platform == "win32" else {errno.EPIPE}


class CommandGroup(click.Group):
    """A group whose commands end without a traceback when their output cannot be written.

    Exit codes: 0 and no message when the reader of a pipe has closed it, 130 after Ctrl-C,
    otherwise `OUTPUT_FAILED` and one sentence on standard error.
    """

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            try:
                return super().main(*args, **extra)
            finally:
                sys.stdout.flush()
        except OSError as error:
            sys.exit(_exit_code(error))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None
        except OSError as error:
            raise click.exceptions.Exit(_exit_code(error)) from None


def prepare_streams() -> None:
    """Make standard output and error such that every command can write to them.

    One that was closed before the start is None in Python. Output then cannot be written, which
    ends as on a full disk; on Windows, where programs without a console have none, it goes nowhere,
    as messages do. And a console that cannot show a character is no reason to show nothing.
    """
    if sys.stdout is None:
        sys.stdout = _null(os.O_WRONLY if _ON_WINDOWS else os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = _null(os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(message: str) -> bool:
    """Print a line on standard error; False when it cannot be written there."""
    try:
        click.echo(f"otel-etw: {printable(message)}", err=True)
    except OSError:
        _discard(sys.stderr)
        return False
    return True


def _null(mode: int) -> TextIO:
    """The null device; opened to be read, writing to it is the error EBADF as if it was closed."""
    return open(os.open(os.devnull, mode), "w", encoding="utf-8")


def _exit_code(error: OSError) -> int:
    _discard(sys.stdout)
    if error.errno in _GONE:
        return 0
    say(f"the output cannot be written: {error.strerror or error}")
    return OUTPUT_FAILED


def _discard(stream: TextIO) -> None:
    """Lead a stream nowhere; otherwise the interpreter complains when it flushes it at its end."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
