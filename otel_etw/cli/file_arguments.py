"""FILE arguments as a POSIX shell hands them over, on Windows too."""

from __future__ import annotations

import os
import sys
from glob import glob

import click

__all__ = ["expand_files"]


def expand_files(
    context: click.Context, parameter: click.Parameter, files: tuple[str, ...]
) -> tuple[str, ...]:
    """A click callback. On Windows, whose shells do not do it, ``*``, ``?`` and ``[…]`` become the
    files that match, and ``~`` the home folder; what matches no file stays as it is."""
    if sys.platform != "win32":
        return files
    return tuple(name for file in files for name in _matching(file))


def _matching(file: str) -> list[str]:
    if file == "-" or os.path.lexists(file):
        return [file]
    # Paths stay the strings that were given: Path would drop a "./" before them.
    file = os.path.expanduser(file)  # noqa: PTH111
    return sorted(glob(file)) or [file]  # noqa: PTH207
