from collections.abc import Iterable
from typing import Any, final

from otel_etw.encoding._packing import Packer
from otel_etw.encoding.results import Result

@final
class PointPacker(Packer):
    def __init__(
        self,
        limit: int | None,
        max_points: int | None,
        constants: Iterable[tuple[str, bytes]] = (),
    ) -> None: ...
    def expect(self, points: list[Any]) -> None: ...
    def result_of(self, index: int) -> Result: ...
    def metric_fields(
        self, name: object, description: object, unit: object, data_tag: bytes, tail: bytes
    ) -> Result: ...
    def number(
        self, attributes: object, start: object, time: object, value: object, exemplars: object
    ) -> Result: ...
    def histogram(
        self,
        attributes: object,
        start: object,
        time: object,
        count: object,
        total: object,
        bucket_counts: object,
        bounds: object,
        minimum: object,
        maximum: object,
        exemplars: object,
    ) -> Result: ...
    def exponential(
        self,
        attributes: object,
        start: object,
        time: object,
        count: object,
        total: object,
        scale: object,
        zero_count: object,
        positive_offset: object,
        positive_counts: object,
        negative_offset: object,
        negative_counts: object,
        flags: object,
        minimum: object,
        maximum: object,
        exemplars: object,
    ) -> Result: ...
