"""What files hold that ``convert`` wrote, and what they must hold, as rows that compare."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw import captures
from otel_etw.captures import Frame
from otel_etw.captures.columns.reference import Row, row_values
from tests.support.any_requests import random_payload
from tests.support.batch_rows import rows

__all__ = ["READERS", "comparable", "expected", "odd_payloads", "tables"]


def odd_payloads(count: int = 100) -> list[bytes]:
    """Requests with the values that are easy to get wrong."""
    found = []
    for seed in range(count):
        request = ExportMetricsServiceRequest.FromString(random_payload(Random(seed)))
        request.DiscardUnknownFields()
        # A file of frames takes no empty ones.
        found += [request.SerializeToString()] if request.resource_metrics else []
    return found


def comparable(value: Any) -> Any:
    """NaN equals NaN, 0.0 is not -0.0, and 1 is not 1.0."""
    if isinstance(value, float):
        return struct.pack("<d", value) if value == value else "NaN"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        return {name: comparable(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(member) for member in value]
    return value


def expected(*paths: Path, provider: Any = None) -> list[Any]:
    """The rows of captures, read point by point."""
    found = []
    for path in paths:
        for item in captures.open(path) if provider is None else captures.open(path, provider):
            if isinstance(item, Frame):
                for point in captures.points(item.request):
                    row = Row(str(path), item.offset, item.event, point)
                    found.append(comparable(row_values(row)))
    return found


def tables(batches: Iterable[Any]) -> list[Any]:
    return [comparable(row) for batch in batches for row in rows(batch)]


def _parquet(path: Path) -> list[Any]:
    with pq.ParquetFile(path) as file:
        return tables(file.iter_batches())


def _arrow_file(path: Path) -> list[Any]:
    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
        return tables(reader.get_batch(number) for number in range(reader.num_record_batches))


READERS: dict[str, Callable[[Path], list[Any]]] = {"parquet": _parquet, "arrow": _arrow_file}
"""By the ending of files."""
