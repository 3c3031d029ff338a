"""How far the content of one file may be expanded, so that a few bytes cannot cost gigabytes."""

from __future__ import annotations

from otel_etw.captures.items import CaptureError

__all__ = ["ALLOWANCE", "LAYERS", "RATIO", "Expansion"]

LAYERS = 4
"""Most layers of compression, one inside the other."""

ALLOWANCE = 16 << 20
"""Bytes that any file may expand to."""

RATIO = 2000
"""Bytes more that each byte of the file may expand to. zstd makes some four hundredths of captures
of an idle program, whose exports differ in their times alone. gzip's own maximum is 1,032."""


class Expansion:
    """The budget of one file, shared by all layers of compression in it."""

    def __init__(self) -> None:
        self._left = ALLOWANCE
        self._layers = 0

    def read(self, count: int) -> None:
        """So many bytes were read of the file itself."""
        self._left += RATIO * count

    def enter(self) -> None:
        """A further layer begins; `CaptureError` when it is one too many."""
        self._layers += 1
        if self._layers > LAYERS:
            raise CaptureError(f"it is compressed more than {LAYERS} times over")

    def spend(self, count: int) -> None:
        """Some bytes became ``count`` by expansion; `CaptureError` when that is too much."""
        self._left -= count
        if self._left < 0:
            raise CaptureError(
                f"it expands to more than {RATIO} times its size: decompress it to a file first"
            )
