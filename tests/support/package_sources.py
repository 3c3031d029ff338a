"""The source files of the package, and which modules belong to which part of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import otel_etw
from otel_etw import transports

__all__ = ["SOURCES", "below"]


def _sources() -> Iterator[tuple[str, Path]]:
    """(module, file) of everything in the installed package, compiled sources where they are."""
    for package, folders in (
        ("otel_etw", otel_etw.__path__),
        ("otel_etw.transports", transports.__path__),
    ):
        for folder in map(Path, folders):
            for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.pyx")]):
                inside = path.relative_to(folder).with_suffix("").parts
                name = ".".join([package, *inside]).removesuffix(".__init__")
                if package == "otel_etw" and inside[0] == "transports":
                    continue  # an installed package has them in the same tree
                yield name, path


SOURCES = list(_sources())


def below(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
