"""Seconds of CPU and of wall time that one export takes, measured by pyperf: what the other
scripts call.

    python bench/timed.py --workload a --encoder packed
    python bench/timed.py --workload a --encoder packed --cumulative --series 100

Each value is an export of data that is new to the process, as a living process has it. What pyperf
shows is CPU time of the thread, to which other people's load on the machine matters less; ``--wall
FILE`` appends a line with wall time divided by CPU time for each value. It is above 1 where an
export sleeps, waits, or lets other threads run.
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


def measure(loops: int, made: Workload, encoder: str, wall: Path | None) -> float:
    if encoder == "Rust crate":
        return rust(loops, made)
    export = exporter(encoder)
    data = [made.fresh()]
    # Where one is too short for a clock.
    if made.points < 100:
        data = [made.fresh() for _ in range(200)]
    elif encoder == "nobody":
        data *= 1000
    cpu = passed = 0.0
    for _ in range(loops):
        cpu_begin, begin = time.thread_time(), time.perf_counter()
        for each in data:
            export(each)
        cpu += time.thread_time() - cpu_begin
        passed += time.perf_counter() - begin
    if wall:
        with wall.open("a", encoding="ascii") as file:
            print(passed / cpu, file=file)
    return cpu / len(data)


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
    if arguments.wall:
        command.extend(("--wall", str(arguments.wall)))


def main() -> None:
    runner = pyperf.Runner(values=5, warmups=1, loops=1, processes=1, add_cmdline_args=pass_on)
    for name, default in OPTIONS.items():
        kind = str if name in ("workload", "encoder") else int
        runner.argparser.add_argument(f"--{name}", default=default, type=kind)
    runner.argparser.add_argument("--cumulative", action="store_true")
    runner.argparser.add_argument("--wall", type=Path)
    arguments = runner.parse_args()
    made = chosen(arguments)
    runner.bench_time_func(
        f"{made.name}, {arguments.encoder}", measure, made, arguments.encoder, arguments.wall
    )


if __name__ == "__main__":
    main()
