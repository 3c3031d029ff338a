"""Expands compressed buffers: compiled where it can be, else in plain Python with equal results."""

from __future__ import annotations

from otel_etw.captures.etl.expand_reference import ALGORITHMS, LARGEST

try:
    from otel_etw.captures.etl._expand import expanded
except ImportError:
    from otel_etw.captures.etl.expand_reference import expanded

__all__ = ["ALGORITHMS", "LARGEST", "expanded"]
