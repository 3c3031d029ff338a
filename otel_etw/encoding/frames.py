"""Frames in pure Python: what the encoder hands to a transport where nothing is compiled.

The protocol that both keep to is `otel_etw.transports.base.Frames`; the compiled twin is
``_frames.pyx``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["Frames"]


class Frames:
    """A finished batch of frames; never changes."""

    __slots__ = ("_counts", "_frames")

    def __init__(self, frames: Iterable[bytes], counts: Iterable[int]) -> None:
        """``counts``: the number of points in each frame."""
        self._frames = tuple(frames)
        self._counts = tuple(counts)
        if len(self._frames) != len(self._counts):
            raise ValueError(f"{len(self._frames)} frames, {len(self._counts)} counts of points")

    @property
    def points(self) -> int:
        """Points in all frames together."""
        return sum(self._counts)

    @property
    def nbytes(self) -> int:
        """Bytes of all frames together."""
        return sum(map(len, self._frames))

    def points_in(self, index: int) -> int:
        """Points in one frame."""
        return self._counts[index]

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> memoryview:
        return memoryview(self._frames[index])

    def __iter__(self) -> Iterator[memoryview]:
        return map(memoryview, self._frames)
