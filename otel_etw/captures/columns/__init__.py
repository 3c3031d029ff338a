"""Points as columns: frames → batches that Arrow's libraries take without copying.

The decoder exists twice: compiled, and in Python (``reference.py``), which defines what is in the
columns; and so does what reads batches. Which ones run is chosen here alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_etw.captures.columns.schema import COLUMNS
from otel_etw.captures.columns.text import CSV_COLUMNS, CSV_HEADER

try:
    from otel_etw.captures.columns import _decoder
except ImportError:
    _decoder = None  # type: ignore[assignment]

__all__ = [
    "COLUMNS",
    "CSV_COLUMNS",
    "CSV_HEADER",
    "NATIVE",
    "Batch",
    "Decoder",
    "Newest",
    "Overview",
    "Selector",
    "csv_rows",
    "json_rows",
]

NATIVE = _decoder is not None and os.environ.get("OTEL_ETW_PURE") != "1"
"""Whether frames are decoded by compiled code. OTEL_ETW_PURE=1 turns it off at run time too."""

if TYPE_CHECKING or not NATIVE:
    from otel_etw.captures.columns.overview import Overview
    from otel_etw.captures.columns.reference import Batch, Decoder
    from otel_etw.captures.columns.select import Newest, Selector
    from otel_etw.captures.columns.text import csv_rows, json_rows
else:
    from otel_etw.captures.columns._overview import Overview
    from otel_etw.captures.columns._select import Newest, Selector
    from otel_etw.captures.columns._text import csv_rows, json_rows

    Batch, Decoder = _decoder.Batch, _decoder.Decoder
