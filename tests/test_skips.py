"""A skip that nobody expects fails a session in CI, and only there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.skips import unexpected

TEST = """
import pytest


def test_passes():
    pass


def test_skips():
    pytest.skip({reason!r})
"""
CONFTEST = (Path(__file__).parent / "conftest.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("reason", "ci", "status"),
    [
        ("the package is not installed", "true", 1),
        ("the package is not installed", "", 0),
        ("the folder shared/data/etl is absent", "true", 0),
    ],
)
def test_a_session_fails_by_a_skip(tmp_path: Path, reason: str, ci: str, status: int) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    (tmp_path / "test_it.py").write_text(TEST.format(reason=reason), "utf-8")
    # Behind what is there: the package may come from it, and the checkout has none that works.
    path = [*filter(None, [os.environ.get("PYTHONPATH")]), str(Path(__file__).resolve().parents[1])]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(tmp_path)],
        env={**os.environ, "CI": ci, "PYTHONPATH": os.pathsep.join(path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (status, "")
    assert ("test_it.py::test_skips: the package is not installed" in done.stdout) is bool(status)


def test_a_reason_is_expected_as_a_whole() -> None:
    reason = "and the folder shared/data/etl is absent"
    assert unexpected({"test": reason}) == [f"test: {reason}"]
