"""Memory: the most that an export of 1,000,000 points adds, and what 10,000 exports leave behind.

    python bench/memory.py

Read from Linux's /proc: resident memory, and its high-water mark, which can be reset.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from encoders import ENCODERS
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope


def of_points(points: list[NumberDataPoint]) -> MetricsData:
    metric = Metric("requests", "", "1", Sum(points, AggregationTemporality.DELTA, True))
    scope = ScopeMetrics(InstrumentationScope("bench", "1.0"), [metric], "")
    return MetricsData([ResourceMetrics(Resource({"service.name": "bench"}), [scope], "")])


def points(count: int, seed: int = 0) -> list[NumberDataPoint]:
    return [
        NumberDataPoint({"datapoint key": f"datapoint value {seed}.{n}"}, 1, 2, n)
        for n in range(count)
    ]


def resident(field: str) -> float:
    """MiB of a field of /proc/self/status."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def peak(encoder: str, count: int) -> float:
    """MiB that an export of so many points adds at most. They are the same 1,000 objects over and
    over: an exporter that keeps nothing cannot tell."""
    export = ENCODERS[encoder]()
    export(of_points(points(10)))
    data = of_points(points(1000) * (count // 1000))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = resident("VmRSS")
    export(data)
    return resident("VmHWM") - before


def kept(encoder: str, exports: int) -> float:
    """MiB more after the last export than after a tenth of them. Each has new series, and a
    resource and a scope of its own."""
    export: Callable[[Any], Any] = ENCODERS[encoder]()
    before = 0.0
    for number in range(exports):
        if number == exports // 10:
            before = resident("VmRSS")
        export(of_points(points(10, number)))
    return resident("VmRSS") - before


MEASURES: dict[str, Callable[[], float]] = {
    "peak, packed, 10,000 points": lambda: peak("packed", 10_000),
    "peak, packed, 1,000,000 points": lambda: peak("packed", 1_000_000),
    "peak, one point an event, 1,000,000 points": lambda: peak("one point", 1_000_000),
    "peak, official, 100,000 points": lambda: peak("official", 100_000),
    "kept after 10,000 exports, packed": lambda: kept("packed", 10_000),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    if arguments.measure:
        print(MEASURES[arguments.measure]())
        return
    found = {}
    for name in MEASURES:
        # Each in a process of its own: memory that one gave back the next would use.
        command = [sys.executable, __file__, "--measure", name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[name] = float(done.stdout)
        print(f"| {name} | {found[name]:.2f} MiB |", flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
