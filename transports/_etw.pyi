from typing import Final, final

from otel_etw.transports.base import Frames

CLOSED: Final[int]

@final
class Registration:
    register_error: Final[int]
    traits_error: Final[int]

    def __init__(
        self,
        guid: bytes,
        traits: bytes,
        schema: bytes,
        *,
        event_id: int,
        version: int,
        channel: int,
        level: int,
        keyword: int,
    ) -> None: ...
    @property
    def enabled(self) -> bool: ...
    def send(self, frames: Frames) -> list[tuple[int, int]]: ...
    def close(self) -> None: ...
