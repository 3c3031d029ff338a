from collections.abc import Iterator
from typing import Any, final

from otel_etw.captures.columns.series import Metric, Origin, Series

__all__ = ["Overview"]

@final
class Overview:
    points: int
    left_out: int
    first_time: int
    newest_time: int
    metrics: list[Metric]
    descriptions: list[str]
    origins: list[Origin]

    def __new__(cls, max_series: int = 1_000_000, max_bytes: int = 419_430_400) -> Overview: ...
    def __len__(self) -> int: ...
    def add(self, batch: Any) -> None: ...
    def series_count(self, metric: int) -> int: ...
    def point_count(self, metric: int) -> int: ...
    def series(self, metric: int, limit: int | None = None) -> Iterator[Series]: ...
