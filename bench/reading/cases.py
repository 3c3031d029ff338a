"""What is timed: one case of one file, in a process of its own, and nothing else in it.

    python bench/reading/cases.py CASE FILE [RUNS]

prints a line of JSON a run: points or records, seconds of CPU of the process (all its threads), of
wall time, and the most memory that the process ever took, in MB.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import etl_shapes
import peers

from otel_etw import captures
from otel_etw.captures.capture import CHUNK

# The way from a file to the function that is timed; it returns how much was read, or None where
# the points are counted beforehand.
Case = Callable[[Path], Callable[[], int]]


def frames(path: Path) -> list[bytes]:
    return [item.payload for item in captures.open(path) if isinstance(item, captures.Frame)]


def decode(path: Path) -> Callable[[], int]:
    """Frames in memory → columns, which are thrown away; validation included."""
    return decoding(path, checked=False)


def decode_checked(path: Path) -> Callable[[], int]:
    """The same without validation, which the reader of a file has done already."""
    return decoding(path, checked=True)


def decoding(path: Path, checked: bool) -> Callable[[], int]:
    from otel_etw.captures.columns import Decoder

    payloads = frames(path)

    def run() -> int:
        decoder = Decoder()
        decoder.file(str(path))
        add, resume, take = decoder.add, decoder.resume, decoder.take
        for payload in payloads:
            if add(payload, 0, None, checked):
                take()
                while resume():
                    take()
        take()
        return decoder.points

    return run


def check(path: Path) -> Callable[[], int]:
    """Validation of frames in memory alone."""
    from otel_etw.captures.columns import check_request

    payloads = frames(path)
    count = points(path)

    def run() -> int:
        for payload in payloads:
            check_request(payload, 0, len(payload))
        return count

    return run


def find_frames(path: Path) -> Callable[[], int]:
    """File → frames, ours for their validation and recovery from damage."""

    def run() -> int:
        return sum(isinstance(item, captures.Frame) for item in captures.open(path))

    return run


def batches(path: Path) -> Callable[[], int]:
    """File → batches of columns."""
    return lambda: points(path)


def points(path: Path) -> int:
    return sum(map(len, in_batches(path)))


def in_batches(path: Path) -> Iterator[captures.Batch]:
    return (item for item in captures.batches(path) if isinstance(item, captures.Batch))


def of_file(read: Callable[[Path], int]) -> Case:
    return lambda path: lambda: read(path)


def walk(path: Path) -> int:
    """Every record of a log found and counted, with the events of ours as bytes: what the peers
    do. ``find frames`` does more: it checks their payloads and brings them into order."""
    from otel_etw.captures.etl.buffers import HEADER, Buffers
    from otel_etw.captures.etl.reader import Walk
    from otel_etw.provider import DEFAULT_PROVIDER

    buffers, walking = Buffers(), Walk(DEFAULT_PROVIDER.guid.bytes_le)
    with path.open("rb", buffering=0) as file:
        while data := file.read(CHUNK):
            for buffer in buffers.feed(data):
                start = buffer.start
                walking.buffer(buffer.data, start + HEADER, start + buffer.header.valid, True)
    return sum(walking.records)


def expand(module: str) -> Case:
    """Compressed buffers of a log → their content, nothing else."""

    def made(path: Path) -> Callable[[], int]:
        expanded = import_module(f"otel_etw.captures.etl.{module}").expanded
        compressed = list(etl_shapes.compressed_buffers(path))

        def run() -> int:
            for content, size in compressed:
                expanded(etl_shapes.XPRESS, content, size)
            return len(compressed)

        return run

    return made


def protobuf(path: Path) -> Callable[[], int]:
    payloads, count = frames(path), points(path)

    def run() -> int:
        peers.protobuf(payloads)
        return count

    return run


def csv(path: Path) -> int:
    """File → CSV, thrown away."""
    from otel_etw.captures.columns import csv_rows

    return written(path, csv_rows)


def json_lines(path: Path) -> int:
    """File → JSON Lines, thrown away."""
    from otel_etw.captures.columns import json_rows

    return written(path, json_rows)


def written(path: Path, rows: Callable[[captures.Batch], Iterator[bytes]]) -> int:
    count = 0
    with open(os.devnull, "wb", buffering=0) as file:
        for batch in in_batches(path):
            file.writelines(rows(batch))
            count += len(batch)
    return count


def overview(path: Path) -> int:
    """File → what each series did."""
    from otel_etw.captures.columns import Overview

    count, found = 0, Overview()
    for batch in in_batches(path):
        found.add(batch)
        count += len(batch)
    return count


def text(library: Callable[[list[object]], object], write: str) -> Case:
    def made(path: Path) -> Callable[[], int]:
        read = list(in_batches(path))
        count = sum(map(len, read))
        ready = library(list(read))
        del read
        output = path.with_suffix(f".{write}")

        def run() -> int:
            getattr(ready, write)(output)
            output.unlink()
            return count

        return run

    return made


CASES: dict[str, Case] = {
    "decode": decode,
    "decode, checked": decode_checked,
    "check": check,
    "find frames": find_frames,
    "batches": batches,
    "CSV": of_file(csv),
    "JSON Lines": of_file(json_lines),
    "overview": of_file(overview),
    "walk": of_file(walk),
    "expand": expand("expand"),
    "expand in Python": expand("expand_reference"),
    "protobuf": protobuf,
    "etl-parser": of_file(peers.etl_parser),
    "dissect.etl": of_file(peers.dissect_etl),
    "polars, CSV": text(peers.Polars, "csv"),
    "polars, JSON Lines": text(peers.Polars, "json_lines"),
    "pyarrow, CSV": text(peers.PyArrow, "csv"),
}


def main() -> None:
    name, path, runs = sys.argv[1], Path(sys.argv[2]), int((sys.argv[3:] or ["1"])[0])
    run = CASES[name](path)
    for _ in range(runs):
        cpu, wall = time.process_time(), time.perf_counter()
        count = run()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        print(json.dumps([count, cpu, wall, peak]), flush=True)


if __name__ == "__main__":
    main()
