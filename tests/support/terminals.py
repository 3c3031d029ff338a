"""The command on a terminal of its own, as a person sees it. POSIX only."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from select import select
from time import monotonic

__all__ = ["Terminal", "plain_environment"]


def plain_environment(**variables: str) -> dict[str, str]:
    """The environment of a terminal with colours, without what else says how to show things."""
    unset = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "PAGER", "LESS", "COLUMNS", "LINES")
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    return {**kept, "TERM": "xterm-256color", "PAGER": "", "TZ": "UTC", **variables}


class Terminal:
    """A pseudo-terminal with a program on it.

    ``redirected``: file descriptors that lead to a file instead, such as ``{1: path}``.
    """

    def __init__(
        self,
        program: list[str],
        environment: Mapping[str, str],
        size: tuple[int, int] = (80, 24),
        redirected: Mapping[int, Path] | None = None,
    ) -> None:
        import fcntl
        import pty
        import termios

        self._terminal, program_side = pty.openpty()
        columns, lines = size
        fcntl.ioctl(program_side, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        streams = dict.fromkeys(range(3), program_side)
        for number, path in (redirected or {}).items():
            streams[number] = os.open(path, os.O_WRONLY | os.O_CREAT)
        # Its session, and Ctrl-C, are those of this terminal.
        self.process = subprocess.Popen(
            program,
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            env=dict(environment),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(program_side, termios.TIOCSCTTY, 0),
        )
        for stream in {program_side, *streams.values()}:
            os.close(stream)
        self.output = b""

    @classmethod
    def command(cls, *arguments: object, **options: object) -> Terminal:
        """The same with a command of ours."""
        words = [sys.executable, "-m", "otel_etw", *map(str, arguments)]
        return cls(words, **options)  # type: ignore[arg-type]

    def type(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def wait_for(self, is_there: Callable[[bytes], bool], seconds: float = 60) -> None:
        """Until the output is as wanted; AssertionError when it ends before, or not in time."""
        end = monotonic() + seconds
        while not is_there(self.output):
            assert monotonic() < end, self.output
            if not self._read(0.2) and self.process.poll() is not None:
                assert is_there(self.output), self.output

    def finish(self) -> tuple[str, int]:
        """What it has shown when it has ended, and its exit code."""
        try:
            while self.process.poll() is None:
                self._read(0.2)
            while self._read(0.05):
                pass
        finally:
            self.process.kill()
            os.close(self._terminal)
        return self.output.decode().replace("\r\n", "\n"), self.process.wait(60)

    def _read(self, seconds: float) -> bool:
        if not select([self._terminal], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._terminal, 1 << 16)
        except OSError:  # Linux says so when the program has ended.
            return False
        self.output += data
        return bool(data)
