"""Instructions per point, counted by callgrind: they repeat on noisy machines, seconds do not.
Of exports, and of reading what was captured (``reading/counted.py``).

    python bench/instructions.py                  print the table
    python bench/instructions.py --check          fail where a count exceeds its budget
    python bench/instructions.py --record         write the counts as the new budget

Only what a case does is counted: before and behind it the process calls ``getppid``, at which
callgrind writes down what it counted since the last call. Of several times the cheapest counts. The
budget belongs to one interpreter, one compiler and one C library: Debian 12's.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

HERE = Path(__file__).parent
BUDGET = HERE / "budget.json"
RUST = HERE / "rust/target/release/otel-etw-bench"
READING = HERE / "reading/counted.py"

# Above its budget by more is a failure. Repeated counts differ by 0.002; the rest is for another
# processor, and for updates of the interpreter.
SLACK = 0.08

# Workload → instruments and series of the export that is counted: callgrind is slow. ``e`` is a
# small export as it is.
SIZES = {"a": (1, 1000), "b": (1, 500), "c": (1, 300), "d": (1, 100), "e": (2, 5)}
MODES = ("packed", "one point")

# The first exports of a process fill caches, and the interpreter specialises what it sees often.
WARM, COUNTED = 12, 5

# The C library copies memory in a way for each processor; this one they all have.
SAME_EVERYWHERE = {
    "PYTHONHASHSEED": "0",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS",
}


def export_all() -> None:
    """In the counted process: every workload in every mode, marks before and behind each export."""
    from encoders import ENCODERS
    from workloads import workloads

    for mode in MODES:
        export = ENCODERS[mode]()
        for letter, size in SIZES.items():
            made = workloads(True, sizes={letter: size})[letter]
            warm = made.fresh()
            for _ in range(WARM):
                export(warm)
            for _ in range(COUNTED):
                data = made.fresh()
                gc.collect()
                bytearray(100_000)  # at which the C library tidies up what collecting has freed
                os.getppid()
                export(data)
                os.getppid()


def counted(command: list[str]) -> list[int]:
    """Instructions between marks 1 and 2, 3 and 4, … of a command."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                "valgrind",
                "--tool=callgrind",
                "--dump-before=getppid",
                f"--callgrind-out-file={folder}/out",
                *command,
            ],
            env={**os.environ, **SAME_EVERYWHERE},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        texts = [path.read_text() for path in dumps]
    marks = [text for text in texts if "Trigger: --dump-before" in text]
    totals = [int(re.findall(r"^(?:totals|summary): (\d+)", t, re.M)[-1]) for t in marks]
    return totals[1::2]


def ours() -> dict[str, int]:
    totals = iter(counted([sys.executable, __file__, "--exports"]))
    return {
        f"{letter}, {mode}": cheapest(letter, islice(totals, COUNTED))
        for mode in MODES
        for letter in SIZES
    }


def cheapest(letter: str, totals: Iterable[int]) -> int:
    """Instructions a point."""
    instruments, series = SIZES[letter]
    return round(min(totals) / (instruments * series))


def reading() -> dict[str, int]:
    named = subprocess.run(
        [sys.executable, str(READING), "--points"], stdout=subprocess.PIPE, check=True
    )
    totals = iter(counted([sys.executable, str(READING)]))
    return {
        name: round(min(islice(totals, COUNTED)) / points)
        for name, points in json.loads(named.stdout).items()
    }


def rust() -> dict[str, int]:
    counts = {}
    for letter, (instruments, series) in SIZES.items():
        totals = counted([str(RUST), letter, str(COUNTED + 1), str(instruments), str(series)])
        # The first is left out, and its shutdown exports once more, nothing.
        counts[f"{letter}, Rust crate"] = cheapest(letter, totals[1 : COUNTED + 1])
    return counts


def check(counts: dict[str, int]) -> bool:
    budget = json.loads(BUDGET.read_text())
    good = counts.keys() == budget.keys()
    for name, allowed in budget.items():
        used = counts.get(name, float("inf"))
        verdict = "too many" if used > allowed * (1 + SLACK) else ""
        if used < allowed * (1 - SLACK):
            verdict = "fewer: record it"
        print(f"{name:24} {used:9,.0f} of {allowed:7,}  {verdict}")
        good = good and used <= allowed * (1 + SLACK)
    for name in counts.keys() - budget.keys():
        print(f"{name:24} {counts[name]:9,} has no budget: record it")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--exports", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    if arguments.exports:
        export_all()
        return
    counts = ours() | reading()
    if arguments.record:
        BUDGET.write_text(json.dumps(counts, indent=2) + "\n")
    if arguments.check:
        sys.exit(0 if check(counts) else 1)
    if RUST.exists():
        counts.update(rust())
    if arguments.output:
        arguments.output.write_text(json.dumps(counts, indent=1) + "\n")
    for name, count in counts.items():
        print(f"| {name} | {count:,} |")


if __name__ == "__main__":
    main()
