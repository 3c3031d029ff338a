"""What a packer says of a point or a metric that it was given: one of three results.

``_packing.pxd`` has the same results for compiled code.
"""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["FALLBACK", "FLUSH", "TAKEN", "Result"]

Result = Literal[1, 2] | None

TAKEN: Final = None
"""It is taken. None, because the interpreter tests for that fastest, for each point."""

FLUSH: Final = 1
"""It is taken, and the caller shall ``take`` a batch: enough frames are finished, or one frame has
grown for so long that other threads should have a turn. Then the batch is empty."""

FALLBACK: Final = 2
"""It is not taken, and nothing is changed: encode it in pure Python."""
