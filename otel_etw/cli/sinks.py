"""Where UTF-8 goes: to a file of bytes, or to standard output, whatever its encoding is."""

from __future__ import annotations

import os
from io import TextIOWrapper
from typing import BinaryIO, TextIO

__all__ = ["ByteSink", "TextSink", "must_be_ascii"]


def must_be_ascii(out: TextIO) -> bool:
    """Whether JSON must have its other characters as ``\\uXXXX``: what an encoding lacks would
    become an escape that is no JSON."""
    return (out.encoding or "").lower().replace("-", "") != "utf8"


class ByteSink:
    """A file of bytes; see `otel_etw.cli.outputs.Sink`."""

    is_ascii = False

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


class TextSink:
    """A text stream that takes UTF-8; see `otel_etw.cli.outputs.Sink`.

    What its encoding lacks becomes what the stream makes of it, in JSON ``\\uXXXX``.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.is_ascii = must_be_ascii(out)
        # On Windows newlines are translated.
        takes_bytes = not self.is_ascii and os.linesep == "\n" and isinstance(out, TextIOWrapper)
        self._buffer = out.buffer if takes_bytes else None

    def write(self, data: bytes) -> None:
        if self._buffer is None:
            self._out.write(data.decode())
        else:
            self._out.flush()
            self._buffer.write(data)
