"""What transports add to encoding, on workload a; and an export while nobody listens.

python bench/transports.py
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

from encoders import TRANSPORTS
from rounds import in_turns, ratio
from workloads import workloads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    spent = in_turns({name: ["--encoder", name] for name in TRANSPORTS}, arguments.rounds)
    points = workloads(True)["a"].points
    null, written = spent["null"].cpu, spent["write alone"].cpu
    less = [file - write for file, write in zip(spent["file"].cpu, written, strict=True)]
    found = {
        **{f"{name}, ns/point": median(s.cpu) / points * 1e9 for name, s in spent.items()},
        **{f"{name}, wall / CPU": median(s.wall) for name, s in spent.items()},
        "memory / null": ratio(spent["memory"].cpu, null),
        "(file - write alone) / null": ratio(less, null),
        "nobody, us/export": median(spent["nobody"].cpu) * 1e6,
    }
    del found["nobody, ns/point"], found["nobody, wall / CPU"]
    for name, value in found.items():
        print(f"| {name} | {value:,.2f} |")
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
