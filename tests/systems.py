"""What a test may ask of the system it runs on."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["is_wine"]


def is_wine() -> bool:
    """Whether this Windows is Wine, which says so in its ntdll.dll."""
    return sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
