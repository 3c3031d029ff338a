"""``demo``: this machine, measured and exported for real."""

from __future__ import annotations

import logging
import re
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from opentelemetry import metrics

from otel_etw import captures
from otel_etw.captures import Frame, Point
from otel_etw.transports.memory import InMemoryTransport
from tests.support.command_line import records, run

module = import_module("otel_etw.cli.demo")
measuring = import_module("otel_etw.cli.measuring")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def demo(*arguments: object) -> Result:
    """With one export, at the end."""
    return run("demo", "--seconds", "0.05", "--interval", "60", *arguments)


def points(path: Path) -> list[Point]:
    return [
        point
        for item in captures.open(path)
        if isinstance(item, Frame)
        for point in captures.points(item.request)
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="the default is a file where there is no ETW")
def test_the_default_is_a_file_that_view_shows(folder: Path) -> None:
    result = demo()
    assert (result.stderr, result.exit_code) == ("", 0)
    exported = points(folder / "otel-etw-demo.pb")
    names = {point.metric for point in exported}
    assert len(names) > 20
    assert {"system.memory.usage", "system.cpu.time"} <= names
    says = result.stdout.splitlines()
    assert says[0] == "Measuring this machine for 0.05 s, an export every 60 s,"
    assert says[1] == "to file:otel-etw-demo.pb."
    assert re.fullmatch(rf"  {len(exported)} points in 1 frame, [\d,]+ bytes", says[2])
    assert says[3].startswith(f"In all {len(exported)} points in 1 frame, ")
    assert says[3].endswith("; nothing lost.")
    assert says[4:] == ["Look at it: otel-etw view otel-etw-demo.pb"]
    assert len(records(run("view", "otel-etw-demo.pb", "--format", "jsonl"))) == len(exported)


def test_each_export_gets_a_line(folder: Path) -> None:
    result = run("demo", "--transport", "file:m.pb", "--seconds", "0.4", "--interval", "0.1")
    assert result.exit_code == 0
    frames = len(list(captures.open(folder / "m.pb")))
    assert frames >= 1
    assert result.stdout.count(" points in 1 frame, ") == frames + (frames == 1)
    assert f" in {frames} frame" in result.stdout


def test_a_second_run_adds_to_the_file_and_says_so(folder: Path) -> None:
    assert "already" not in demo("--transport", "file:a b.jsonl").stdout
    before = len(points(folder / "a b.jsonl"))
    result = demo("--transport", "file:a b.jsonl")
    assert "to file:a b.jsonl, after what is in it already." in result.stdout
    assert re.search(r"otel-etw view ['\"]a b\.jsonl['\"]", result.stdout)
    assert len(points(folder / "a b.jsonl")) > before


def test_the_command_to_look_at_the_file_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For file URLs and other names that a transport takes and a command may not."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    below = folder.as_posix().removeprefix("/")
    for spec in (
        f"file:///{below}/a%20b.pb",
        f"FILE://localhost/{below}/c.pb",
        "file:~/d.pb",
        "file:-e.pb",
        "file:f.pb?max_bytes=1000000",
    ):
        assert "already" not in demo("--transport", spec).stdout
        result = demo("--transport", spec)
        assert "after what is in it already" in result.stdout
        command = result.stdout.splitlines()[-1].partition("Look at it: otel-etw ")[2]
        words = [word.strip("\"'") for word in re.findall(r"'[^']*'|\"[^\"]*\"|\S+", command)]
        looked = run(*words, "--format", "jsonl")
        assert (looked.stderr, looked.exit_code) == ("", 0)
        assert looked.stdout


def test_the_global_provider_and_the_loggers_are_not_touched() -> None:
    logger = logging.getLogger("opentelemetry")
    before = metrics.get_meter_provider(), list(logger.handlers), logger.propagate
    threads = threading.active_count()
    demo()
    assert (metrics.get_meter_provider(), list(logger.handlers), logger.propagate) == before
    assert threading.active_count() == threads


def test_what_is_lost_is_told_and_the_exit_code_is_1(folder: Path) -> None:
    (folder / "taken").mkdir()
    result = demo("--transport", "file:taken")
    assert result.exit_code == 1
    handed_over = r"0 points in 0 frames, [\d,]+ bytes handed over"
    assert re.search(rf"  {handed_over}, \d+ points lost", result.stdout)
    assert re.search(rf"In all {handed_over}; lost: 1 frame .*, \d+ points \(\w+\)", result.stdout)
    assert "note: " in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.skipif(sys.platform == "win32", reason="auto is ETW there")
def test_where_nobody_listens_nothing_is_sent_and_that_is_said() -> None:
    result = demo("--transport", "auto")
    assert "  not sent: nobody listens" in result.stdout.splitlines()
    assert "In all 0 points" in result.stdout
    assert result.stdout.endswith("  otel-etw demo --transport file:otel-etw-demo.pb\n")
    assert result.exit_code == 0


def test_other_transports_are_taken(folder: Path) -> None:
    result = demo("--transport", "memory")
    assert result.exit_code == 0
    assert "'memory'" in result.stdout
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--transport", "carrier-pigeon"], ["carrier-pigeon", "file", "memory"]),
        (["--transport", "file:"], ["file"]),
        (["--seconds", "0"], ["--seconds", "more than 0"]),
        (["--seconds", "nan"], ["--seconds", "more than 0"]),
        (["--seconds", "inf"], ["--seconds", "604,800"]),
        (["--interval", "-1"], ["--interval", "more than 0"]),
        (["--interval", "soon"], ["--interval", "soon"]),
    ],
)
def test_wrong_usage_is_2(folder: Path, arguments: list[str], words: list[str]) -> None:
    result = run("demo", *arguments)
    assert result.exit_code == 2
    for word in words:
        assert word in result.stderr
    assert list(folder.iterdir()) == []


def test_what_psutil_cannot_tell_costs_one_line_and_its_metric(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown() -> Any:
        raise NotImplementedError("no such counter here")

    monkeypatch.setattr("psutil.swap_memory", unknown)
    result = run("demo", "--transport", "file:m.pb", "--seconds", "0.3", "--interval", "0.1")
    assert result.exit_code == 0
    notes = [text for text in result.stderr.splitlines() if "system.swap.usage" in text]
    assert notes == [
        "  note: Callback failed for instrument system.swap.usage. "
        "NotImplementedError: no such counter here"
    ]
    assert "Traceback" not in result.output
    names = {point.metric for point in points(folder / "m.pb")}
    assert "system.swap.usage" not in names
    assert "system.cpu.time" in names


@pytest.mark.parametrize("broken", ["process", "import"])
def test_where_psutil_knows_nothing_python_measures_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def unknown(pid: int) -> Any:
        raise OSError("no such process here")

    if broken == "process":
        monkeypatch.setattr("psutil.Process", unknown)
    else:
        name = "opentelemetry.instrumentation.system_metrics"
        import_module(name)
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "psutil", None)
    result = demo("--transport", "file:m.pb")
    assert result.exit_code == 0
    assert "note: this machine cannot be measured: " in result.stderr
    assert [point.metric for point in points(folder / "m.pb")] == ["process.cpu.time"]


@pytest.mark.parametrize(
    "missing",
    ["opentelemetry.instrumentation", "opentelemetry.instrumentation.system_metrics"],
)
def test_without_the_instrumentation_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.instrumentation.system_metrics", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    threads = threading.active_count()
    result = demo("--transport", "memory")
    assert result.exit_code == 2
    assert "pip install 'otel-etw[cli]'" in result.stderr
    assert threading.active_count() == threads


def test_ctrl_c_exports_what_was_measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        assert seconds == 1234
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "_sleep", interrupted)
    result = run("demo", "--transport", "file:m.pb", "--seconds", "1234")
    assert result.exit_code == 130
    assert points(folder / "m.pb")


@pytest.mark.parametrize("spec", ["etw", "auto"])
def test_where_nobody_listens_it_says_what_to_do(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.sys, "platform", "win32")
    text = module._how_to_listen(spec)
    assert '-p "{EDC24920-E004-40F6-A8E1-0E6E48F39D84}"' in text
    assert "otel-etw demo --transport file:otel-etw-demo.pb" in text


def test_for_etw_it_says_how_to_capture() -> None:
    text = module._how_to_look(InMemoryTransport(), "etw")
    assert (
        "logman create trace OtelMetrics -ow -o C:\\traces\\otel.etl -p "
        '"{EDC24920-E004-40F6-A8E1-0E6E48F39D84}" 0xffffffffffffffff 0xff -nb 16 64 -bs 1024 -ets'
    ) in text
    assert "logman stop OtelMetrics -ets" in text
