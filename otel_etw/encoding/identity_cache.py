"""The encoded bytes of resources and scopes, which come again with every export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .losses import Losses
from .metrics import Ends

__all__ = ["MAXIMUM", "IdentityCache"]

MAXIMUM = 256
"""Objects in a cache, which is emptied when full: the SDK has one resource and a few scopes."""


class IdentityCache:
    """Encodes objects, and remembers the bytes by the object's identity.

    Only of objects of exactly one class of the SDK's, whose attributes cannot change, and only when
    nothing was lost: the loss may be a passing one, of an error that a signal handler raised.
    """

    def __init__(self, cached: type, encode: Callable[[Any, Losses], Ends]) -> None:
        """``cached``: the class whose objects are remembered; others are encoded each time."""
        self._cached = cached
        self._encode = encode
        # The object too: as long as it is here, no other can have its identity.
        self._entries: dict[int, tuple[object, Ends]] = {}

    def ends(self, given: object, losses: Losses) -> Ends:
        """The bytes before and behind what ``given`` holds. Raises what encoding it raises."""
        entry = self._entries.get(id(given))
        if entry is not None:
            return entry[1]
        lost = Losses()
        ends = self._encode(given, lost)
        if lost.counts:
            losses.merge(lost)
        elif type(given) is self._cached:
            if len(self._entries) >= MAXIMUM:
                self._entries.clear()
            self._entries[id(given)] = given, ends
        return ends
