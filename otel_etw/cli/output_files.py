"""The file that a command writes: there when it is complete, and never half."""

from __future__ import annotations

import gzip
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

import click

from otel_etw.cli.zstd import zstd_file

__all__ = ["COMPRESSIONS", "OutputFailed", "refuse_inputs", "replaced"]


class OutputFailed(Exception):
    """The output file cannot be written; the text names it and says why."""


def refuse_inputs(output: str, files: Sequence[str]) -> None:
    """UsageError when the output is one of the files to be read, under whatever name."""
    for file in files:
        with suppress(OSError, ValueError):
            if Path(file).samefile(output):
                raise click.UsageError(f"{output} is read and cannot be written at the same time")


@contextmanager
def replaced(path: str) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` when the block ends without an exception.

    Until then it stands beside it under a name of its own, and is removed when anything goes wrong:
    what was at ``path`` stays. The new file has the rights of the old one. A device or a pipe is
    written to as it is. Raises `OutputFailed`.
    """
    try:
        if Path(path).exists() and not stat.S_ISREG(Path(path).stat().st_mode):
            with open(path, "wb") as file:
                yield file
            return
        # A link stays one, and what it leads to is replaced.
        target = Path(os.path.realpath(path))
        beside = target.with_name(f".{target.name[:64]}.{os.urandom(4).hex()}.tmp")
        try:
            with open(beside, "xb") as file:
                yield file
            if target.exists():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            beside.replace(target)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise OutputFailed(f"{path}: it cannot be written: {error.strerror or error}") from error


def _gzip(file: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile("", "wb", 6, file, mtime=0))


def _zstd(file: BinaryIO) -> BinaryIO:
    try:
        return zstd_file(file)
    except ImportError as error:
        raise click.UsageError(str(error)) from error


COMPRESSIONS: dict[str, Callable[[BinaryIO], BinaryIO]] = {".gz": _gzip, ".zst": _zstd}
"""What the last ending of a name asks for."""
