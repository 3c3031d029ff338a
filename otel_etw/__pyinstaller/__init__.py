"""Where PyInstaller finds what it cannot see in the code; the entry point ``pyinstaller40``."""

from __future__ import annotations

from pathlib import Path

__all__ = ["hook_dirs"]


def hook_dirs() -> list[str]:
    return [str(Path(__file__).parent)]
