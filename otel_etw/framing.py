"""How frames stand in a length-prefixed file: shared by those who write and those who read it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["PREFIX", "RESOURCE_METRICS", "follow_resource_metrics"]

PREFIX = 4
"""Bytes of the big-endian length before each frame."""

RESOURCE_METRICS = 0x0A
"""Tag of ``resource_metrics``, the one field of an ``ExportMetricsServiceRequest``."""


class _Bytes(Protocol):
    """``bytes``, ``bytearray``, or a file that reads the bytes it is asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> int: ...


def follow_resource_metrics(
    data: _Bytes, start: int, end: int, fields: int | None = None
) -> tuple[int, bool]:
    """Whether the payload of a frame, ``data[start:end]``, looks like a request: a chain of
    ``resource_metrics`` fields whose lengths add up to its own.

    ``data`` may end before the payload does. At most ``fields`` fields are followed; None: all.

    Returns how far was looked, ``end`` or more when nothing is left to look at, and whether
    everything up to there agrees.
    """
    have = len(data)
    position = start
    while position < end and position < have and fields != 0:
        if fields is not None:
            fields -= 1
        if data[position] != RESOURCE_METRICS:
            return position, False
        after = position + 1
        length = shift = 0
        while True:
            if after == have:
                return position, True
            byte = data[after]
            after += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 28:
                return position, False
        if after + length > end:
            return position, False
        position = after + length
    return position, True
