"""What every test of the exporter starts from: no OpenTelemetry setting in the environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

import pytest

from otel_etw import encoding
from otel_etw.transports import auto
from tests.support.programs import FOREIGN

Warnings = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for variable in filter(FOREIGN.match, list(os.environ)):
        monkeypatch.delenv(variable)
    monkeypatch.setattr(auto, "_warned", False)
    caplog.set_level(logging.WARNING)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Warnings:
    """What the logger ``otel_etw`` has said so far."""
    return lambda: [
        record.getMessage() for record in caplog.records if record.name.startswith("otel_etw")
    ]


@pytest.fixture
def encoder(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporters encode in pure Python and, in another run of the test, compiled."""
    monkeypatch.setattr(encoding, "NATIVE", native)
