"""How frames stand in a length-prefixed file: shared by those who write and those who read it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

__all__ = ["PREFIX", "RESOURCE_METRICS", "Chain", "follow_resource_metrics"]

PREFIX = 4
"""Bytes of the big-endian length before each frame."""

RESOURCE_METRICS = 0x0A
"""Tag of ``resource_metrics``, the one field of an ``ExportMetricsServiceRequest``."""


class _Bytes(Protocol):
    """``bytes``, ``bytearray``, or a file that reads the bytes it is asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> int: ...


class Chain(NamedTuple):
    """What was seen of a payload."""

    reached: int
    """How far was looked: the payload's end, or more, when nothing is left to look at."""
    fields: int
    """Complete fields up to there."""
    agrees: bool
    """Whether everything up to there looks like a request."""


def follow_resource_metrics(
    data: _Bytes, start: int, end: int, most_fields: int | None = None
) -> Chain:
    """Whether the payload of a frame, ``data[start:end]``, looks like a request: a chain of
    ``resource_metrics`` fields whose lengths add up to its own.

    ``data`` may end before the payload does. At most ``most_fields`` are followed; None: all.
    """
    have = len(data)
    position = start
    fields = 0
    while position < end and position < have and fields != most_fields:
        if data[position] != RESOURCE_METRICS:
            return Chain(position, fields, False)
        after = position + 1
        length = shift = 0
        while True:
            if after == have:
                return Chain(position, fields, True)
            byte = data[after]
            after += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 28:
                return Chain(position, fields, False)
        if after + length > end:
            return Chain(position, fields, False)
        position = after + length
        fields += 1
    return Chain(position, fields, True)
