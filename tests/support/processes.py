"""Child processes: a forked one that runs a function, and a fresh one that writes frames."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile


def fork(task: Callable[[], None]) -> int:
    """The id of a child that runs ``task`` and ends: 0 when it returned, 1 when it raised."""
    with warnings.catch_warnings():
        # 3.12 warns when other tests left threads behind; the child calls nothing they hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)  # a child that hangs must not outlive the tests
        try:
            task()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def wait(child: int) -> int:
    """The exit status of a child, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_child(task: Callable[[], None]) -> None:
    assert wait(fork(task)) == 0, "the child's traceback is in the captured output"


PROGRAM = """
import sys
sys.path[:] = eval(sys.argv[1])
from otel_etw.encoding.frames import Frames
from otel_etw.transports.file import FileTransport

content = sys.stdin.buffer.read()
frames = []
while content:
    length = int.from_bytes(content[:4], "big")
    frames.append(content[4 : 4 + length])
    content = content[4 + length :]
transport = FileTransport(sys.argv[2], max_bytes=eval(sys.argv[4]), backups=100_000)
while True:
    for frame in frames:
        delivery = transport.send(Frames([frame], [1]))
        assert delivery.taken == 1, delivery
        sys.stdout.buffer.write(b".")
        sys.stdout.buffer.flush()
    if sys.argv[3] == "once":
        break
"""


def spawn_writer(
    path: Path, frames: list[bytes], how: str, max_bytes: int | None = None
) -> subprocess.Popen[bytes]:
    """A fresh interpreter that writes the frames one by one and prints a dot for each taken;
    ``how``: once, or endlessly."""
    with TemporaryFile() as given:
        given.write(b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames))
        given.seek(0)
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, repr(sys.path), str(path), how, repr(max_bytes)],
            stdin=given,
            stdout=subprocess.PIPE,
        )
