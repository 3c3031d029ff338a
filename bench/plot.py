"""The results as pictures.

python bench/plot.py          results/*.json → results/speed.png, results/scaling.png
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot

RESULTS = Path(__file__).with_name("results")


def speed() -> None:
    rows = json.loads((RESULTS / "compare.json").read_text())
    rows = [row for row in rows if row["temporality"] == "delta"]
    names = list(rows[0]["ns"])
    figure, axes = pyplot.subplots(figsize=(10, 4.5), layout="constrained")
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        at = [index + place * width for index in range(len(rows))]
        axes.bar(at, [row["ns"][name] / 1e3 for row in rows], width, label=name)
    axes.set_xticks(
        [index + 0.4 - width / 2 for index in range(len(rows))], [row["workload"] for row in rows]
    )
    axes.set_yscale("log")
    axes.set_ylabel("microseconds of CPU per point, delta")
    axes.legend(ncols=4, fontsize="small")
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(RESULTS / "speed.png", dpi=110)


def scaling() -> None:
    curves = json.loads((RESULTS / "scaling.json").read_text())
    figure, every = pyplot.subplots(1, len(curves), figsize=(15, 3.5), layout="constrained")
    for axes, (title, curve) in zip(every, curves.items(), strict=True):
        for name, spent in curve["us"].items():
            axes.plot(curve["x"], spent, marker="o", label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(curve["x"], [f"{x:,}" for x in curve["x"]], fontsize="small")
        axes.minorticks_off()
        axes.set_title(title)
        axes.grid(alpha=0.3)
    every[0].set_ylabel("microseconds per export")
    every[0].legend(fontsize="small")
    figure.savefig(RESULTS / "scaling.png", dpi=110)


if __name__ == "__main__":
    speed()
    scaling()
