from collections.abc import Iterator
from typing import Any

__all__ = ["csv_rows", "json_rows"]

def json_rows(
    batch: Any, *, before: bytes = b"", after: bytes = b"\n", ascii_only: bool = False
) -> Iterator[bytes]: ...
def csv_rows(batch: Any, *, ascii_only: bool = False) -> Iterator[bytes]: ...
