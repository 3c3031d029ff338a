"""Compression with zstd: Python's own from 3.14 on, before that the package zstandard."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, BinaryIO, cast

__all__ = ["compressor", "zstd_file"]

_MISSING = "zstd needs Python 3.14 or the package zstandard: pip install zstandard"


@cache
def compressor() -> Callable[[bytes | memoryview], bytes]:
    """What makes one frame of its argument, quickly (level 1). ImportError says what is missing."""
    module: Any
    try:
        module = import_module("compression.zstd")
        return cast(Callable[[bytes | memoryview], bytes], lambda data: module.compress(data, 1))
    except ImportError:
        pass
    return cast(
        Callable[[bytes | memoryview], bytes], _zstandard().ZstdCompressor(level=1).compress
    )


def zstd_file(file: BinaryIO) -> BinaryIO:
    """A file whose content reaches another one compressed. ImportError as above."""
    try:
        module: Any = import_module("compression.zstd")
        return cast(BinaryIO, module.ZstdFile(file, "wb"))
    except ImportError:
        return cast(BinaryIO, _zstandard().ZstdCompressor().stream_writer(file, closefd=False))


def _zstandard() -> Any:
    try:
        return import_module("zstandard")
    except ImportError as error:
        raise ImportError(_MISSING) from error
