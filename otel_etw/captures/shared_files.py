"""Opens files for reading without keeping anyone from writing, renaming or deleting them."""

from __future__ import annotations

import io
import os
import sys
from typing import BinaryIO

__all__ = ["open_shared"]

if sys.platform == "win32":
    import _winapi
    import msvcrt

    _SHARE_ALL = 0x1 | 0x2 | 0x4  # read, write, delete: Python's own open leaves out the last
    _OPEN_EXISTING = 3

    def open_shared(path: str | os.PathLike[str]) -> BinaryIO:
        """The file at ``path``, unbuffered; OSError as of `open`."""
        handle = _winapi.CreateFile(
            os.fspath(path), _winapi.GENERIC_READ, _SHARE_ALL, 0, _OPEN_EXISTING, 0, 0
        )
        return io.FileIO(msvcrt.open_osfhandle(handle, os.O_RDONLY), "rb")

else:

    def open_shared(path: str | os.PathLike[str]) -> BinaryIO:
        """The file at ``path``, unbuffered; OSError as of `open`."""
        return open(path, "rb", buffering=0)
