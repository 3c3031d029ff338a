"""What is counted of reading, by callgrind through ``bench/instructions.py``.

    python bench/reading/counted.py            run all, marks before and behind each time
    python bench/reading/counted.py --points   print the cases and how many points one time has

A case reads export after export of 1,000 points, as from a file that goes on; what was learnt of
the first ones stays known.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from otlp_shapes import EXPORT, payloads

from otel_etw.captures.columns import Decoder, Overview, check_request, csv_rows, json_rows

# As in instructions.py.
WARM, COUNTED = 3, 5

SHAPES = ("sums", "shuffled", "new", "histograms", "exponential")

# Takes the frames of one export.
Case = Callable[[list[bytes]], object]


def decode() -> Case:
    decoder = Decoder()

    def run(frames: list[bytes]) -> object:
        for frame in frames:
            decoder.add(frame, 0, None, True)
        return decoder.take()

    return run


def check() -> Case:
    def run(frames: list[bytes]) -> object:
        return [check_request(frame, 0, len(frame)) for frame in frames]

    return run


def of_batch(consumer: Callable[[Any], object]) -> Case:
    decoded = decode()
    return lambda frames: consumer(decoded(frames))


def overview() -> Case:
    """Of a capture that goes on: the series are known by now."""
    return of_batch(Overview().add)


def text(rows: Callable[[Any], Iterator[bytes]]) -> Case:
    return of_batch(lambda batch: sum(map(len, rows(batch))))


CASES: dict[str, Callable[[], Case]] = {
    **{f"decode, {shape}": decode for shape in SHAPES},
    "check, sums": check,
    "check, histograms": check,
    "decode and overview, sums": overview,
    "decode and overview, histograms": overview,
    "decode and CSV, sums": lambda: text(csv_rows),
    "decode and JSON, sums": lambda: text(json_rows),
}


def main() -> None:
    if "--points" in sys.argv:
        print(json.dumps(dict.fromkeys(CASES, EXPORT)))
        return
    for name, made in CASES.items():
        run, exports = made(), payloads(name.rpartition(", ")[2])
        for frames in islice(exports, WARM):
            run(frames)
        for frames in islice(exports, COUNTED):
            gc.collect()
            bytearray(100_000)  # at which the C library tidies up what collecting has freed
            os.getppid()
            run(frames)
            os.getppid()


if __name__ == "__main__":
    main()
