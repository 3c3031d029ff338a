"""A bar on standard error that says how much of long files was read, while a person watches."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

__all__ = ["ReadingProgress", "reading_progress"]

# Seconds until it is worth a bar, and between two states of it.
_PATIENCE = 1.0
_PAUSE = 0.1


def reading_progress(files: Sequence[str]) -> ReadingProgress | None:
    """The progress of reading these files; None where nobody watches, or their end is not known."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    if "-" in files:
        return None
    total = 0
    for file in files:
        try:
            state = Path(file).stat()
        except (OSError, ValueError):
            # What cannot be opened is said elsewhere, and read in no time.
            continue
        if not stat.S_ISREG(state.st_mode):
            return None
        total += state.st_size
    return ReadingProgress(total)


class ReadingProgress:
    """It is drawn when bytes are read, and by nobody else: there is no thread."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._next = monotonic() + _PATIENCE
        self._bar: Any = None
        self._is_drawn = False

    def read(self, count: int) -> None:
        """So many bytes more were read."""
        self._done += count
        now = monotonic()
        if now < self._next:
            return
        self._next = now + _PAUSE
        # Points are worth more than a bar.
        with suppress(OSError):
            self._draw()

    def erase(self) -> None:
        """Leave the line to others, until bytes are read again."""
        if self._is_drawn:
            self._is_drawn = False
            with suppress(OSError):
                self._bar.stop()

    def _draw(self) -> None:
        if self._bar is None:
            self._bar = _bar(self._total)
        if self._bar is False:
            return
        if not self._is_drawn:
            self._is_drawn = True
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=min(self._done, self._total))
        self._bar.refresh()


def _bar(total: int) -> Any:
    """A bar of rich; False for a Windows console that does not take codes."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    console = Console(file=sys.stderr, no_color=bool(os.environ.get("NO_COLOR")) or None)
    if console.legacy_windows:
        return False
    bar = Progress(
        "reading",
        BarColumn(),
        DownloadColumn(binary_units=True),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task("", total=total)
    return bar
