"""The code blocks of a Markdown document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["ROOT", "Block", "blocks", "document"]

ROOT = Path(__file__).resolve().parents[2]


class Block(NamedTuple):
    language: str
    """What stands behind the opening fence: ``python``, ``sh``, ``bat`` …"""
    text: str


def document(path: str) -> str:
    """The text of a document; ``path`` begins at the root of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(path: str, *languages: str) -> list[Block]:
    """The fenced blocks of a document in their order, of ``languages`` only if any are given."""
    found = re.findall(r"^```(\S.*?)\n(.*?)^```$", document(path), re.MULTILINE | re.DOTALL)
    every = [Block(*pair) for pair in found]
    return [block for block in every if not languages or block.language in languages]
