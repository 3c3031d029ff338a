from collections.abc import Iterable
from typing import Any, final

from otel_etw.encoding._frames import Frames

def metric_head(name: object, description: object, unit: object) -> bytes | None: ...

@final
class Packer:
    def __init__(
        self,
        limit: int | None,
        max_points: int | None,
        constants: Iterable[tuple[str, bytes]] = (),
    ) -> None: ...
    @property
    def ready(self) -> bool: ...
    def resource(self, before: bytes, after: bytes) -> None: ...
    def scope(self, before: bytes, after: bytes) -> None: ...
    def metric(self, head: bytes, data_tag: bytes, tail: bytes) -> None: ...
    def add(self, body: bytes) -> bool: ...
    def end(self) -> None: ...
    def take(self) -> Frames: ...
    def numbers(
        self,
        index: int,
        attributes: list[Any],
        starts: list[Any] | None,
        times: list[Any],
        values: list[Any],
        exemplars: list[Any] | None,
    ) -> int: ...
    def histograms(
        self,
        index: int,
        attributes: list[Any],
        starts: list[Any],
        times: list[Any],
        counts: list[Any],
        sums: list[Any],
        bucket_counts: list[Any],
        bounds: list[Any],
        minima: list[Any],
        maxima: list[Any],
        exemplars: list[Any] | None,
    ) -> int: ...
    def exponentials(
        self,
        index: int,
        attributes: list[Any],
        starts: list[Any],
        times: list[Any],
        counts: list[Any],
        sums: list[Any],
        scales: list[Any],
        zero_counts: list[Any],
        positive_offsets: list[Any],
        positive_counts: list[Any],
        negative_offsets: list[Any],
        negative_counts: list[Any],
        flags: list[Any],
        minima: list[Any],
        maxima: list[Any],
        exemplars: list[Any] | None,
    ) -> int: ...
