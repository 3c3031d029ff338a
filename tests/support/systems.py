"""What a test may ask of the system it runs on."""

from __future__ import annotations

import ctypes
import sys

import pytest

__all__ = ["is_wine", "not_on_windows", "only_on_linux"]


def is_wine() -> bool:
    """Whether this Windows is Wine, which says so in its ntdll.dll."""
    return sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def not_on_windows(fact: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(sys.platform == "win32", reason=f"on Windows {fact}")


def only_on_linux(fact: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(sys.platform != "linux", reason=fact)
