"""Exporters in the crate's shape, one point an event, on either encoder."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from otel_etw import ETWMetricExporter, Transport, encoding
from otel_etw.event import ETW_LIMIT_MAXIMUM
from tests.support.programs import FOREIGN

Make = Callable[..., ETWMetricExporter]


@pytest.fixture
def one_point(native: bool, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes an exporter with the crate's number of points an event, and its limit."""
    for variable in filter(FOREIGN.match, list(os.environ)):
        monkeypatch.delenv(variable)
    monkeypatch.setattr(encoding, "NATIVE", native)

    def make(transport: Transport, **arguments: Any) -> ETWMetricExporter:
        arguments = {"max_points_per_event": 1, "limit": ETW_LIMIT_MAXIMUM, **arguments}
        return ETWMetricExporter(transport, **arguments)

    return make
