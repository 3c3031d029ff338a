"""A real session on a real Windows: started, exported to, stopped, and its .etl file read.

Not executed yet: it was written without a Windows at hand, and Wine has no sessions. It runs in the
GitHub workflow on windows-latest, where the prompt is elevated.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import ETWMetricExporter, InMemoryTransport
from otel_etw.event import EVENT_SCHEMA
from otel_etw.provider import DEFAULT_PROVIDER
from tests.support.exports import counter, data, number
from tests.support.systems import is_wine

pytestmark = [
    pytest.mark.skipif(sys.platform != "win32", reason="needs ETW: a real Windows"),
    pytest.mark.skipif(is_wine(), reason="Wine has no ETW sessions"),
]

METRICS = data(counter(*(number(value, {"key": "x" * 100}) for value in range(2_000))))

# EVENT_HEADER, 80 bytes, then the items with traits (40 and 8 bytes of header) and schema (16 and
# 8), as in a file of 64-bit Windows.
HEADERS = 80 + 48 + 24


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Path]:
    """A running session with our provider; its file is complete when the test has stopped it."""
    if sys.platform == "win32" and not ctypes.windll.shell32.IsUserAnAdmin():
        pytest.skip("sessions are started from an elevated prompt only")
    path = tmp_path / "otel.etl"
    guid = f"{{{DEFAULT_PROVIDER.guid}}}".upper()
    logman(
        *("create", "trace", "OtelEtwTest", "-ow", "-o", str(path), "-p", guid),
        *("0xffffffffffffffff", "0xff", "-nb", "16", "64", "-bs", "1024", "-ets"),
    )
    yield path
    subprocess.run(["logman", "stop", "OtelEtwTest", "-ets"], capture_output=True, timeout=60)


def logman(*arguments: str) -> None:
    done = subprocess.run(["logman", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("max_points", [None, 1])
def test_what_was_exported_is_in_the_file(session: Path, max_points: int | None) -> None:
    memory = InMemoryTransport(limit=61_440)
    ETWMetricExporter(memory, max_points_per_event=max_points).export(METRICS)
    exporter = ETWMetricExporter("etw", max_points_per_event=max_points)
    deadline = time.monotonic() + 10
    while not exporter.transport.enabled and time.monotonic() < deadline:
        time.sleep(0.01)
    assert exporter.transport.enabled
    assert exporter.export(METRICS) is MetricExportResult.SUCCESS
    exporter.shutdown()
    logman("stop", "OtelEtwTest", "-ets")
    content = session.read_bytes()
    assert memory.frames
    for frame in memory.frames:
        at = content.index(frame) - HEADERS
        header = content[at : at + HEADERS]
        assert int.from_bytes(header[:2], "little") == HEADERS + len(frame)
        assert header[24:40] == DEFAULT_PROVIDER.guid.bytes_le
        assert header[40:56] == bytes.fromhex("5100000b040000000100000000000000")
        assert header[88:122] == DEFAULT_PROVIDER.traits
        assert header[136:152] == EVENT_SCHEMA


def test_a_stopped_session_disables(session: Path) -> None:
    with ETWMetricExporter("etw").transport as transport:
        assert transport.enabled
        logman("stop", "OtelEtwTest", "-ets")
        deadline = time.monotonic() + 10
        while transport.enabled and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not transport.enabled
