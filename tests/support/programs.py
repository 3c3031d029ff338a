"""Programs run in an interpreter of their own, and the files they export to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

PATIENCE = 120.0  # seconds
FOREIGN = re.compile(r"OTEL_(?!ETW_)")


def run(
    code: str,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    *,
    through: Sequence[str] = (sys.executable,),
    status: int = 0,
) -> str:
    """Run ``code`` in ``folder`` and return what it printed.

    Its exit status must be ``status``; ending with 0 it must have left stderr empty, otherwise
    what it left there is returned too.
    """
    program = folder / "program.py"
    program.write_text(textwrap.dedent(code), encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not FOREIGN.match(k)}
    done = subprocess.run(
        [*through, str(program)],
        cwd=folder,
        env={**environment, **(variables or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == status, done.stderr
    if status == 0:
        assert done.stderr == "", done.stderr
    return done.stdout + done.stderr


def frames(path: Path) -> list[bytes]:
    """The frames of a file, each behind its length in four bytes; the file must end with one."""
    content = path.read_bytes()
    found = []
    while content:
        length = int.from_bytes(content[:4], "big")
        assert len(content) >= 4 + length, "a torn frame at the end"
        found.append(content[4 : 4 + length])
        content = content[4 + length :]
    return found


def points(path: Path, name: str) -> list[Any]:
    """The protobuf points of a metric over all frames of a file."""
    return [
        point
        for frame in frames(path)
        for resource_metrics in ExportMetricsServiceRequest.FromString(frame).resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
        if metric.name == name
        for point in getattr(metric, metric.WhichOneof("data") or "sum").data_points
    ]


def values(path: Path, name: str) -> list[int]:
    return [point.as_int for point in points(path, name)]
