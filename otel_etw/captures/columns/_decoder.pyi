from typing import final

from otel_etw.captures.columns._batch import Batch as Batch
from otel_etw.captures.items import Event

__all__ = ["Batch", "Decoder"]

@final
class Decoder:
    @property
    def points(self) -> int: ...
    def __init__(
        self, *, rows: int = 65_536, batch_bytes: int = 16 << 20, table_bytes: int = 4 << 20
    ) -> None: ...
    def file(self, name: str) -> None: ...
    def add(
        self, payload: bytes, offset: int, event: Event | None = None, checked: bool = False
    ) -> bool: ...
    def resume(self) -> bool: ...
    def take(self) -> Batch | None: ...
