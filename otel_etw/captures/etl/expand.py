"""Expands compressed buffers: compiled where it can be, else in plain Python with equal results."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from otel_etw.captures.etl.expand_reference import ALGORITHMS, LARGEST

__all__ = ["ALGORITHMS", "LARGEST", "NATIVE", "expanded"]

NATIVE = (
    os.environ.get("OTEL_ETW_PURE") != "1"
    and find_spec("otel_etw.captures.etl._expand") is not None
)
"""Whether compiled code expands. OTEL_ETW_PURE=1 turns it off at run time too."""

if TYPE_CHECKING or not NATIVE:
    from otel_etw.captures.etl.expand_reference import expanded
else:
    from otel_etw.captures.etl._expand import expanded
