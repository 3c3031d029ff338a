"""One call at a time, for everything in the package that threads and signal handlers may share."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar

from otel_etw.transports.registry import WeakRegistry

__all__ = ["BUSY", "REENTRANT", "CallGuard", "Refusal"]

T = TypeVar("T")


class Refusal:
    """Why a guarded call did not run: `BUSY` or `REENTRANT`. ``reason`` is what losses are counted
    under."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


BUSY = Refusal("busy")
"""Another thread's call did not end in time."""

REENTRANT = Refusal("reentrant")
"""This thread's own call is running: the caller is called by it, or is a signal handler that
interrupted it. Waiting would be a deadlock."""


class CallGuard:
    """Runs one call at a time.

    A guard that an exception leaves at whatever bytecode, as a signal handler may raise one, is
    free again. In a forked child it is free too, unless it was the forking thread's own call that
    ran: that one goes on.
    """

    __slots__ = ("__weakref__", "_lock", "_running")

    def __init__(self) -> None:
        self._lock = RLock()
        # The ``taken`` of the call that runs.
        self._running: list[bool] | None = None
        _guards.add(self)

    def run(self, seconds: float, function: Callable[..., T], *arguments: Any) -> T | Refusal:
        """The result of ``function(*arguments)``, or why it was not called.

        Waits up to ``seconds`` (from 0 to `threading.TIMEOUT_MAX`) for another thread's call.
        """
        lock = self._lock
        taken: list[bool] = []
        try:
            # One call into C takes the lock and notes that it did. Interpreters run signal
            # handlers after calls, so none comes between the two; nor, below, before the release.
            taken.extend(map(lock.acquire, (True,), (seconds,)))
            if not taken[0]:
                return BUSY
            if self._running is not None:
                return REENTRANT
            self._running = taken
            return function(*arguments)
        finally:
            try:
                if self._running is taken:
                    self._running = None
            finally:
                # On its own, since CPython 3.10 runs handlers at jumps too.
                if True in taken:
                    lock.release()

    def _renew(self) -> None:
        if self._lock.acquire(False):
            # Nobody's, or the forking thread's own.
            self._lock.release()
        else:
            self._lock, self._running = RLock(), None


_guards: WeakRegistry[CallGuard] = WeakRegistry()


def _renew_all() -> None:
    for guard in _guards.alive():
        guard._renew()


if hasattr(os, "register_at_fork"):
    # Once for all guards: a registration cannot be taken back.
    os.register_at_fork(after_in_child=_renew_all)
