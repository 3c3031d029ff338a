from typing import final

__all__ = ["BatchView"]

@final
class BatchView:
    length: int
    def __new__(cls, batch: object) -> BatchView: ...
