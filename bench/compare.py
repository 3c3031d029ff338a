"""Ours beside the official encoder and the Rust crate: CPU time per point, wall time, and ratios.

    python bench/compare.py                            everything, about ten minutes
    python bench/compare.py --workloads ab --rounds 1

The Rust crate is there once it is built: cargo build --release in bench/rust. Read the ratios:
machines differ, and are shared.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

from encoders import ENCODERS
from rounds import in_turns, ratio
from timed import RUST
from workloads import workloads

# (title, what is divided, by what)
RATIOS = (
    ("official / packed", "official", "packed"),
    ("official one / one", "official, one point", "one point"),
    ("one / Rust", "one point", "Rust crate"),
    ("packed / Rust", "packed", "Rust crate"),
    ("packed / touch", "packed", "touch"),
)
CUMULATIVE = ("packed", "one point", "touch", "official")


def compare(letters: str, rounds: int) -> list[dict[str, Any]]:
    rows = []
    for delta in (True, False):
        for letter in letters:
            names = [*ENCODERS, *(["Rust crate"] if RUST.exists() else [])]
            around = [] if delta else ["--cumulative"]
            cases = {
                name: ["--workload", letter, "--encoder", name, *around]
                for name in (names if delta else CUMULATIVE)
            }
            spent = in_turns(cases, rounds)
            made = workloads(delta)[letter]
            rows.append(
                {
                    "workload": made.name,
                    "temporality": "delta" if delta else "cumulative",
                    "points": made.points,
                    "ns": {
                        n: round(median(s.cpu) / made.points * 1e9, 1) for n, s in spent.items()
                    },
                    "wall / CPU": {n: round(median(s.wall), 2) for n, s in spent.items() if s.wall},
                    "ratios": {
                        title: round(ratio(spent[above].cpu, spent[below].cpu), 2)
                        for title, above, below in RATIOS
                        if above in spent and below in spent
                    },
                }
            )
            print(shown(rows[-1]), flush=True)
    return rows


def shown(row: dict[str, Any]) -> str:
    cells = [f"{row['workload']}, {row['temporality']}"]
    cells += [f"{row['ns'][name]:,.0f}" if name in row["ns"] else "" for name in COLUMNS]
    cells += [f"{row['wall / CPU'][name]:.2f}" for name in WALLS]
    cells += [f"{row['ratios'][r[0]]:.2f}" if r[0] in row["ratios"] else "" for r in RATIOS]
    return f"| {' | '.join(cells)} |"


COLUMNS = (*ENCODERS, "Rust crate")
# Whose wall time stands beside the CPU time.
WALLS = ("packed", "one point", "official")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", default="abcde", help="letters")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    walls = (f"{name}, wall / CPU" for name in WALLS)
    heads = ["ns per point", *COLUMNS, *walls, *(r[0] for r in RATIOS)]
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    rows = compare(arguments.workloads, arguments.rounds)
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
