"""Transports that stand in for a real one: scripted, blocking, or plain wrong."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from otel_etw import ETWTransport
from otel_etw.transports import Delivery, Frames, Transport
from otel_etw.transports.auto import NobodyListens

# What ``auto`` takes here.
SYSTEMS_OWN = ETWTransport if sys.platform == "win32" else NobodyListens

PATIENCE = 60.0  # seconds after which a test gives up; no test needs them


class Scripted(Transport):
    """Keeps each batch's frames and does what it is told with it."""

    def __init__(
        self, react: Callable[[Frames], Delivery] = Delivery.of, limit: int | None = None
    ) -> None:
        self.react = react
        self.frame_limit = limit
        self.listening = True
        self.batches: list[list[bytes]] = []
        self.points = 0
        self.flushes: list[float] = []
        self.closes = 0
        self.closed = threading.Event()

    @property
    def limit(self) -> int | None:
        return self.frame_limit

    @property
    def enabled(self) -> bool:
        return self.listening

    def send(self, frames: Frames) -> Delivery:
        self.batches.append([bytes(frame) for frame in frames])
        delivery = self.react(frames)
        if isinstance(delivery, Delivery):
            self.points += delivery.points
        return delivery

    def flush(self, timeout_millis: float = 10_000) -> bool:
        self.flushes.append(timeout_millis)
        return True

    def close(self) -> None:
        self.closes += 1
        self.closed.set()


class Gate(Scripted):
    """Holds whoever sends until it is opened; in a forked child it stands open."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__(self._wait, limit)
        self.entered = threading.Event()
        self.opened = threading.Event()
        self._process = os.getpid()

    def _wait(self, frames: Frames) -> Delivery:
        self.entered.set()
        if os.getpid() == self._process:
            assert self.opened.wait(PATIENCE), "nobody opened the gate"
        return Delivery.of(frames)
