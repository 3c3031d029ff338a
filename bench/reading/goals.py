"""Reading beside the peers, and against the goals that were set: the table of README, "Reading".

    python bench/reading/goals.py                      everything
    python bench/reading/goals.py --only columns text  some groups
    python bench/reading/goals.py --rounds 1 --folder FOLDER   quicker, keeping the files

Every measurement is a process of its own; those of a row, ours and its peers, take turns, and the
median of the rounds counts. Rates and ratios are of CPU time of all threads, seconds are wall time.
With cargo the Rust crate otlp2records is built and measured too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from processes import HERE, OUTPUT, RUST, RUST_CRATE, Process, Spent, measure, middle


class Peer(NamedTuple):
    process: Process
    times: float | None = None
    """The goal: so many times as long as ours takes, a record; None: for comparison only."""


class Row(NamedTuple):
    title: str
    ours: Process
    peers: tuple[Peer, ...] = ()
    besides: Process | None = None
    """What takes away: the start of the same command."""
    rate: float | None = None
    """The goal: points a second, at least."""
    seconds: float | None = None
    peak: float | None = None
    """The goal: MB, at most."""
    rounds: int | None = None
    """Where one is long enough."""


def walks() -> Iterator[Row]:
    for title, shape, smaller in (
        ("20,000 events of 400 B", "small events", "small events"),
        ("20,000 events of 6 KB", "large events", "large events"),
        ("505,000 records, 1 % ours", "noisy", "noisy, a tenth"),
    ):
        etl_parser, dissect = Process("etl-parser", smaller, 1), Process("dissect.etl", smaller, 1)
        yield Row(
            f".etl walk: {title}", Process("walk", shape), (Peer(etl_parser, 50), Peer(dissect, 10))
        )
        yield Row(
            f".etl → frames: {title}",
            Process("find frames", shape),
            (Peer(etl_parser), Peer(dissect)),
        )
    yield Row(
        ".etl → frames: compressed merged trace (XPRESS)",
        Process("find frames", "compressed"),
        (
            Peer(Process("expand in Python", "compressed", 1), 30),
            Peer(Process("dissect.etl", "compressed, a tenth", 1)),
        ),
    )
    yield Row(
        ".etl: XPRESS alone",
        Process("expand", "compressed"),
        (Peer(Process("expand in Python", "compressed", 1), 30),),
    )


def columns() -> Iterator[Row]:
    for shape, rate, share in (
        ("sums", 8e6, 0.2),
        ("shuffled", 5e6, 0.25),
        ("new", 1e6, 1.0),
        ("histograms", 2.5e6, 0.4),
        ("exponential", 0.5e6, 1.0),
    ):
        yield Row(
            f"frames → columns: {shape}",
            Process("decode", shape),
            (
                Peer(Process(RUST_CRATE, shape), 1 / share),
                Peer(Process("protobuf", shape, 1)),
            ),
            rate=rate,
        )
    yield Row("file → batches: sums", Process("batches", "sums"))


def parquet() -> Iterator[Row]:
    convert = ("convert", "-o", OUTPUT, "--format", "parquet")
    for shape, rate, peak in (
        ("many sums", 2.5e6, 200),
        ("many histograms", 1e6, 200),
        ("many new", None, 300),
    ):
        yield Row(
            f"10 million points → Parquet: {shape}",
            Process(convert, shape),
            rate=rate,
            peak=peak,
            rounds=1,
        )


def text() -> Iterator[Row]:
    for title, wanted in (("CSV", "csv"), ("JSON Lines", "jsonl")):
        libraries = ["polars", "pyarrow"] if wanted == "csv" else ["polars"]
        convert = ("convert", "-o", OUTPUT, "--format", wanted)
        yield Row(
            f"{title} out: sums",
            Process(convert, "sums"),
            tuple(Peer(Process(f"{library}, {title}", "sums", 1)) for library in libraries),
            besides=Process(convert, "few"),
            rate=1e6,
        )


def overview() -> Iterator[Row]:
    view, start = ("view",), Process(("view",), "few")
    yield Row("view: start-up, a small file", start, seconds=0.5)
    for title, shape, seconds, peak in (
        ("1,000 series", "sums", 0.5, 40),
        ("1 million series", "new", 3, 500),
    ):
        yield Row(
            f"view: 1 million points, {title}",
            Process(view, shape),
            besides=start,
            seconds=seconds,
            peak=peak,
        )
    yield Row("view: .etl of 1 GB, 1 % ours", Process(view, "gigabyte"), seconds=3, rounds=1)
    yield Row("info: .etl of 1 GB, 1 % ours", Process(("info",), "gigabyte"), seconds=3, rounds=1)


GROUPS = {
    "walks": walks,
    "columns": columns,
    "text": text,
    "overview": overview,
    "parquet": parquet,
}


class File(NamedTuple):
    path: Path
    count: int
    """Its points or records."""


def file_of(folder: Path, shape: str) -> File:
    """Written by a process of its own: what this one has in memory its children begin with."""
    arguments = [sys.executable, str(HERE / "shapes.py"), str(folder), shape]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True)
    path, _, count = done.stdout.strip().rpartition(" ")
    return File(Path(path), int(count))


class Measured:
    """A row's processes, in turns."""

    def __init__(self, row: Row, folder: Path, rounds: int) -> None:
        self._row = row
        processes = [row.ours, *(peer.process for peer in row.peers)]
        if row.besides:
            processes.append(row.besides)
        if not RUST.exists():
            processes = [process for process in processes if process.kind != RUST_CRATE]
        self._files = {process: file_of(folder, process.shape) for process in processes}
        self._turns: dict[Process, list[Spent]] = {process: [] for process in processes}
        for _ in range(row.rounds or rounds):
            for process, turns in self._turns.items():
                turns.append(self._checked(process))

    def _checked(self, process: Process) -> Spent:
        """One measurement; what a case read must be all there is."""
        file = self._files[process]
        spent = measure(process, file.path)
        # Some count the record that begins a log.
        if process.kind in COUNTING and spent.count not in (file.count, file.count + 1):
            raise RuntimeError(f"{process.kind}: {spent.count:,.0f} of {file.count:,}")
        return spent

    def _spent(self, process: Process) -> Spent:
        """The median of the rounds."""
        return middle(self._turns[process])

    def _each(self, process: Process) -> float:
        """Seconds of CPU a point or record."""
        spent = self.ours if process == self._row.ours else self._spent(process)
        return spent.cpu / self._files[process].count

    @property
    def ours(self) -> Spent:
        """Without what takes away, but for memory."""
        spent = self._spent(self._row.ours)
        if self._row.besides:
            less = self._spent(self._row.besides)
            spent = spent._replace(
                cpu=spent.cpu - less.cpu,
                wall=spent.wall - less.wall,
                kernel=spent.kernel - less.kernel,
            )
        return spent

    def _times(self) -> Iterator[tuple[Peer, float]]:
        """How many times as long each peer takes for a point or record."""
        for peer in self._row.peers:
            if peer.process in self._turns:
                yield peer, self._each(peer.process) / self._each(self._row.ours)

    def verdicts(self) -> Iterator[tuple[str, bool]]:
        """Each goal beside what was measured, and whether it is met."""
        row, ours = self._row, self.ours
        if row.rate:
            rate = 1 / self._each(row.ours)
            yield f"{millions(rate)} ≥ {millions(row.rate)}", rate >= row.rate
        for peer, times in self._times():
            if peer.times:
                yield f"{peer.process.kind} {times:.3g} ≥ {peer.times:.3g}", times >= peer.times
        if row.seconds:
            yield f"{ours.wall:.2f} s ≤ {row.seconds} s", ours.wall <= row.seconds
        if row.peak:
            yield f"{ours.peak:.0f} MB ≤ {row.peak:.0f} MB", ours.peak <= row.peak

    def line(self) -> str:
        """A row of the table."""
        row, ours = self._row, self.ours
        verdicts = list(self.verdicts())
        cells = [
            row.title,
            f"{self._each(row.ours) * 1e9:,.0f}",
            f"{ours.cpu:.3f}",
            f"{ours.kernel:.3f}" if row.ours.is_command else "",
            f"{ours.wall:.3f}",
            f"{ours.peak:.0f}",
            ", ".join(f"{peer.process.kind} {times:.3g}" for peer, times in self._times()),
            "; ".join(text if met else f"**not** {text}" for text, met in verdicts),
            ("met" if all(met for _, met in verdicts) else "**missed**") if verdicts else "",
        ]
        return f"| {' | '.join(cells)} |"

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self._row.title,
            "ours": self.ours._asdict(),
            "processes": [
                {
                    "process": process.kind,
                    "file": process.shape,
                    "points or records": self._files[process].count,
                    "turns": [spent._asdict() for spent in turns],
                }
                for process, turns in self._turns.items()
            ],
            "goals": [{"goal": text, "met": met} for text, met in self.verdicts()],
        }


# Cases that tell how many points or records they read.
COUNTING = {
    RUST_CRATE,
    "batches",
    "decode",
    "dissect.etl",
    "etl-parser",
    "walk",
}
HEADS = (
    "what",
    "ns each",
    "CPU s",
    "of it kernel",
    "wall s",
    "peak MB",
    "peers, x ours",
    "goals",
    "",
)


def millions(rate: float) -> str:
    return f"{rate / 1e6:.2f} M/s"


def build_crate() -> None:
    if shutil.which("cargo"):
        manifest = HERE / "otlp2records/Cargo.toml"
        subprocess.run(
            ["cargo", "build", "--quiet", "--release", "--manifest-path", str(manifest)], check=True
        )


def versions() -> dict[str, str]:
    """What was measured, with what. The machine is in ``results/machine.json`` of ``bench/run``."""
    lock = (HERE / "otlp2records/Cargo.lock").read_text(encoding="utf-8")
    crate = lock.split('name = "otlp2records"\nversion = "')[1].partition('"')[0]
    packages = ("otel-etw", "etl-parser", "dissect.etl", "polars", "pyarrow", "protobuf")
    return {
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processors": str(os.cpu_count()),
        "otlp2records": crate,
        **{package: version(package) for package in packages},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--match", default="", help="only rows with this in their title")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files are, and stay")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    rows = [
        row for group in arguments.only for row in GROUPS[group]() if arguments.match in row.title
    ]
    build_crate()
    print(f"| {' | '.join(HEADS)} |\n{'|---' * len(HEADS)}|", flush=True)
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows:
            try:
                measured = Measured(row, folder, arguments.rounds)
            except (subprocess.CalledProcessError, RuntimeError) as error:
                print(f"| {row.title} | {error} |", flush=True)
                continue
            print(measured.line(), flush=True)
            found.append(measured.as_json())
    if arguments.output:
        written = {"with": versions(), "rows": found}
        arguments.output.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if len(found) < len(rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
