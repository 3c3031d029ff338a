"""A pager for what is longer than the terminal."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress

__all__ = ["Pager", "pager_command", "shows_colours"]

# Quit where all fits on one screen, take colours as they are, leave what was shown.
_LESS = "FRX"


def pager_command() -> list[str]:
    """The pager's words: what PAGER says, or less where it is installed. Empty for none, as where
    PAGER is empty or cat."""
    asked = os.environ.get("PAGER")
    if asked is None:
        # more.com of Windows takes no UTF-8.
        asked = "less" if sys.platform == "win32" or shutil.which("less") else "more"
    try:
        words = shlex.split(asked, posix=sys.platform != "win32")
    except ValueError:
        return []
    words = [word.strip('"') for word in words]
    if not words or words == ["cat"]:
        return []
    program = shutil.which(words[0])
    return [program, *words[1:]] if program else []


def shows_colours(command: list[str]) -> bool:
    """Whether a pager takes the codes of colours for what they are."""
    name = os.path.basename(command[0]).lower().removesuffix(".exe")  # noqa: PTH119
    options = os.environ.get("LESS", _LESS) + "".join(command[1:])
    return name == "less" and "r" in options.lower()


class Pager:
    """A running pager, in the place of standard output, and of standard error where that is a
    terminal as well: messages would be written across its screen.

    Its user may end it at any time; writing then raises `BrokenPipeError`.
    """

    def __init__(self, command: list[str]) -> None:
        """OSError when it cannot be started."""
        environment = {"LESS": _LESS, "LV": "-c", **os.environ}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
        assert self._process.stdin
        self.input = io.TextIOWrapper(
            self._process.stdin,
            encoding=sys.stdout.encoding or "utf-8",
            errors="backslashreplace",
            write_through=True,
        )
        self._before = sys.stdout, sys.stderr
        sys.stdout = self.input
        if self._before[1].isatty():
            sys.stderr = self.input

    def close(self) -> None:
        """Wait until its user has seen enough."""
        sys.stdout, sys.stderr = self._before
        while True:
            try:
                with suppress(OSError):
                    self.input.close()
                self._process.wait()
                return
            except KeyboardInterrupt:
                # Ctrl-C is for the pager, which may mean something else by it.
                continue
