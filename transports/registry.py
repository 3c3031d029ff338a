"""Objects that are to be found as long as they live."""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import ref

__all__ = ["WeakRegistry"]

T = TypeVar("T")


class WeakRegistry(Generic[T]):
    """Objects by identity, each until it is removed or nothing else refers to it.

    Each method takes effect at once: unlike a ``WeakSet``, it can be listed while other threads add
    to it, and a signal handler may call what it interrupted.
    """

    def __init__(self) -> None:
        self._references: dict[int, ref[T]] = {}

    def add(self, thing: T) -> None:
        key, references = id(thing), self._references
        references[key] = ref(thing, lambda _: references.pop(key, None))

    def remove(self, thing: T) -> bool:
        """Whether it was there: of several callers one is told so."""
        return self._references.pop(id(thing), None) is not None

    def alive(self) -> list[T]:
        """Those that are there now, in the order in which they were added."""
        # The copy is made in one step, so no other thread can change it meanwhile.
        things = [reference() for reference in self._references.copy().values()]
        return [thing for thing in things if thing is not None]
