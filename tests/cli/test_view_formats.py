"""``view --format``: the same points as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_etw import captures
from otel_etw.captures import Frame
from otel_etw.captures.columns import CSV_COLUMNS
from otel_etw.cli.texts import printable
from tests.support.command_line import (
    ISO,
    capture,
    every_kind,
    gauge,
    records,
    run,
)
from tests.support.data import COLLECTOR


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    return capture(tmp_path / "m.pb", every_kind())


@pytest.mark.parametrize("text", ["plain", "Gr\u00fc\u00dfe \u4e16\u754c \U0001f600", "a\\b"])
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_json_lines_tell_all_there_is(everything: Path) -> None:
    lines = records(run("view", everything, "--format", "jsonl"))
    found = {record["metric"]: record for record in lines}
    assert found["int"]["value"] == 2**63 - 1
    assert found["nan"]["value"] == "NaN"
    assert found["inf"]["value"] == "-Infinity"
    assert found["sum"] == {
        "file": str(everything),
        "offset": 0,
        "metric": "sum",
        "kind": "sum",
        "unit": "By",
        "description": "bytes",
        "metadata": {},
        "temporality": "delta",
        "monotonic": True,
        "attributes": {"bytes": {"base64": "AP8="}, "nothing": None, "list": [2**53 + 1]},
        "scope": {
            "name": "lib",
            "version": "2.0",
            "attributes": {"pool": "main"},
            "schema_url": "https://example.org/s",
            "dropped_attributes_count": 0,
        },
        "resource": {
            "attributes": {"service.name": "tests"},
            "schema_url": "https://example.org/r",
            "dropped_attributes_count": 0,
        },
        "start": "2023-11-14T22:13:20.000000000Z",
        "time": ISO,
        "flags": 0,
        "value": 0.1,
        "exemplars": [
            {
                "value": 7,
                "time": "2023-11-14T22:14:20.123456788Z",
                "trace_id": "000102030405060708090a0b0c0d0e0f",
                "span_id": "0001020304050607",
                "attributes": {},
            }
        ],
    }
    assert found["histogram"]["bucket_counts"] == [2, 2, 0]
    assert found["histogram"]["bounds"] == [10.0, 30.0]
    assert found["histogram"]["estimates"] == {"p50": 10.0, "p90": 18.0, "p99": 19.8}
    assert found["exponential"]["positive"] == {"offset": 3, "counts": [1, 1]}
    assert found["exponential"]["scale"] == 1
    assert "min" not in found["exponential"]
    assert found["summary"]["quantiles"] == [[0.99, 4.5]]
    assert found["gone"]["flags"] == 1
    assert "value" not in found["gone"]


def test_json_is_one_array_of_the_same_objects(everything: Path) -> None:
    lines = records(run("view", everything, "--format", "jsonl"))
    assert json.loads(run("view", everything, "--format", "json").stdout) == lines
    nothing = run("view", everything, "--format", "json", "--name", "none")
    assert json.loads(nothing.stdout) == []


def test_csv_has_a_row_a_point_and_the_same_columns_always(everything: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("view", everything, "--format", "csv").stdout)))
    assert list(rows[0]) == list(CSV_COLUMNS)
    found = {row["metric"]: row for row in rows}
    assert len(found) == len(rows) == 8
    assert found["int"]["value"] == "9223372036854775807"
    assert found["nan"]["value"] == "NaN"
    assert (found["sum"]["monotonic"], found["sum"]["temporality"]) == ("true", "delta")
    assert json.loads(found["sum"]["attributes"])["bytes"] == {"base64": "AP8="}
    assert found["sum"]["exemplars"] == "1"
    assert (found["histogram"]["count"], found["histogram"]["p90"]) == ("4", "18.0")
    assert (found["int"]["count"], found["int"]["p90"]) == ("", "")
    assert found["gone"]["value"] == ""
    assert (found["sum"]["start"], found["sum"]["time"]) == (
        "2023-11-14T22:13:20.000000000Z",
        ISO,
    )
    assert json.loads(found["sum"]["resource"]) == {"service.name": "tests"}
    header = run("view", everything, "--format", "csv", "--name", "none").stdout
    assert header == ",".join(CSV_COLUMNS) + "\n"


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_cells_act_on_nothing(tmp_path: Path) -> None:
    """Neither on a terminal, nor in a spreadsheet."""
    names = ["=1+2", "+1", "-1", "@SUM(A1)", "a\x1b[31m\r\nb", "-", "a=1"]
    path = capture(tmp_path / "m.pb", *(gauge(-5, name=name, k="=1\x07") for name in names))
    text = run("view", path, "--format", "csv").stdout
    assert all(character.isprintable() or character == "\n" for character in text)
    rows = csv_rows(text)
    shown = ["'=1+2", "'+1", "'-1", "'@SUM(A1)", r"a\x1b[31m\r\nb", "-", "a=1"]
    assert [row["metric"] for row in rows] == shown
    assert {row["value"] for row in rows} == {"-5"}
    assert json.loads(rows[0]["attributes"]) == {"k": "=1\x07"}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_in_csv_is_json_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, key="\u4e16\u754c \U0001f600 caf\u00e9"))
    result = subprocess.run(
        [sys.executable, "-m", "otel_etw", "view", path, "--format", "csv"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        timeout=60,
        check=True,
    )
    (row,) = csv_rows(result.stdout.decode(encoding))
    assert json.loads(row["attributes"]) == {"key": "\u4e16\u754c \U0001f600 caf\u00e9"}


PARSE: dict[str, Callable[[str], list[dict[str, Any]]]] = {
    "jsonl": lambda text: [json.loads(row) for row in text.splitlines()],
    "json": json.loads,
    "csv": lambda text: list(csv.DictReader(io.StringIO(text))),
}


@pytest.mark.parametrize("name", ["proto.pb", "json.jsonl"])
def test_every_form_has_every_point_of_a_collectors_file(name: str) -> None:
    path = COLLECTOR / name
    read = [
        point.metric
        for item in captures.open(path)
        if isinstance(item, Frame)
        for point in captures.points(item.request)
    ]
    assert len(read) == 36
    for form in PARSE:
        result = run("view", path, "--format", form)
        assert result.exit_code == 0
        found = PARSE[form](result.stdout)
        assert [record["metric"] for record in found] == read


@pytest.mark.parametrize(
    "arguments", [("-o", "m.csv"), ("-o", "m.otlp.jsonl"), ("-o", "x", "--format", "otlp-proto")]
)
def test_an_output_is_what_convert_writes(
    everything: Path, tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for command in ("view", "convert"):
        (tmp_path / command).mkdir()
        monkeypatch.chdir(tmp_path / command)
        result = run(command, everything, *arguments, "--name", "s*")
        assert (result.exit_code, result.output) == (0, "")
        written.append((tmp_path / command / arguments[1]).read_bytes())
    assert written[0] == written[1] != b""


def test_other_formats_go_to_standard_output(everything: Path) -> None:
    shown = run("view", everything, "--format", "otlp-json")
    assert shown.stdout == run("convert", everything, "-o", "-", "--format", "otlp-json").stdout
    assert json.loads(shown.stdout)["resourceMetrics"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "m.json", "--format", "json"), "--output takes no json: one of parquet"),
        (("-o", "m.txt", "--format", "table"), "--output takes no table: one of parquet"),
        (("-o", "m.txt"), "its ending is none of .parquet"),
        (("-o", "m.csv", "--follow"), "--follow has no end"),
        (("--format", "otlp-json", "--follow"), "--follow has no end"),
    ],
)
def test_outputs_that_cannot_be_are_refused(
    everything: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = run("view", everything, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_an_output_is_not_written_where_nothing_was_read(tmp_path: Path) -> None:
    output = tmp_path / "m.csv"
    output.write_text("before")
    assert run("view", tmp_path / "absent", "-o", output).exit_code == 2
    assert output.read_text() == "before"
