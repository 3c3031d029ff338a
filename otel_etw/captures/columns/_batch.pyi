from typing import NoReturn, final

__all__ = ["Batch"]

__pyx_capi__: dict[str, object]

@final
class Batch:
    def __init__(self, *args: object, **kwargs: object) -> NoReturn: ...
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...
