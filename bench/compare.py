"""Ours beside the official encoder, in one run: time per point and ratios.

    python bench/compare.py                  all workloads, delta and cumulative
    python bench/compare.py --workloads ab   only these
    python bench/compare.py -o FILE          keep pyperf's raw figures too

Each value is one export of fresh data. Encoders run in processes of their own, in turns; machines
are shared and noisy, so read the ratios. Needs the dependency group ``bench``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import pyperf
from workloads import Workload, workloads

from otel_etw import ETWMetricExporter
from otel_etw.encoding import Encoder, Losses
from otel_etw.provider import ETW_LIMIT
from otel_etw.transports.null import NullTransport


def official(data: Any) -> None:
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    encode_metrics(data).SerializeToString()


def ours(**arguments: Any) -> Callable[[Any], Any]:
    return ETWMetricExporter(transport=NullTransport(), **arguments).export


def plain(data: Any) -> None:
    for _ in Encoder(native=False).encode(data, ETW_LIMIT, Losses()):
        pass


ENCODERS: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "official": lambda: official,
    "packed": ours,
    "one point an event": lambda: ours(max_points_per_event=1),
    "plain Python": lambda: plain,
}


def measure(loops: int, workload: str, delta: bool, encoder: str) -> float:
    """Seconds for ``loops`` exports, their data made in between and not counted."""
    made = workloads(delta)[workload]
    export = ENCODERS[encoder]()
    export(made.fresh())
    spent = 0.0
    for _ in range(loops):
        data = made.fresh()
        begin = time.perf_counter()
        export(data)
        spent += time.perf_counter() - begin
    return spent


def main() -> None:
    runner = pyperf.Runner(
        processes=3, values=3, warmups=1, loops=1, program_args=(__file__,), add_cmdline_args=_pass
    )
    runner.argparser.add_argument("--workloads", default="abcde", help="letters")
    arguments = runner.parse_args()
    results: dict[tuple[str, bool], dict[str, float]] = {}
    for delta in (True, False):
        for letter in arguments.workloads:
            for encoder in ENCODERS:
                temporality = "delta" if delta else "cumulative"
                bench = runner.bench_time_func(
                    f"{letter}, {temporality}, {encoder}", measure, letter, delta, encoder
                )
                if bench is not None and not arguments.worker:
                    results.setdefault((letter, delta), {})[encoder] = bench.median()
    if results and not arguments.worker:
        show(results)


def _pass(command: list[str], arguments: argparse.Namespace) -> None:
    """What a worker process must be told too."""
    command.extend(("--workloads", arguments.workloads))


def show(results: dict[tuple[str, bool], dict[str, float]]) -> None:
    print("\n| workload | points | " + " | ".join(f"{e}, ns/point" for e in ENCODERS), end=" |")
    print(" official / packed | official / one |")
    print("|---" * (len(ENCODERS) + 4) + "|")
    for (letter, delta), row in results.items():
        made: Workload = workloads(delta)[letter]
        cells = " | ".join(f"{row[e] / made.points * 1e9:,.0f}" for e in ENCODERS)
        print(
            f"| {made.name}, {'delta' if delta else 'cumulative'} | {made.points:,} | {cells}"
            f" | {row['official'] / row['packed']:.1f} x"
            f" | {row['official'] / row['one point an event']:.1f} x |"
        )


if __name__ == "__main__":
    main()
