from collections.abc import Iterator, Sequence
from typing import Any, final

__all__ = ["Newest", "Selector"]

@final
class Selector:
    def __new__(
        cls,
        names: Sequence[str] = (),
        attributes: Sequence[str] = (),
        since: int | None = None,
        until: int | None = None,
        pids: Sequence[int] = (),
    ) -> Selector: ...
    def __call__(self, batch: Any) -> Any: ...

@final
class Newest:
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def add(self, batch: Any) -> None: ...
    def finish(self) -> Iterator[Any]: ...
