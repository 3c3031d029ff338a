"""How large frames and lines may be: one place for those who write them and who read them."""

from __future__ import annotations

__all__ = ["FRAME_MAXIMUM", "LINE_MAXIMUM", "MESSAGE_MAXIMUM", "WRITTEN_LINE_MAXIMUM"]

FRAME_MAXIMUM = 0x03FF_FFFF
"""Bytes of one length-prefixed frame, just below 64 MiB. The writer makes none that is larger, and
the reader takes a larger length for damage."""

LINE_MAXIMUM = 0x03FF_FFFF
"""Bytes of one JSON line that the reader takes, its newline included."""

WRITTEN_LINE_MAXIMUM = 1_048_575
"""Bytes of one JSON line that the writer makes, its newline included: the Collector's reader cuts
longer ones up and drops them."""

MESSAGE_MAXIMUM = 2**31 - 1
"""Bytes of one protobuf message: the lengths of its parts are signed 32-bit numbers in most
languages."""
