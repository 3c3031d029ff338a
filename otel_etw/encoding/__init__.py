"""Encoding: MetricsData → frames. No I/O, no clock, no threads, and nothing of transports.

``plain.py`` is the format and ``packing.py`` how points fill frames, both in plain Python;
``_native.pyx`` and ``_packing.pyx`` are the two compiled. ``encoder.py`` walks the data for both.
"""

from __future__ import annotations

import os

from .encoder import COMPILED, Encoder, count_points
from .losses import Losses

__all__ = ["NATIVE", "Encoder", "Losses", "count_points"]

# Whether exporters encode with compiled code. OTEL_ETW_PURE=1 turns it off at run time too.
NATIVE = COMPILED and os.environ.get("OTEL_ETW_PURE") != "1"
