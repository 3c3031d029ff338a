"""The files that were rotated away from a path, in the order of their rotation.

Their names are what ``otel_etw.transports.file_rotation`` makes, ``metrics-<UTC>-size.pb`` and
``metrics-<UTC>-torn-2.pb``, or a Collector, ``metrics-<UTC>.pb``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["rotated_files"]

_ROTATION = r"-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})(?:-(?:size|torn))?(?:-(\d{1,18}))?"


def rotated_files(path: str | os.PathLike[str]) -> list[Path]:
    """What was rotated away from ``path`` and is still there, oldest first; raises OSError."""
    # A symbolic link stays where it is: the file that it leads to is rotated beside itself.
    target = Path(os.path.realpath(path))
    pattern = re.compile(f"{re.escape(target.stem)}{_ROTATION}{re.escape(target.suffix)}")
    found = [
        (match[1], int(match[2] or 1), file)
        for file in target.parent.iterdir()
        if (match := pattern.fullmatch(file.name))
    ]
    return [file for _, _, file in sorted(found)]
