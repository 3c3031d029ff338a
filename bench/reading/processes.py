"""Measured processes: cases of ours and of Python peers, the Rust crate, whole commands.

Imports nothing large: on Linux a child's peak of memory begins with its parent's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).parent
RUST = HERE / "otlp2records/target/release/otlp2records-bench"

# Beside the file that a command reads, what it writes, removed behind it.
OUTPUT = "{output}"


class Spent(NamedTuple):
    count: float
    """Points or records; 0 where the process does not tell."""
    cpu: float
    """Seconds, all threads."""
    wall: float
    """Seconds."""
    peak: float
    """MB; 0 where it is not measured."""
    kernel: float = 0
    """Seconds of the CPU time that the system took, of commands alone: reading, writing, memory."""


class Process(NamedTuple):
    """``kind``: a case of ``cases.py``, RUST_CRATE, or arguments of the command ``otel-etw``."""

    kind: str | tuple[str, ...]
    shape: str
    runs: int = 3
    """How often the case runs in its process; the median counts. A command runs once."""

    @property
    def is_command(self) -> bool:
        return isinstance(self.kind, tuple)


RUST_CRATE = "otlp2records"


def measure(process: Process, path: Path) -> Spent:
    if isinstance(process.kind, tuple):
        return command(process.kind, path)
    if process.kind == RUST_CRATE:
        return rust(path, process.runs)
    arguments = [sys.executable, str(HERE / "cases.py"), process.kind, str(path), str(process.runs)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, check=True, text=True)
    return middle([Spent(*json.loads(line)) for line in done.stdout.splitlines()])


def middle(turns: list[Spent]) -> Spent:
    """The median of each."""
    return Spent(*(median(each) for each in zip(*turns, strict=True)))


def rust(path: Path, runs: int) -> Spent:
    """CPU time of its transform alone."""
    done = subprocess.run(
        [str(RUST), str(path), str(runs)], stdout=subprocess.PIPE, check=True, text=True
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    cpu = median(int(nanoseconds) / 1e9 for _, nanoseconds in lines)
    return Spent(int(lines[0][0]), cpu, cpu, 0)


def command(arguments: tuple[str, ...], path: Path) -> Spent:
    """The whole process, from its start to its end, and what it reports of itself to the kernel."""
    output = path.with_name(f"written-{path.name}")
    words = [word.replace(OUTPUT, str(output)) for word in arguments]
    words.insert(1, str(path))
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "otel_etw", *words],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    for written in path.parent.glob(f"written-{path.name}*"):
        written.unlink()
    if status:
        raise RuntimeError(
            f"otel-etw {' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}"
        )
    peak = usage.ru_maxrss * 1024 / 1e6
    return Spent(0, usage.ru_utime + usage.ru_stime, wall, peak, usage.ru_stime)
