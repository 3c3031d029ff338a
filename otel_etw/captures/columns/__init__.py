"""Points as columns: frames → batches that Arrow's libraries take without copying.

What is compiled exists twice: ``_check`` and ``_decoder``, and in Python ``check.py`` and
``reference.py``, which define what is in the columns. Which one runs is chosen here alone.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from otel_etw.captures.columns.schema import COLUMNS

__all__ = ["COLUMNS", "NATIVE", "Batch", "Decoder", "check_request"]

_WANTED = os.environ.get("OTEL_ETW_PURE") != "1"

NATIVE = _WANTED and find_spec("otel_etw.captures.columns._decoder") is not None
"""Whether frames are decoded by compiled code. OTEL_ETW_PURE=1 turns it off at run time too."""

if TYPE_CHECKING or not (_WANTED and find_spec("otel_etw.captures.columns._check")):
    from otel_etw.captures.columns.check import check_request
else:
    from otel_etw.captures.columns._check import check_request

if TYPE_CHECKING or not NATIVE:
    from otel_etw.captures.columns.reference import Batch, Decoder
else:
    from otel_etw.captures.columns._decoder import Batch, Decoder
