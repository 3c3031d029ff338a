"""What importing the exporter takes beyond the SDK's own import.

python bench/startup.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pyperf

PROGRAM = """
import time
import opentelemetry.sdk.metrics, opentelemetry.sdk.metrics.export
import opentelemetry.sdk.metrics.view, opentelemetry.sdk.resources
begin = time.thread_time()
from otel_etw import ETWMetricExporter
print(time.thread_time() - begin)
"""


def imports(loops: int) -> float:
    # With compiled files, as an installed package has them.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    spent = 0.0
    for _ in range(loops):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        spent += float(done.stdout)
    return spent


def main() -> None:
    runner = pyperf.Runner(values=20, warmups=2, loops=1, processes=1)
    runner.argparser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    arguments = runner.parse_args()
    bench = runner.bench_time_func("import otel_etw", imports)
    if bench and arguments.json and not arguments.worker:
        found = {"import otel_etw, ms": bench.median() * 1e3}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
