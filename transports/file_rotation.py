"""Files set aside: named as the Collector names them, the oldest removed."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

__all__ = ["prune", "set_aside"]

_STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}"


def set_aside(path: Path, why: Literal["size", "torn"]) -> None:
    """Rename ``m.pb`` to ``m-<UTC>-size.pb`` or ``m-<UTC>-torn.pb``; raises OSError.

    A name that is taken gets a number: ``m-<UTC>-size-2.pb``. Where ``path`` is a symbolic link
    the file it leads to is renamed, beside itself.
    """
    path = path.resolve()
    now = datetime.now(timezone.utc)
    name = f"{path.stem}-{now:%Y-%m-%dT%H-%M-%S}.{now.microsecond // 1000:03}-{why}"
    target = path.with_name(name + path.suffix)
    count = 1
    while target.exists():
        count += 1
        target = path.with_name(f"{name}-{count}{path.suffix}")
    path.rename(target)


def prune(path: Path, keep: int) -> None:
    """Remove the oldest files set aside until ``keep`` are left.

    What can't be removed now (on Windows a reader may have it open) is tried next time.
    """
    path = path.resolve()
    pattern = re.compile(
        rf"{re.escape(path.stem)}-({_STAMP})-(?:size|torn)(?:-(\d+))?{re.escape(path.suffix)}"
    )
    aside = []
    with suppress(OSError):
        for file in path.parent.iterdir():
            if found := pattern.fullmatch(file.name):
                aside.append((found[1], int(found[2] or 1), file))
    for _, _, oldest in sorted(aside)[: max(0, len(aside) - keep)]:
        with suppress(OSError):
            oldest.unlink()
