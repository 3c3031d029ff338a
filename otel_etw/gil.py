"""When an export lets other threads run, and how.

CPython makes a thread give up the interpreter only after another has waited for 5 ms.
"""

from __future__ import annotations

import sys
from time import sleep as _sleep

__all__ = ["HOLD", "yield_gil"]

HOLD = 0.000_5
"""Seconds for which an export holds the interpreter at a stretch. Each `yield_gil` costs it a tenth
of that, so a shorter time would make exports slower."""

try:
    from otel_etw._gil import yield_gil
except ImportError:
    if sys.platform == "win32":

        def yield_gil() -> None:
            """Nothing: a sleep would last until the clock's next tick, up to 15.6 ms. The pure
            encoder is interrupted by the interpreter itself every 5 ms."""

    else:

        def yield_gil() -> None:
            """As the compiled one: the shortest sleep there is."""
            _sleep(1e-9)
