"""``info``: what a capture is, for people and for programs."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import zstandard
from click.testing import Result

from otel_etw.cli.capture_facts import capture_facts
from otel_etw.cli.fitting import width
from otel_etw.cli.info_page import InfoPage
from otel_etw.cli.screen import Screen
from otel_etw.provider import DEFAULT_PROVIDER
from tests.support.capture_files import line
from tests.support.command_line import TIME, capture, framed, gauge, process, run
from tests.support.data import ETL_SAMPLES
from tests.support.etl_files import (
    EtlWriter,
    classic,
    compact,
    event,
    instance,
    message,
    other,
    our_event,
    perfinfo,
    process_record,
    system,
)
from tests.support.etl_samples import SAMPLES
from tests.support.windows_compressors import xpress

OTHER = UUID("11111111-2222-3333-4444-555555555555")
KEYS = [
    "file", "format", "compression", "size", "error", "session", "further_sessions", "lost_events",
    "lost_buffers", "lost_events_cause", "lost_buffers_cause", "buffers", "records", "events",
    "uncounted_events", "processes", "provider", "frames", "payload_bytes", "largest_payload",
    "points", "series", "uncounted_points", "metrics", "event_times", "frame_times", "point_times",
    "frames_per_second", "points_per_second", "payload_bytes_per_second", "ignored", "damages",
    "damaged_bytes", "first_damages",
]  # fmt: skip


def facts(*arguments: object, exit_code: int = 0, **options: Any) -> dict[str, Any]:
    """The object of ``--format json`` about one file."""
    result = run("info", "--format", "json", *arguments, **options)
    assert result.exit_code == exit_code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    assert list(found) == KEYS
    return found


def text(*arguments: object, exit_code: int = 0) -> list[str]:
    result = run("info", "--utc", *arguments)
    assert result.exit_code == exit_code, result.output
    return result.stdout.splitlines()


def log(tmp_path: Path, name: str = "m.etl", count: int = 5, **options: Any) -> Path:
    """Some events of ours, one a second, and a record of each kind."""
    writer = EtlWriter(**options)
    for number in range(count):
        time = writer.reference + number * writer.frequency
        payload = gauge(number, name=f"g.{number % 2}", route=f"/{number}").SerializeToString()
        writer.frame(time, payload, number % 2, process=42 + number % 2)
    for make in (system, compact, classic, instance, perfinfo):
        writer.add(make(writer.reference, bits=writer.bits))
    writer.add(message(writer.reference))
    writer.add(other(writer.reference))
    writer.add(event(writer.reference, b"", provider=OTHER, event_id=7))
    writer.add(event(writer.reference, b"", event_id=55))
    writer.add(process_record(writer.reference, 42, b"shop.exe", bits=writer.bits))
    path = tmp_path / name
    path.write_bytes(writer.file().data)
    return path


# ETW logs ----------------------------------------------------------------------------------------


def test_a_log_is_told_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    path = log(tmp_path, lost_events=41, lost_buffers=2, mode=0x2008)
    found = facts(path)
    assert (found["file"], found["format"], found["compression"]) == (str(path), "etl", [])
    assert found["size"] == path.stat().st_size
    assert found["session"] == {
        "name": "OtelMetrics",
        "file_name": "C:\\traces\\otel.etl",
        "system_version": "10.0",
        "build": 22_631,
        "pointer_size": 8,
        "processors": 4,
        "clock": "performance counter",
        "ticks_per_second": 10_000_000,
        "buffer_size": 8192,
        "buffers_written": 3,
        "maximum_file_size": 100 << 10,
        "mode": ["new file", "sizes in KB"],
        "start": "2023-11-14T22:13:20.000000000Z",
        "end": "2023-11-14T22:14:20.000000000Z",
        "time_zone": "@tzres.dll,-322",
        "utc_bias_minutes": -60,
    }
    assert found["further_sessions"] == []
    assert (found["lost_events"], found["lost_buffers"]) == (41, 2)
    assert "its buffers have 8,192 bytes" in found["lost_events_cause"]
    assert "full disk" in found["lost_buffers_cause"]
    assert found["buffers"] == {"count": 3, "compressed": 0, "marked_lost": 0}
    assert found["records"] == {
        "system": 3,
        "compact": 1,
        "full_header": 1,
        "instance": 1,
        "message": 1,
        "perfinfo": 1,
        "event_header": 7,
        "other": 1,
    }
    ours = {"provider": str(DEFAULT_PROVIDER.guid), "provider_name": DEFAULT_PROVIDER.name}
    theirs = {"provider": str(OTHER), "provider_name": None}
    assert found["events"] == [
        {**ours, "id": 81, "name": "otlp_metrics", "count": 5},
        {**theirs, "id": 7, "name": None, "count": 1},
        {**ours, "id": 55, "name": None, "count": 1},
    ]
    assert found["processes"] == [
        {"pid": 42, "image": "shop.exe", "events": 3},
        {"pid": 43, "image": None, "events": 2},
        {"pid": 4242, "image": None, "events": 1},
    ]
    assert (found["frames"], found["points"], found["series"]) == (5, 5, 5)
    sizes = [len(gauge(n, name="g.0", route=f"/{n}").SerializeToString()) for n in range(5)]
    assert found["payload_bytes"] == sum(sizes)
    assert found["largest_payload"] == max(sizes)
    common = {"unit": "1", "description": "", "temporality": None, "monotonic": None}
    assert found["metrics"] == [
        {"name": "g.0", "kind": "gauge", **common, "points": 3, "series": 3},
        {"name": "g.1", "kind": "gauge", **common, "points": 2, "series": 2},
    ]
    assert found["frame_times"] == found["event_times"]
    assert found["frame_times"]["first"] == "2023-11-14T22:13:20.000000000Z"
    assert found["frame_times"]["seconds"] == 4
    assert found["point_times"]["first"] == "2023-11-14T22:14:20.123456789Z"
    assert (found["frames_per_second"], found["points_per_second"]) == (1.25, 1.25)
    assert found["payload_bytes_per_second"] == sum(sizes) / 4
    assert found["ignored"] == [
        {"what": "events 55 in Geneva's own format", "unit": "event", "count": 1}
    ]
    assert (found["damages"], found["damaged_bytes"], found["first_damages"]) == (0, 0, [])


def test_a_log_in_words(tmp_path: Path) -> None:
    path = log(tmp_path, lost_events=41)
    assert (
        text(path)
        == f"""\
{path}
  format    ETW log, 24 KiB
  session   OtelMetrics, to C:\\traces\\otel.etl
  system    Windows 10.0, build 22631, 64-bit, 4 processors
  recorded  2023-11-14 22:13:20.000 to 22:14:20.000 UTC (1m 00s)
  clock     performance counter, 10,000,000 ticks a second
  mode      sequential; buffers of 8 KiB, files up to 100 MiB
  buffers   3 in the file
  lost      41 events, 0 buffers
            likely cause: its buffers have 8,192 bytes, which hold no payload of more than 7,968: \
record with larger ones (logman: -bs 1024), or with more where all were full (-nb 64 256)
  records   16: 3 system, 1 compact, 1 full_header, 1 instance, 1 message, 1 perfinfo, \
7 event_header, 1 other
  events    7 events, 2023-11-14 22:13:20.000 to 22:13:24.000 UTC (4 s)
  frames    5, 765 B of OTLP, the largest 153 B
            2023-11-14 22:13:20.000 to 22:13:24.000 UTC (4 s)
  points    5 in 5 series of 2 metrics
            2023-11-14 22:14:20.123 UTC
  rate      1.25 frames, 1.25 points, 191 B of OTLP a second
  ignored   events 55 in Geneva's own format: 1 event
  damage    none

  Events of NativeMetricsExtension_Provider edc24920-e004-40f6-a8e1-0e6e48f39d84
    count  id  name
        5  81  otlp_metrics
        1  55

  Events of 11111111-2222-3333-4444-555555555555
    count  id
        1   7

  Processes that wrote events of the provider
    events   pid  program
         3    42  shop.exe
         2    43
         1  4242

  Metrics
    series  points  name
         3       3  g.0  gauge, 1
         2       2  g.1  gauge, 1
""".splitlines()
    )


def test_what_a_running_session_lost_is_not_known(tmp_path: Path) -> None:
    path = log(tmp_path, unfinished=True)
    found = facts(path)
    assert found["session"]["end"] is None
    assert (found["lost_events"], found["lost_buffers"]) == (None, None)
    lines = text(path)
    assert "  recorded  from 2023-11-14 22:13:20.000 UTC; the session had not ended" in lines
    assert "  lost      not known: sessions write it when they end" in lines


def test_a_compressed_log(tmp_path: Path) -> None:
    path = log(tmp_path, compress=xpress, mode=0x401_0001)
    found = facts(path)
    assert (found["format"], found["compression"]) == ("etl", [])
    assert found["buffers"] == {"count": 3, "compressed": 2, "marked_lost": 0}
    assert found["records"]["event_header"] == 7
    assert "  buffers   3 in the file, 2 of them compressed" in text(path)


def test_another_provider(tmp_path: Path) -> None:
    path = log(tmp_path)
    found = facts(path, "--provider", OTHER)
    assert (found["provider"], found["frames"]) == (str(OTHER), 0)
    assert found["ignored"] == [{"what": "events 7", "unit": "event", "count": 1}]
    assert f"  frames    none: no event of provider {OTHER} holds OTLP" in text(
        path, "--provider", OTHER
    )
    absent = "22222222-2222-3333-4444-555555555555"
    lines = text(path, "--provider", absent)
    assert f"  frames    none: no event of provider {absent} is in it" in lines
    assert run("info", path, "--provider", "").exit_code == 2


def test_damage_is_told_with_its_offsets(tmp_path: Path) -> None:
    path = log(tmp_path)
    data = bytearray(path.read_bytes())
    data[0x2048:0x204C] = bytes(4)
    path.write_bytes(data + b"rubbish")
    result = run("info", path)
    assert (result.exit_code, result.stderr) == (1, "")
    found = facts(path, exit_code=1)
    assert found["damages"] == 2
    first, second = found["first_damages"]
    assert first["offset"] == 0x2048
    assert (second["offset"], second["length"]) == (len(data), 7)
    assert found["damaged_bytes"] == first["length"] + 7
    lines = text(path, exit_code=1)
    assert f"  damage    2, of {found['damaged_bytes']:,} bytes together" in lines
    assert f"    at byte 8,264, {first['length']:,} bytes: {first['reason']}" in " ".join(lines)


def test_of_many_damages_the_first_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(b"".join(framed(gauge(n)) + b"garbage\n" for n in range(25)))
    found = facts(path, exit_code=1)
    assert (found["damages"], len(found["first_damages"])) == (25, 10)
    assert text(path, exit_code=1)[-1] == "    … 15 more"


def test_long_lists_are_cut_unless_all_is_asked_for(tmp_path: Path) -> None:
    writer = EtlWriter()
    for number in range(100):
        payload = gauge(1, name=f"metric.{number}").SerializeToString()
        writer.frame(writer.reference, payload, process=number)
        provider = UUID(int=number % 20)
        writer.add(event(writer.reference, b"", provider=provider, event_id=number))
        writer.add(event(writer.reference, b"", provider=OTHER, event_id=number))
    path = tmp_path / "m.etl"
    path.write_bytes(writer.file().data)
    lines = text(path)
    assert lines.count("    … 85 more ids, 100 events in all (--all)") == 1
    assert "    … 7 more providers (--all)" in lines
    assert "    … 85 more processes (--all)" in lines
    assert "    … 85 more metrics (--all)" in lines
    # Our events come first, however few they are.
    assert next(line for line in lines if "Events of" in line).endswith(str(DEFAULT_PROVIDER.guid))
    everything = text(path, "--all")
    assert not [line for line in everything if "(--all)" in line]
    assert sum("metric." in line for line in everything) == 100
    assert len(facts(path)["events"]) == 201


# Other formats -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "form", "compression"),
    [
        ("m.pb", framed(gauge(1), gauge(2)), "otlp-proto", []),
        ("m.jsonl", line(gauge(1)) + line(gauge(2)), "otlp-json", []),
        ("m.gz", gzip.compress(framed(gauge(1), gauge(2))), "otlp-proto", ["gzip"]),
        (
            "m.zst",
            zstandard.compress(gzip.compress(line(gauge(1)) + line(gauge(2)))),
            "otlp-json",
            ["zstd", "gzip"],
        ),
    ],
)
def test_files_that_are_no_logs(
    tmp_path: Path, name: str, content: bytes, form: str, compression: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = facts(path)
    assert (found["format"], found["compression"], found["size"]) == (
        form,
        compression,
        len(content),
    )
    assert (found["frames"], found["points"], found["series"]) == (2, 2, 1)
    assert found["points_per_second"] is None
    nothing: dict[str, Any] = {
        "session": None,
        "further_sessions": [],
        "lost_events": None,
        "lost_events_cause": None,
        "lost_buffers": None,
        "lost_buffers_cause": None,
        "buffers": None,
        "records": {},
        "events": [],
        "uncounted_events": 0,
        "processes": [],
        "provider": None,
        "event_times": None,
        "frame_times": None,
    }
    assert {key: found[key] for key in nothing} == nothing


def test_a_file_in_words(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl.gz"
    content = line(gauge(1, time=TIME - 10 * 10**9)) + b'{"resourceSpans":[]}\n' + line(gauge(2))
    path.write_bytes(gzip.compress(content))
    payload = len(gauge(1).SerializeToString())
    assert text(path) == [
        str(path),
        f"  format    OTLP JSON Lines, in gzip, {path.stat().st_size} B",
        f"  frames    2, {2 * payload} B of OTLP, the largest {payload} B",
        "  points    2 in 1 series of 1 metric",
        "            2023-11-14 22:14:10.123 to 22:14:20.123 UTC (10 s)",
        f"  rate      0.2 frames, 0.2 points, {2 * payload / 10:.1f} B of OTLP a second",
        "  ignored   spans: 1 line",
        "  damage    none",
        "",
        "  Metrics",
        "    series  points  name",
        "         1       2  g  gauge, 1",
    ]


def test_a_zip_file_of_logs_is_told_as_one(tmp_path: Path) -> None:
    first, second = log(tmp_path, "1.etl", lost_events=3), log(tmp_path, "2.etl", count=3)
    path = tmp_path / "m.etl.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(first, "1.etl")
        archive.writestr("notes.txt", b"\0notes, and no capture")
        archive.write(second, "2.etl")
    found = facts(path)
    assert (found["format"], found["compression"]) == ("etl", ["zip"])
    assert found["session"]["name"] == "OtelMetrics"
    assert len(found["further_sessions"]) == 1
    assert found["lost_events"] == 3
    assert found["records"]["event_header"] == 12
    assert {(each["id"], each["count"]) for each in found["events"]} == {(81, 8), (55, 2), (7, 2)}
    assert found["buffers"]["count"] == 6
    assert {each["pid"]: each["events"] for each in found["processes"]} == {42: 5, 43: 3, 4242: 2}
    assert found["processes"][0]["image"] == "shop.exe"
    assert (found["frames"], found["points"]) == (8, 8)
    assert {each["unit"] for each in found["ignored"]} == {"event", "member"}


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.touch()
    found = facts(path)
    assert (found["format"], found["size"], found["frames"]) == (None, 0, 0)
    assert "  format    none: the file is empty" in text(path)


def test_standard_input(tmp_path: Path) -> None:
    found = facts("-", stdin=log(tmp_path).read_bytes())
    assert (found["file"], found["format"], found["frames"]) == ("-", "etl", 5)


# Several files, faults ---------------------------------------------------------------------------


def test_several_files_are_an_array_or_lines(tmp_path: Path) -> None:
    files = [log(tmp_path), capture(tmp_path / "m.pb", gauge(1))]
    array = json.loads(run("info", *files, "--format", "json").stdout)
    assert [each["format"] for each in array] == ["etl", "otlp-proto"]
    lines = run("info", *files, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(each) for each in lines] == array
    (one,) = run("info", files[0], "--format", "jsonl").stdout.splitlines()
    assert json.loads(one) == array[0]
    words = text(*files)
    assert words.index(str(files[1])) == words.index("", words.index("  Metrics")) + 1


def unreadable(tmp_path: Path) -> list[Path]:
    (tmp_path / "notes.txt").write_text("hello, world")
    return [tmp_path / "absent", tmp_path / "notes.txt"]


def test_what_cannot_be_read_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    good = capture(tmp_path / "m.pb", gauge(1))
    result = run("info", *unreadable(tmp_path), good, "--format", "json")
    assert result.exit_code == 2
    (found,) = json.loads(result.stdout)
    assert found["file"] == str(good)
    absent, notes = result.stderr.splitlines()
    assert absent.startswith(f"otel-etw: {tmp_path / 'absent'}: ")
    assert "notes.txt: its content is no capture" in notes


def test_of_nothing_that_can_be_read_nothing_is_told(tmp_path: Path) -> None:
    absent, notes = unreadable(tmp_path)
    for arguments, output in (
        ((absent,), ""),
        ((notes,), ""),
        ((absent, "--format", "json"), ""),
        ((absent, notes, "--format", "json"), "[]\n"),
        ((absent, notes, "--format", "jsonl"), ""),
    ):
        result = run("info", *arguments)
        assert (result.stdout, result.exit_code) == (output, 2)


def test_what_was_read_of_a_bomb_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.gz"
    content = framed(gauge(1)) + bytes(64 << 20)
    for _ in range(2):
        content = gzip.compress(content, 9)
    path.write_bytes(content)
    found = facts(path, exit_code=2)
    assert (found["compression"], found["points"]) == (["gzip", "gzip"], 1)
    assert "it expands to more than 2000 times its size" in found["error"]
    assert "not read to its end: " in " ".join(text(path, exit_code=2))


def test_names_act_on_no_terminal(tmp_path: Path) -> None:
    evil = "a\x1b[31m\nb\u202e"
    writer = EtlWriter(name=evil, file_name=evil)
    traits = (12, b"\0\0a\x1b[31m\0")
    writer.add(event(writer.reference, b"", provider=OTHER, event_id=7, items=(traits,)))
    writer.add(our_event(writer.reference, gauge(1, name=evil).SerializeToString()))
    path = tmp_path / "a\x1b[0mb.etl"
    if sys.platform == "win32":
        path = tmp_path / "ab.etl"
    path.write_bytes(writer.file().data)
    for arguments in ([], ["--format", "json"], ["--format", "jsonl"], ["--all"]):
        shown = run("info", path, *arguments).stdout
        assert all(each.isprintable() for each in shown.split("\n"))
    assert facts(path)["session"]["name"] == evil
    assert facts(path)["metrics"][0]["name"] == evil


def test_times_that_no_calendar_has(tmp_path: Path) -> None:
    path = log(tmp_path, start=2**62, end=2**62 + 10**16)
    found = facts(path, exit_code=1)
    assert (found["session"]["start"], found["session"]["end"]) == (None, None)
    assert "ns since 1970" in " ".join(text(path, exit_code=1))


@pytest.mark.parametrize("encoding", ["cp437", "ascii", "utf-8"])
def test_an_encoding_that_lacks_characters(tmp_path: Path, encoding: str) -> None:
    path = capture(tmp_path / "m.pb", *(gauge(1, name=f"größe.東京.{n}") for n in range(20)))
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for arguments in ([], ["--format", "json"]):
        result = _bytes(path, arguments, environment)
        shown = result.decode(encoding)
        if arguments:
            assert json.loads(shown)["metrics"][0]["name"].startswith("größe.東京")
        elif encoding == "utf-8":
            assert "größe.東京.0" in shown
        else:
            assert "\\u6771\\u4eac.0" in shown


def _bytes(path: Path, arguments: list[str], environment: dict[str, str]) -> bytes:
    command = [sys.executable, "-m", "otel_etw", "info", str(path), *arguments]
    return subprocess.run(
        command, capture_output=True, check=True, timeout=60, env={**os.environ, **environment}
    ).stdout


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_lines_fit_into_the_terminal(
    tmp_path: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    writer = EtlWriter(lost_events=41, file_name="C:\\" + "x" * 300)
    for number in range(3):
        payload = gauge(1, name=f"東京{number}" * 60).SerializeToString()
        writer.frame(writer.reference, payload)
    path = tmp_path / "m.etl"
    path.write_bytes(writer.file().data + b"rubbish")
    out = Terminal()
    with Screen(out) as screen:
        InfoPage(screen, True, False).write(capture_facts(str(path), DEFAULT_PROVIDER.guid))
    lines = out.getvalue().splitlines()
    assert max(map(width, lines)) <= columns
    assert sum("東京0" in each and "…" in each for each in lines) == 1


def test_who_watches_is_told_how_much_was_read(tmp_path: Path) -> None:
    path, told = log(tmp_path), list[int]()
    capture_facts(str(path), DEFAULT_PROVIDER.guid, told.append)
    assert sum(told) == path.stat().st_size


def test_a_log_of_a_process_of_its_own(tmp_path: Path) -> None:
    result = process("info", log(tmp_path))
    assert (result.stderr, result.returncode) == ("", 0)
    assert "OtelMetrics" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["info"], "FILE"),
        (["info", "m", "--format", "xml"], "jsonl"),
        (["info", "m", "--follow"], "--follow"),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], words: str) -> None:
    result: Result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


# Real files --------------------------------------------------------------------------------------

samples = pytest.mark.skipif(
    not ETL_SAMPLES.is_dir(), reason="the folder shared/data/etl is absent"
)


@samples
@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_as_they_are_known(name: str) -> None:
    sample = SAMPLES[name]
    found = facts(ETL_SAMPLES / name)
    assert {kind: count for kind, count in found["records"].items() if count} == sample.records
    assert sum(each["count"] for each in found["events"]) == sample.records["event_header"]
    assert found["session"]["build"] == sample.build
    assert found["session"]["processors"] == sample.processors
    assert found["lost_events"] == sample.lost_events
    assert bool(found["lost_events_cause"]) == bool(sample.lost_events)
    assert (found["frames"], found["points"], found["series"], found["damages"]) == (0, 0, 0, 0)


# Names of the runtime's events in the baseline, and their ids in its manifest.
RUNTIME_EVENTS = {
    "GC/Start": 1, "GC/Stop": 2, "GC/RestartEEStop": 3, "GC/HeapStats": 4, "GC/CreateSegment": 5,
    "GC/RestartEEStart": 7, "GC/SuspendEEStop": 8, "GC/SuspendEEStart": 9, "GC/AllocationTick": 10,
    "GC/FinalizersStop": 13, "GC/FinalizersStart": 14, "GC/FinalizeObject": 29,
    "GC/PinObjectAtGCTime": 33, "GC/Triggered": 35, "Runtime/Start": 187, "GC/MarkWithType": 202,
    "GC/PerHeapHistory": 204, "GC/GlobalHeapHistory": 205, "GC/LOHCompact": 208,
    "GC/FitBucketInfo": 209,
}  # fmt: skip


@samples
def test_events_are_counted_as_by_the_windows_api() -> None:
    """TraceEvent counted those of the baseline."""
    text = (ETL_SAMPLES / "baselines" / "perfview_gcevents.baseline.txt").read_text("utf-8-sig")
    counts = re.findall(r"^COUNT Microsoft-Windows-DotNETRuntime/(\S+):(\d+)", text, re.MULTILINE)
    assert {
        each["id"]: each["count"] for each in facts(ETL_SAMPLES / "perfview_gcevents.etl")["events"]
    } == {RUNTIME_EVENTS[name]: int(count) for name, count in counts}


@samples
def test_samples_name_their_providers() -> None:
    names = {}
    for name in SAMPLES:
        for each in facts(ETL_SAMPLES / name)["events"]:
            names[name] = each["provider_name"]
    assert names == {
        "etlparser_lxcore_kernel.etl": "Microsoft.Windows.Subsystem.LxCore",
        "krabsetw_powershell.etl": "Microsoft-Windows-PowerShell",
        "perfview_SelfDescribingSingleEvent.etl": "MySource",
        "perfview_gcevents.etl": "Microsoft-Windows-DotNETRuntime",
        "perfview_primitive-types.etl": "solar_system",
        "s4_SIH.etl": "SIHTraceLogging",
        "s4_WindowsUpdate.20251008.etl": "WUTraceLogging",
        "s4_waasmedic.etl": "Microsoft.Windows.WaaSMedic.Local",
        "tx_HTTP_Server.etl": "Microsoft-Windows-HttpService",
    }
