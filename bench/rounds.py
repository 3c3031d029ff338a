"""Several measurements in turns, so that a machine's good and bad minutes fall on all of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

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


def in_turns(cases: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Case → the median of each round, in seconds. ``cases``: options of ``timed.py``."""
    medians: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, options in cases.items():
            medians[name].append(median(run(options).get_values()))
    return medians


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
