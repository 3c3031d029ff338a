"""Writes the files that benchmarks read, of ``otlp_shapes.py`` and ``etl_shapes.py``.

    python bench/reading/shapes.py FOLDER [SHAPE...]

prints each file and how many points or records it has. Those that are there stay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import etl_shapes
import otlp_shapes


def file_of(folder: Path, name: str) -> tuple[Path, int]:
    """The shape's file, written unless it is there, and its points or records."""
    write: Callable[[Path], None]
    if name in otlp_shapes.SHAPES:
        points = otlp_shapes.SHAPES[name]
        ending, count, write = ".pb", points.points, lambda path: otlp_shapes.write(path, points)
    else:
        log = etl_shapes.SHAPES[name]
        ending, count, write = ".etl", log.records, lambda path: etl_shapes.write(path, log)
    path = folder / (name.replace(", ", "-").replace(" ", "-") + ending)
    if not path.exists():
        unfinished = path.with_name(f"unfinished-{path.name}")
        unfinished.unlink(missing_ok=True)
        write(unfinished)
        unfinished.rename(path)
    return path, count


if __name__ == "__main__":
    for name in sys.argv[2:] or (*otlp_shapes.SHAPES, *etl_shapes.SHAPES):
        print(*file_of(Path(sys.argv[1]), name))
