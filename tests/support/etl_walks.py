"""The two walks over the records of an .etl file's buffers."""

from __future__ import annotations

import pytest

from otel_etw.captures.etl import walk

try:
    from otel_etw.captures.etl._walk import Walk as CompiledWalk
except ImportError:
    CompiledWalk = None  # type: ignore[assignment,misc]

__all__ = ["WALKS"]

WALKS = [
    pytest.param(
        CompiledWalk,
        id="compiled",
        marks=pytest.mark.skipif(CompiledWalk is None, reason="the walk is not compiled here"),
    ),
    pytest.param(walk.Walk, id="pure"),
]
