"""The encoder's tests: the official encoder keeps quiet about the attributes that it drops."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    loggers = [
        logging.getLogger("opentelemetry.exporter.otlp.proto.common._internal"),
        logging.getLogger("opentelemetry.exporter.otlp.proto.common._internal.metrics_encoder"),
        logging.getLogger("opentelemetry.attributes"),
    ]
    for logger in loggers:
        logger.disabled = True
    yield
    for logger in loggers:
        logger.disabled = False
