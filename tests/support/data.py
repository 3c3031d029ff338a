"""Where the recordings are that tests compare with; tests/data/README.md says what they are."""

from __future__ import annotations

from pathlib import Path

__all__ = ["COLLECTOR", "ETL_SAMPLES", "RUST_ETW"]

_DATA = Path(__file__).resolve().parents[1] / "data"

COLLECTOR = _DATA / "collector"
RUST_ETW = _DATA / "rust-etw"

ETL_SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "etl"
"""Other people's files beside the repository, where they are there."""
