"""How long another thread waits for the interpreter while an export runs.

    python bench/stall.py

The other thread sleeps 100 microseconds at a time and notes by how much it wakes too late: the
longest time within an export, minus the longest within as long a sleep of the exporting thread.
Exports take their turns with it; the median of all is told, and the worst.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from encoders import EXPORTS
from workloads import workloads

NAP = 100e-6


class Watch:
    """The other thread."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop:
            begin = time.perf_counter()
            time.sleep(NAP)
            self._late.append(time.perf_counter() - begin - NAP)

    def during(self, work: Callable[[], object]) -> tuple[float, float]:
        """The longest lateness while ``work`` ran, and how long it ran."""
        self._late.clear()
        begin = time.perf_counter()
        work()
        took = time.perf_counter() - begin
        time.sleep(5 * NAP)  # let it note what it waits for
        return max(self._late), took


def stalls(encoder: str, letter: str, exports: int) -> list[float]:
    made = workloads(True)[letter]
    export = EXPORTS[encoder]()
    watch = Watch()
    found = []
    for _ in range(exports):
        data = made.fresh()
        time.sleep(0.01)
        late, took = watch.during(lambda data=data: export(data))  # type: ignore[misc]
        idle, _ = watch.during(lambda took=took: time.sleep(took))  # type: ignore[misc]
        found.append(late - idle)
    watch._stop = True
    return found[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exports", type=int, default=21)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    result = {}
    for letter in "abcd":
        for encoder in ("packed", "one point", "memory", "file", "official"):
            exports = 6 if encoder == "official" else arguments.exports
            found = stalls(encoder, letter, exports)
            result[f"{letter}, {encoder}"] = [median(found) * 1e3, max(found) * 1e3]
            print(f"| {letter}, {encoder} | {median(found) * 1e3:.2f} | {max(found) * 1e3:.2f} |")
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
