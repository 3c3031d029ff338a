"""``otel-etw convert``: captures as files of other programs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from io import TextIOWrapper
from typing import BinaryIO, NamedTuple, Protocol, cast

import click

from otel_etw.cli.choice_options import ChosenPoints, choice_options
from otel_etw.cli.file_arguments import expand_files
from otel_etw.cli.newest_batches import NewestBatches
from otel_etw.cli.output_files import COMPRESSIONS, OutputFailed, refuse_inputs, replaced
from otel_etw.cli.outputs import CsvOutput, JsonLinesOutput, Output, Sink
from otel_etw.cli.reading import CaptureRun, Consumer, PointConsumer
from otel_etw.cli.sinks import TextSink
from otel_etw.cli.streams import OUTPUT_FAILED, say

__all__ = ["convert"]

_EPILOG = """\b
Examples:
  otel-etw convert metrics.pb -o metrics.parquet
  otel-etw convert m-*.pb m.pb -o api.csv.gz --name "http.*" --attribute http.route=/api
  otel-etw convert trace.etl -o metrics.pb          what a Collector's otlpjsonfile family reads
  otel-etw convert metrics.pb -o - --format arrow | program

\b
Exit codes:
  0    everything was converted
  1    some input is damaged; the rest was converted, the damage named on stderr
  2    wrong usage, or a file that cannot be opened or is no capture
  3    the output cannot be written
  130  interrupted
"""
