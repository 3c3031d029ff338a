"""What is logged during ``demo``, as one line each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from otel_etw.cli.texts import printable

__all__ = ["logged_notes"]


class _NoteHandler(logging.Handler):
    """One line for what goes wrong, and only once: the SDK repeats it with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._written: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            text = f"{text} {type(error).__name__}: {error}"
        if text not in self._written:
            self._written.add(text)
            with suppress(OSError):
                click.echo(f"  note: {printable(text)}", err=True)


@contextmanager
def logged_notes() -> Iterator[None]:
    """While it lasts, warnings of the SDK and of this package go to standard error as notes."""
    handler = _NoteHandler()
    loggers = [logging.getLogger(name) for name in ("opentelemetry", "otel_etw")]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagate
