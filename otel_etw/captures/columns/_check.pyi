__all__ = ["check_request"]

def check_request(
    data: bytes | bytearray | memoryview, start: int = 0, end: int | None = None
) -> bool: ...
