"""Seconds of CPU that one export takes, measured by pyperf: what the other scripts call.

    python bench/timed.py --workload a --encoder packed
    python bench/timed.py --workload a --encoder packed --cumulative --series 100

Each value is an export of data that is new to the process, as a living process has it. CPU time of
the thread: other people's load on the machine then matters less.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyperf
from encoders import EXPORTS
from workloads import Workload, shaped, workloads

RUST = Path(__file__).parent / "rust/target/release/otel-etw-bench"

# What pyperf must pass to its worker processes.
OPTIONS = {
    "workload": "a",
    "encoder": "packed",
    "instruments": None,
    "series": None,
    "attributes": None,
    "length": None,
    "buckets": None,
}


def measure(loops: int, made: Workload, encoder: str) -> float:
    if encoder == "Rust crate":
        return rust(loops, made)
    export = exporter(encoder)
    data = [made.fresh()]
    # Where one is too short for a clock.
    if made.points < 100:
        data = [made.fresh() for _ in range(200)]
    elif encoder == "nobody":
        data *= 1000
    spent = 0.0
    for _ in range(loops):
        begin = time.thread_time()
        for each in data:
            export(each)
        spent += time.thread_time() - begin
    return spent / len(data)


@cache
def exporter(encoder: str) -> Callable[[Any], Any]:
    return EXPORTS[encoder]()


def rust(loops: int, made: Workload) -> float:
    """The published crate's own export; the first is left out, as everywhere."""
    exports = loops if made.points >= 100 else 200
    command = [str(RUST), made.name[0], str(exports + 1), str(made.instruments), str(made.series)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    nanoseconds = [int(line) for line in done.stdout.split()]
    return sum(nanoseconds[1 : exports + 1]) / exports * loops / 1e9


def chosen(arguments: argparse.Namespace) -> Workload:
    if arguments.attributes or arguments.length or arguments.buckets:
        return shaped(
            series=arguments.series or 1000,
            attributes=arguments.attributes or 3,
            length=arguments.length or 10,
            buckets=arguments.buckets or 0,
        )
    sizes = {}
    if arguments.series:
        sizes[arguments.workload] = (arguments.instruments or 1, arguments.series)
    return workloads(not arguments.cumulative, sizes)[arguments.workload]


def pass_on(command: list[str], arguments: argparse.Namespace) -> None:
    for name in OPTIONS:
        if (value := getattr(arguments, name)) is not None:
            command.extend((f"--{name}", str(value)))
    if arguments.cumulative:
        command.append("--cumulative")


def main() -> None:
    runner = pyperf.Runner(values=5, warmups=1, loops=1, processes=1, add_cmdline_args=pass_on)
    for name, default in OPTIONS.items():
        kind = str if name in ("workload", "encoder") else int
        runner.argparser.add_argument(f"--{name}", default=default, type=kind)
    runner.argparser.add_argument("--cumulative", action="store_true")
    arguments = runner.parse_args()
    made = chosen(arguments)
    runner.bench_time_func(f"{made.name}, {arguments.encoder}", measure, made, arguments.encoder)


if __name__ == "__main__":
    main()
