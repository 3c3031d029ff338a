"""The compiled decoder and its twin give the same rows, and refuse the same frames."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

from otel_etw.captures.columns import reference
from otel_etw.captures.items import Event
from tests.captures.columns.test_batches import all_rows, comparable
from tests.support.any_metrics import metrics_data
from tests.support.wire_requests import WireRequests

if not find_spec("otel_etw.captures.columns._decoder"):
    pytest.skip("the decoder is not compiled here", allow_module_level=True)

from otel_etw.captures.columns._decoder import Decoder

ROUNDS = 100_000 if os.environ.get("OTEL_ETW_LONG") == "1" else 1500
