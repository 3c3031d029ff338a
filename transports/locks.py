"""How threads keep out of each other's way, and how forked children go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import RLock
from typing import Any
from weakref import WeakSet

__all__ = ["ForkSafeLock", "attempt"]


def attempt(lock: Any, seconds: float) -> Iterator[bool]:
    """For ``taken.extend(attempt(lock, seconds))``: asks for the lock and notes the answer in one C
    call, so no signal handler can raise between the two."""
    return map(lock.acquire, (True,), (seconds,))


class ForkSafeLock:
    """``with owner.lock:``, where ``lock`` is free in a forked child, whoever held it.

    The lock itself is what ``with`` gets: an interrupt inside an ``__enter__`` of our own could
    leave it held.
    """

    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock = RLock()
        _alive.add(self)


_alive: WeakSet[ForkSafeLock] = WeakSet()


def _renew_all() -> None:
    for owner in _alive:
        owner.lock = RLock()


if hasattr(os, "register_at_fork"):
    # Once for all locks: a registration can't be taken back, so one a lock would leak.
    os.register_at_fork(after_in_child=_renew_all)
