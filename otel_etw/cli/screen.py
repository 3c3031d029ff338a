"""Lines for a person: on a terminal in colours and page by page, elsewhere plain and stable."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TextIO, TypeAlias

from otel_etw.captures.texts import printable
from otel_etw.cli.fitting import isolated
from otel_etw.cli.pager import Pager, pager_command, shows_colours

__all__ = ["Part", "Screen"]

Part: TypeAlias = "str | tuple[str, str]"
"""Text, or text and its style in the words of `rich.style`."""

# Columns and lines where nobody says how many there are.
_WIDTH, _HEIGHT = 100, 25
# Fewer leave no room for anything.
_NARROWEST = 40

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = "_.:-=+*#"


class Screen:
    """A stream of lines for the eye. What its encoding lacks is replaced before it is measured.

    ``paged``: what is longer than the terminal goes through a pager; lines are held back until that
    is known. Used as a context manager, which ends the pager.
    """

    def __init__(self, out: TextIO, paged: bool = False) -> None:
        self._out = out
        self.is_terminal = out.isatty()
        self.width, self._height = self._size()
        is_smart = self.is_terminal and not _is_dumb()
        self._pager_command = pager_command() if paged and is_smart else []
        self._pager: Pager | None = None
        self._held: list[tuple[Part, ...]] | None = [] if self._pager_command else None
        self._render = _renderer(out) if is_smart else None
        self.ellipsis = "…" if self._has("…") else "..."
        self.blocks = _BLOCKS if self._has(_BLOCKS) else _ASCII_BLOCKS
        self._isolates = self._has(isolated("\u05d0"))

    def _size(self) -> tuple[int, int]:
        width, height = _WIDTH, _HEIGHT
        if self.is_terminal:
            with suppress(OSError, ValueError):
                size = os.get_terminal_size(self._out.fileno())
                # Terminals that nobody has told their size say 0.
                width, height = size.columns or _WIDTH, size.lines or _HEIGHT
            if sys.platform == "win32":
                # A console may begin a new line behind its last column.
                width -= 1
        asked = os.environ.get("COLUMNS", "")
        if asked.isascii() and asked.isdigit() and int(asked[:9]) > 0:
            width = int(asked[:9])
        return max(width, _NARROWEST), height

    def _has(self, text: str) -> bool:
        try:
            text.encode(self._out.encoding or "utf-8")
        except (UnicodeError, LookupError):
            return False
        return True

    def shown(self, text: str) -> str:
        """Text of a capture as it will stand on the screen: nothing in it acts on a terminal, and
        what the encoding lacks stands as its escape."""
        text = printable(text)
        if text.isascii():
            return text
        encoding = self._out.encoding or "utf-8"
        return text.encode(encoding, "backslashreplace").decode(encoding)

    def line(self, *parts: Part) -> None:
        """Write a line of what `shown` gave; each part is isolated from the others."""
        if self._held is None:
            self._out.write(self._text(parts))
            return
        self._held.append(parts)
        if len(self._held) >= self._height:
            self._start_pager()

    def _text(self, parts: tuple[Part, ...]) -> str:
        texts = []
        for part in parts:
            text, style = (part, "") if isinstance(part, str) else part
            if self._isolates:
                text = isolated(text)
            texts.append(self._render(text, style) if style and text and self._render else text)
        return f"{''.join(texts).rstrip()}\n"

    def _start_pager(self) -> None:
        self._out.flush()
        try:
            self._pager = Pager(self._pager_command)
        except OSError:
            # It is shown without one.
            pass
        else:
            self._out = self._pager.input
            if not shows_colours(self._pager_command):
                self._render = None
        self._write_held()

    def _write_held(self) -> None:
        held, self._held = self._held or [], None
        for parts in held:
            self._out.write(self._text(parts))

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._write_held()
        finally:
            if self._pager:
                self._pager.close()


def _is_dumb() -> bool:
    """Whether the terminal only knows how to print lines; Windows' consoles have no TERM."""
    kind = os.environ.get("TERM", "")
    return kind in ("dumb", "unknown") or (not kind and sys.platform != "win32")


def _renderer(out: TextIO) -> Callable[[str, str], str] | None:
    """What gives text a style by a terminal's codes; None where it has no colours."""
    if os.environ.get("NO_COLOR"):
        return None
    from rich.color import ColorSystem
    from rich.console import Console
    from rich.style import Style

    console = Console(file=out)
    # A Windows console without these codes has colours through calls alone, and none from us.
    if console.color_system is None or console.legacy_windows:
        return None

    def render(text: str, style: str) -> str:
        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)

    return render
