"""Points as columns: frames → batches that Arrow's libraries take without copying.

What is compiled exists twice: as ``_decoder``, for one, and in Python as ``reference.py``, which
defines what is in the columns; and so do the check of payloads and what reads batches. Which ones
run is chosen here alone.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from otel_etw.captures.columns.schema import COLUMNS
from otel_etw.captures.columns.text import CSV_COLUMNS, CSV_HEADER

__all__ = [
    "COLUMNS",
    "CSV_COLUMNS",
    "CSV_HEADER",
    "NATIVE",
    "Batch",
    "Decoder",
    "Newest",
    "Overview",
    "Pages",
    "Selector",
    "check_request",
    "csv_rows",
    "json_rows",
]

_WANTED = os.environ.get("OTEL_ETW_PURE") != "1"

NATIVE = _WANTED and find_spec("otel_etw.captures.columns._decoder") is not None
"""Whether frames are decoded by compiled code. OTEL_ETW_PURE=1 turns it off at run time too."""

if TYPE_CHECKING or not (_WANTED and find_spec("otel_etw.captures.columns._check")):
    from otel_etw.captures.columns.check import check_request
else:
    from otel_etw.captures.columns._check import check_request

if TYPE_CHECKING or not NATIVE:
    from otel_etw.captures.columns.overview import Overview
    from otel_etw.captures.columns.parquet import Pages
    from otel_etw.captures.columns.reference import Batch, Decoder
    from otel_etw.captures.columns.select import Newest, Selector
    from otel_etw.captures.columns.text import csv_rows, json_rows
else:
    from otel_etw.captures.columns._decoder import Batch, Decoder
    from otel_etw.captures.columns._overview import Overview
    from otel_etw.captures.columns._parquet import Pages
    from otel_etw.captures.columns._select import Newest, Selector
    from otel_etw.captures.columns._text import csv_rows, json_rows
