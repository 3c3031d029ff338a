"""What names and attributes are asked for, one text at a time; both selectors ask here."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

__all__ = ["AttributeConditions", "NameConditions", "attribute_text"]

# Bytes of attributes whose answer is kept, roughly.
_KEPT = 8 << 20

# Characters of the longest name whose answer is kept.
_LONGEST_KEPT = 1024


class NameConditions:
    """Whether a metric's name matches one of the patterns of `fnmatch`; upper and lower case are
    apart. Without patterns every name does."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)
        self._kept = lru_cache(4096)(self._matches)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def matches(self, name: str) -> bool:
        """Answers for names of up to 1,024 characters are kept."""
        return self._matches(name) if len(name) > _LONGEST_KEPT else self._kept(name)

    def _matches(self, name: str) -> bool:
        return not self._patterns or any(fnmatchcase(name, each) for each in self._patterns)


class AttributeConditions:
    """Which of the conditions ``KEY`` and ``KEY=VALUE`` attributes meet.

    ``VALUE`` is compared with the text of the value: strings as they are, all else as JSON. There
    may be 64 conditions; ValueError for more.
    """

    def __init__(self, asked: Iterable[str]) -> None:
        self._asked = [each.partition("=") for each in dict.fromkeys(asked)]
        if len(self._asked) > 64:
            raise ValueError(f"{len(self._asked)} conditions on attributes; 64 are allowed")
        # What JSON that has the key must contain; it spares parsing the rest.
        self._keys = [f"{json.dumps(key, ensure_ascii=False)}: " for key, _, _ in self._asked]
        self.all = (1 << len(self._asked)) - 1
        self._known: dict[str, int] = {}
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._asked)

    def met(self, attributes: str) -> int:
        """The conditions that a JSON object meets, as bits; ``all`` is the number with all bits."""
        met = self._known.get(attributes)
        if met is None:
            met = self._met(attributes)
            # The text, and what a dictionary needs for it.
            self._size += len(attributes) + 150
            if self._size > _KEPT:
                self._known = {}
                self._size = 0
            self._known[attributes] = met
        return met

    def _met(self, text: str) -> int:
        attributes: dict[str, Any] = {}
        met = 0
        for number, (key, equals, value) in enumerate(self._asked):
            if self._keys[number] not in text:
                continue
            if not attributes:
                attributes = json.loads(text)
            if key in attributes and (not equals or attribute_text(attributes[key]) == value):
                met |= 1 << number
        return met


def attribute_text(value: Any) -> str:
    """An attribute's value as it is compared and shown: a string as it is, all else as JSON in
    which nothing unprintable stands unescaped."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        value = {"base64": b64encode(value).decode()}
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else json.dumps(character)[1:-1] for character in text
    )
