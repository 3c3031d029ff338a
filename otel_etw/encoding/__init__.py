"""Encoding: MetricsData → frames. No I/O, no clock, no threads, and nothing of transports.

``encoder.py`` walks the data. What it calls exists twice: in pure Python (``wire.py``,
``attributes.py``, ``data_points.py``, ``metrics.py``: the format; ``packing.py``: how points fill
frames), and compiled for what the SDK makes, in the modules of the same names with an underscore.
"""

from __future__ import annotations

import os

from .counting import count_points
from .encoder import COMPILED, Encoder
from .losses import Losses

__all__ = ["NATIVE", "Encoder", "Losses", "count_points"]

# Whether exporters encode with compiled code. OTEL_ETW_PURE=1 turns it off at run time too.
NATIVE = COMPILED and os.environ.get("OTEL_ETW_PURE") != "1"
