"""How the time of an export grows: with points, attributes, their length, buckets and threads.

python bench/scaling.py -o FILE
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from encoders import ENCODERS
from rounds import run
from workloads import shaped

NAMES = ("packed", "one point", "official")

# Curve → the option of ``timed.py`` that grows, and its values. 1,000 points of 3 attributes of 10
# characters otherwise.
CURVES: dict[str, tuple[str, tuple[int, ...]]] = {
    "points": ("series", (1, 10, 100, 1_000, 10_000, 50_000)),
    "attributes": ("attributes", (1, 2, 5, 10, 20)),
    "characters of a value": ("length", (10, 100, 1_000)),
    "buckets": ("buckets", (2, 16, 64, 160)),
}


def curve(option: str, values: tuple[int, ...]) -> dict[str, list[float]]:
    """Encoder → microseconds of an export for each value."""
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    for value in values:
        around = {"attributes": 3, option: value}
        options = [text for key, given in around.items() for text in (f"--{key}", str(given))]
        for name in NAMES:
            bench = run(["--encoder", name, "--values", "3", *options])
            found[name].append(bench.median() * 1e6)
    return found


def threads(counts: tuple[int, ...], exports: int = 20) -> dict[str, list[float]]:
    """Encoder → microseconds of wall time an export when so many threads export at once, each with
    an exporter of its own."""
    data = shaped(1000, 3, 10, 0).fresh()
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    for name in NAMES:
        for count in counts:
            each = [ENCODERS[name]() for _ in range(count)]
            spent = []
            for _ in range(5):
                workers = [
                    threading.Thread(target=lambda e=e: [e(data) for _ in range(exports)])
                    for e in each
                ]
                begin = time.perf_counter()
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
                spent.append((time.perf_counter() - begin) / exports / count)
            found[name].append(median(spent) * 1e6)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    for title, (option, values) in CURVES.items():
        result[title] = {"x": values, "us": curve(option, values)}
    result["threads"] = {"x": (1, 2, 4, 8), "us": threads((1, 2, 4, 8))}
    for title, found in result.items():
        print(f"\n| {title} | {' | '.join(map(str, found['x']))} |")
        print("|---" * (len(found["x"]) + 1) + "|")
        for name, spent in found["us"].items():
            print(f"| {name}, us | {' | '.join(f'{each:,.0f}' for each in spent)} |")
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
