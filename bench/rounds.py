"""Several measurements in turns, so that a machine's good and bad minutes fall on all of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pyperf

TIMED = Path(__file__).with_name("timed.py")
KEPT = ("cpu_model_name", "cpu_count", "platform", "python_version", "date")


def run(options: Iterable[str]) -> pyperf.Benchmark:
    """One pyperf process of ``timed.py``."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.json"
        command = [sys.executable, str(TIMED), "--quiet", "-o", str(file), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return pyperf.Benchmark.load(str(file))


class Spent(NamedTuple):
    """The median of each round."""

    cpu: list[float]
    """Seconds."""
    wall: list[float]
    """Times the CPU time; empty for a program of another language, which tells wall time."""


def in_turns(cases: dict[str, list[str]], rounds: int) -> dict[str, Spent]:
    """Case → what it took. ``cases``: options of ``timed.py``."""
    spent = {name: Spent([], []) for name in cases}
    for _ in range(rounds):
        for name, options in cases.items():
            with tempfile.TemporaryDirectory() as folder:
                wall = Path(folder) / "wall"
                wall.touch()
                spent[name].cpu.append(median(run([*options, "--wall", str(wall)]).get_values()))
                if ratios := wall.read_text(encoding="ascii").split():
                    # The first is the warm-up.
                    spent[name].wall.append(median(map(float, ratios[1:])))
    return spent


def ratio(above: list[float], below: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(a / b for a, b in zip(above, below, strict=True))


def machine() -> dict[str, str]:
    """Where and with what, as pyperf sees it."""
    from importlib.metadata import version

    metadata = run(["--workload", "e", "--values", "1"]).get_metadata()
    packages = (
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-common",
        "protobuf",
        "Cython",
        "pyperf",
    )
    found = {
        "command": "bench/run",
        **{key: str(metadata[key]) for key in KEPT if key in metadata},
        **{package: version(package) for package in packages},
    }
    if shutil.which("rustc"):
        done = subprocess.run(["rustc", "--version"], check=True, stdout=subprocess.PIPE, text=True)
        found["rustc"] = done.stdout.strip()
        lock = TIMED.with_name("rust").joinpath("Cargo.lock").read_text(encoding="utf-8")
        for crate in ("opentelemetry-etw-metrics", "opentelemetry_sdk"):
            found[crate] = lock.split(f'name = "{crate}"\nversion = "')[1].partition('"')[0]
    return found
