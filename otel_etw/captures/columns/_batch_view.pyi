from typing import final

__all__ = ["BatchView"]

@final
class BatchView:
    length: int
    def __init__(self, batch: object) -> None: ...
