"""Files set aside: named as the Collector names them, the oldest removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

__all__ = ["prune", "set_aside"]

_STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}"


def set_aside(path: Path, why: Literal["size", "torn"]) -> None:
    """Rename ``m.pb`` to ``m-<UTC>-size.pb`` or ``m-<UTC>-torn.pb``; raises OSError.

    What is set aside within the same millisecond gets a number, ``m-<UTC>-size-2.pb``: one more
    than the highest there, since the lower ones may be removed already. Where ``path`` is a
    symbolic link the file it leads to is renamed, beside itself.
    """
    path = path.resolve()
    now = datetime.now(timezone.utc)
    stamp = f"{now:%Y-%m-%dT%H-%M-%S}.{now.microsecond // 1000:03}"
    number = 1 + max((number for taken, number, _ in _aside(path) if taken == stamp), default=0)
    counter = f"-{number}" if number > 1 else ""
    path.rename(path.with_name(f"{path.stem}-{stamp}-{why}{counter}{path.suffix}"))


def prune(path: Path, keep: int) -> None:
    """Remove the oldest files set aside until ``keep`` are left; raises OSError.

    What can't be removed now (on Windows a reader may have it open) is tried next time.
    """
    files = sorted(_aside(path.resolve()))
    for _, _, oldest in files[: max(0, len(files) - keep)]:
        with suppress(OSError):
            oldest.unlink()


def _aside(path: Path) -> Iterator[tuple[str, int, Path]]:
    """What was set aside for ``path``, in no order: UTC stamp, number within it, file."""
    pattern = re.compile(
        rf"{re.escape(path.stem)}-({_STAMP})-(?:size|torn)(?:-(\d+))?{re.escape(path.suffix)}"
    )
    for file in path.parent.iterdir():
        if found := pattern.fullmatch(file.name):
            yield found[1], int(found[2] or 1), file
