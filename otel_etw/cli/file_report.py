"""What standard error tells about one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from otel_etw.captures import Damage
from otel_etw.cli.texts import counted

__all__ = ["FileReport", "damage_text"]


@dataclass
class FileReport:
    """What was read of one file."""

    file: str
    frames: int = 0
    points: int = 0
    counts_points: bool = True
    """Whether points are counted: not where frames pass as they are."""
    matching: int = 0
    damages: int = 0
    damaged_bytes: int = 0
    foreign: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What was ignored, and what one of it is called."""

    def lines(self, statistics: bool) -> Iterator[str]:
        """What to say at the end: what was ignored, and, if asked for, how much was read."""
        for (what, unit), count in self.foreign.items():
            yield f"{self.file}: ignored {what}: {counted(count, unit)}"
        if statistics:
            parts = [counted(self.frames, "frame")]
            if self.counts_points:
                parts.append(counted(self.points, "point"))
            if self.matching != self.points:
                parts.append(f"{self.matching:,} shown")
            damages = counted(self.damages, "damage")
            if self.damages:
                damages = f"{damages} of {self.damaged_bytes:,} bytes"
            yield f"{self.file}: {', '.join([*parts, damages])}"


def damage_text(file: str, damage: Damage) -> str:
    """Where a file is damaged, and how."""
    return f"{file}: damaged at byte {damage.offset:,}, {damage.length:,} bytes: {damage.reason}"
