"""Signals amid a send: nothing stays locked or open, nothing hangs, and every frame is counted."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import perf_counter
from types import FrameType

import pytest

from otel_etw.transports import file, file_append
from otel_etw.transports.base import Delivery
from otel_etw.transports.file import FileTransport
from tests.support.otlp_files import (
    batch,
    frame,
    identify,
    numbers,
    read_frames,
    read_lines,
)
from tests.support.processes import in_child
from tests.support.systems import not_on_windows, only_on_linux

SENDS = 1_500


def reasons(delivery: Delivery) -> set[str]:
    return {loss.reason for loss in delivery.losses}


def everything(folder: Path) -> list[tuple[int, int]]:
    """All frames of all files, none of which ends inside a frame."""
    found = []
    for path in folder.iterdir():
        if path.suffix == ".jsonl":
            found += [identify(request) for request in read_lines(path)]
        else:
            found += numbers(read_frames(path))
    return found


def open_files(folder: Path) -> list[str]:
    """Files of a folder that this process has open, removed ones too."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [file for file in found if file.startswith(str(folder))]


def under_fire(send: Callable[[int], None], interval: float) -> int:
    """Calls ``send`` many times, each interrupted after a random while, and with an ``interval``
    again and again while the interrupt finds its way out. How many were interrupted."""
    chance = random.Random(5)
    armed = False
    interrupted = 0

    def interrupt(number: int, stack: FrameType | None) -> None:
        if armed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    for number in range(SENDS):
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 150e-6), interval)
        try:
            armed = True
            try:
                send(number)
            finally:
                armed = False
        except KeyboardInterrupt:
            interrupted += 1
        except SystemError as error:
            # What CPython makes of an interrupt whose handler begins before the one of the
            # interrupt before it has wholly ended.
            if not isinstance(error.__cause__, KeyboardInterrupt):
                raise
            interrupted += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    return interrupted


@only_on_linux("/proc/self/fd and interval timers")
@pytest.mark.parametrize("name", ["m.pb", "m.jsonl"])
@pytest.mark.parametrize("max_bytes", [None, 2_000])
@pytest.mark.parametrize(
    "interval",
    [
        pytest.param(0, id="one interrupt"),
        pytest.param(
            15e-6,
            id="several",
            marks=pytest.mark.skipif(
                sys.version_info < (3, 11),
                reason="3.10 looks for signals before the first instruction of a finally too",
            ),
        ),
    ],
)
def test_an_interrupt_at_any_place_leaves_nothing_locked_or_open(
    tmp_path: Path, name: str, max_bytes: int | None, interval: float
) -> None:
    path = tmp_path / name

    def run() -> None:
        transport = FileTransport(path, max_bytes=max_bytes, backups=100_000)
        assert transport.send(batch(frame(0, 0))).losses == ()
        interrupted = under_fire(lambda number: _send(transport, number), interval)
        assert interrupted > 100
        assert open_files(tmp_path) == []
        begun = perf_counter()
        threads = [
            threading.Thread(target=_send, args=(sender, number))
            for number, sender in enumerate((transport, FileTransport(path)), SENDS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert transport.send(batch(frame(0, 1))).losses == ()
        assert perf_counter() - begun < 0.9
        print(f"{interrupted} interrupts")

    in_child(run)
    found = Counter(everything(tmp_path))
    assert set(found.values()) == {1}
    assert {(0, 0), (1, SENDS), (1, SENDS + 1), (0, 1)} <= set(found)


def _send(transport: FileTransport, number: int) -> None:
    delivery = transport.send(batch(frame(1, number)))
    assert delivery.losses == (), delivery


@only_on_linux("interval timers")
@pytest.mark.parametrize("same", [True, False], ids=["same transport", "same file"])
def test_a_signal_handler_that_sends_is_never_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    monkeypatch.setattr(file_append, "_PATIENCE", 0.01)
    path = tmp_path / "m.pb"

    def run() -> None:
        transport = FileTransport(path, max_bytes=2_000, backups=100_000)
        other = transport if same else FileTransport(path, max_bytes=2_000, backups=100_000)
        told: Counter[str] = Counter()

        def handle(number: int, stack: FrameType | None) -> None:
            delivery = other.send(batch(frame(2, sum(told.values()))))
            told.update(reasons(delivery) or {"taken"})

        chance = random.Random(5)
        signal.signal(signal.SIGALRM, handle)
        for number in range(SENDS):
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 150e-6))
            delivery = transport.send(batch(frame(1, number)))
            assert delivery.losses == (), delivery
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert set(told) == {"taken", "reentrant" if same else "locked"}
        (tmp_path / "told").write_text(str(told["taken"]))

    in_child(run)
    taken = int((tmp_path / "told").read_text())
    (tmp_path / "told").unlink()
    found = Counter(writer for writer, _ in everything(tmp_path))
    assert found == {1: SENDS, 2: taken}


@not_on_windows("os.kill ends the process")
def test_a_signal_handler_s_send_amid_send_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    deliveries = []
    write = os.write

    def signalled(fd: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", write)
        os.kill(os.getpid(), signal.SIGUSR1)
        return write(fd, data)

    def run() -> None:
        signal.signal(
            signal.SIGUSR1,
            lambda *_: deliveries.append(transport.send(batch(frame(2, 0), frame(2, 1)))),
        )
        monkeypatch.setattr(os, "write", signalled)
        begun = perf_counter()
        assert transport.send(batch(frame(1, 0))).losses == ()
        assert perf_counter() - begun < 0.5
        ((loss,),) = [delivery.losses for delivery in deliveries]
        assert (loss.reason, loss.frames, loss.points) == ("reentrant", 2, 2)
        assert transport.send(batch(frame(1, 1))).losses == ()

    in_child(run)
    assert numbers(read_frames(path)) == [(1, 0), (1, 1)]


def test_a_thread_waits_for_another_s_batch_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may hang."""
    monkeypatch.setattr(file, "_PATIENCE", 0.3)
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    inside, go_on = threading.Event(), threading.Event()
    write = os.write

    def hanging(fd: int, data: bytes) -> int:
        inside.set()
        assert go_on.wait(60)
        return write(fd, data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", hanging)
        first: list[Delivery] = []
        thread = threading.Thread(target=lambda: first.append(transport.send(batch(frame(1, 0)))))
        thread.start()
        assert inside.wait(60)
        begun = perf_counter()
        (loss,) = transport.send(batch(frame(1, 1))).losses
        first_wait = perf_counter() - begun
        for _ in range(3):
            assert reasons(transport.send(batch(frame(1, 1)))) == {"busy"}
        later_waits = perf_counter() - begun - first_wait
        go_on.set()
        thread.join(60)
    assert first_wait > 0.2
    assert later_waits < 3 * 0.2
    assert (loss.reason, loss.frames) == ("busy", 1)
    assert str(path) in loss.detail
    assert first[0].losses == ()
    assert transport.send(batch(frame(1, 2))).losses == ()
    assert numbers(read_frames(path)) == [(1, 0), (1, 2)]


@not_on_windows("there is no fork")
def test_a_child_forked_amid_another_thread_s_batch_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose lock it has, and who marks it as in use, is the parent's thread."""
    transport = FileTransport(tmp_path / "m.pb")
    inside, go_on = threading.Event(), threading.Event()
    write, parent = os.write, os.getpid()

    def slow(fd: int, data: bytes) -> int:
        if os.getpid() == parent:
            inside.set()
            assert go_on.wait(60)
        return write(fd, data)

    monkeypatch.setattr(os, "write", slow)
    monkeypatch.setattr(file_append, "_PATIENCE", 0.1)
    thread = threading.Thread(target=transport.send, args=(batch(frame(0, 0)),))
    thread.start()
    assert inside.wait(60)
    try:
        # The file is locked, the transport is not.
        in_child(partial(_expect, transport, {"locked"}))
    finally:
        go_on.set()
        thread.join(60)
    in_child(partial(_expect, transport, set()))


def _expect(transport: FileTransport, expected: set[str]) -> None:
    assert reasons(transport.send(batch(frame(1, 0)))) == expected


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_whatever_is_raised_amid_a_write_leaves_nothing_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path, max_bytes=1_000)

    def interrupted(fd: int, data: bytes) -> int:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", interrupted)
        with pytest.raises(error):
            transport.send(batch(frame(1, 0)))
    if sys.platform == "linux":
        assert open_files(tmp_path) == []
    # Both need the file's lock; the first also the transport's own.
    assert transport.send(batch(frame(1, 1, 900))).taken == 1
    assert FileTransport(path, max_bytes=1_000).send(batch(frame(2, 0))).taken == 1
    assert numbers(read_frames(path)) == [(2, 0)]
