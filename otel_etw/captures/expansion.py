"""How far the content of one file may be expanded, so that a few bytes cannot cost gigabytes."""

from __future__ import annotations

from otel_etw.captures.items import CaptureError

__all__ = ["ALLOWANCE", "LAYERS", "RATIO", "ExpandsTooFarError", "Expansion"]

LAYERS = 4
"""Most layers of compression, one inside the other."""

ALLOWANCE = 16 << 20
"""Bytes that any file may expand to."""

RATIO = 2000
"""Bytes more that each byte of the file may expand to. zstd makes some four hundredths of captures
of an idle program, whose exports differ in their times alone. gzip's own maximum is 1,032."""


class ExpandsTooFarError(CaptureError):
    """A file expands to more than its size allows."""


class Expansion:
    """The budget of one file, shared by all layers of compression in it."""

    def __init__(self) -> None:
        self._budget = _Budget()
        self._layers = 0

    def read(self, count: int) -> None:
        """So many bytes were read of the file itself."""
        self._budget.left += RATIO * count

    def enter(self) -> Expansion:
        """The same budget for what is one layer further in; `CaptureError` when that is one too
        many."""
        if self._layers == LAYERS:
            raise CaptureError(f"it is compressed more than {LAYERS} times over")
        inner = Expansion()
        inner._budget = self._budget
        inner._layers = self._layers + 1
        return inner

    def spend(self, count: int) -> None:
        """Some bytes became ``count`` by expansion; `ExpandsTooFarError` when that is too much."""
        self._budget.left -= count
        if self._budget.left < 0:
            raise ExpandsTooFarError(
                f"it expands to more than {RATIO} times its size: decompress it to a file first"
            )


class _Budget:
    """Bytes that the file may still expand to."""

    def __init__(self) -> None:
        self.left = ALLOWANCE
