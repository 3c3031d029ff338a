"""Warnings of this package: the logger ``otel_etw``."""

from __future__ import annotations

import logging
from contextlib import suppress

__all__ = ["warn"]

_logger = logging.getLogger("otel_etw")


def warn(message: str, *arguments: object) -> None:
    """Log a warning. Never raises: a log handler that does is the application's affair."""
    with suppress(Exception):
        _logger.warning(message, *arguments)
