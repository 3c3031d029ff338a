"""Real files of Windows 7 to 11, of other people: they are read where the folder is present.

Counts are those that dissect.etl 3.14 finds too; times, lengths and processors those of the
baselines, which TraceEvent made over the Windows API.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from otel_etw.captures.etl import EtlReader, walk
from otel_etw.captures.etl.buffers import HEADER, Buffer, Buffers
from otel_etw.captures.etl.clock import Clock
from otel_etw.captures.etl.log_header import read_log_header
from otel_etw.captures.items import Notice
from otel_etw.captures.recognition import RecognisingReader
from tests.support.capture_files import read_by, reasons
from tests.support.data import ETL_SAMPLES
from tests.support.etl_walks import WALKS

pytestmark = pytest.mark.skipif(
    not ETL_SAMPLES.is_dir(), reason="the folder shared/data/etl is absent"
)


class Sample(NamedTuple):
    """What a file holds: records by kind, and facts of its session."""

    records: dict[str, int]
    build: int
    processors: int
    start: int
    """FILETIME."""
    lost_events: int = 0


SAMPLES = {
    "etlparser_lxcore_kernel.etl": Sample(
        {"system": 2, "event_header": 2}, 19041, 6, 132392018711387363
    ),
    "krabsetw_powershell.etl": Sample(
        {"system": 2, "event_header": 112}, 22623, 32, 133245763580175449
    ),
    "perfview_SelfDescribingSingleEvent.etl": Sample(
        {"system": 4, "full_header": 18, "event_header": 1}, 22000, 12, 132949636352722435
    ),
    "perfview_gcevents.etl": Sample(
        {"system": 2, "event_header": 69}, 19045, 8, 133232283966946549
    ),
    "perfview_primitive-types.etl": Sample(
        {"system": 2, "event_header": 5}, 19043, 8, 132756731728578510
    ),
    "s4_SIH.etl": Sample({"system": 2, "event_header": 10}, 22621, 1, 133266340443632943),
    "s4_WindowsUpdate.20251008.etl": Sample(
        {"system": 2, "event_header": 80}, 22631, 1, 134044309654479919, 41
    ),
    "s4_waasmedic.etl": Sample(
        {"system": 2, "perfinfo": 2, "event_header": 17}, 22631, 1, 134041374192015908
    ),
    "tx_HTTP_Server.etl": Sample({"system": 1, "event_header": 2041}, 7601, 4, 129402939974768585),
}


def test_all_samples_are_known() -> None:
    assert {path.name for path in ETL_SAMPLES.glob("*.etl")} == {*SAMPLES}


@pytest.mark.parametrize("chunk", [999, 1 << 20])
@pytest.mark.parametrize("compiled_or_pure", WALKS)
@pytest.mark.parametrize("name", SAMPLES)
def test_records_and_sessions_are_as_they_are_known(
    name: str, compiled_or_pure: Any, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_etw.captures.etl.reader.Walk", compiled_or_pure)
    reader = RecognisingReader()
    items = read_by(reader, (ETL_SAMPLES / name).read_bytes(), chunk)
    report = reader.report
    assert report
    session = report.session
    assert session
    sample = SAMPLES[name]
    assert {kind: count for kind, count in report.records.items() if count} == sample.records
    assert sum(event.count for event in report.events) == sample.records["event_header"]
    assert (session.build, session.processors) == (sample.build, sample.processors)
    assert session.start == (sample.start - 116_444_736_000_000_000) * 100
    assert session.lost_events == sample.lost_events
    assert session.end
    # A session's last events are written while it ends.
    assert report.first_event
    assert report.last_event
    assert session.start <= report.first_event <= report.last_event <= session.end + 10**9
    assert reasons(items) == []
    assert [type(item) for item in items] == [Notice] * bool(sample.lost_events)


class SeenEvent(NamedTuple):
    microseconds: int
    process: int
    thread: int
    processor: int
    length: int


def events(data: bytes) -> Iterator[SeenEvent]:
    """Every event with an EVENT_HEADER, of all providers, as the baselines describe them."""
    reader = EtlReader()
    read_by(reader, data)
    providers = {event.provider for event in reader.report.events}
    clock: Clock | None = None
    buffers = Buffers()
    for found in chain(buffers.feed(data), buffers.finish()):
        assert isinstance(found, Buffer)
        start, end = found.start + HEADER, found.start + found.header.valid
        if not clock:
            _, clock = read_log_header(found.data, start, end)
        for provider in providers:
            seen, _, fault = walk.Walk(provider.bytes_le).buffer(found.data, start, end, True)
            assert not fault
            for at, size, time, process, thread, _, payload in seen:
                ns = clock.ns(time)
                assert ns is not None
                microseconds = (ns - clock.start + 500) // 1000
                length = at + size - payload
                yield SeenEvent(microseconds, process, thread, found.header.processor, length)


def baseline(path: Path) -> list[SeenEvent]:
    """The events of a baseline; that of the log header has a name with a space in it."""
    pattern = r"EVENT ([\d,.]+): \S+ PID=(\d+); TID=(\d+); .*?ProceNum=(\d+); DataLen=(\d+);"
    found = []
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if match := re.match(pattern, line):
            time, *numbers = match.groups()
            microseconds = int(time.replace(",", "").replace(".", ""))
            found.append(SeenEvent(microseconds, *map(int, numbers)))
    return found


@pytest.mark.parametrize(
    ("name", "count"), [("perfview_gcevents", 51), ("perfview_primitive-types", 5)]
)
def test_times_lengths_and_processors_are_those_of_the_windows_api(name: str, count: int) -> None:
    want = Counter(baseline(ETL_SAMPLES / "baselines" / f"{name}.baseline.txt"))
    have = Counter(events((ETL_SAMPLES / f"{name}.etl").read_bytes()))
    assert want.total() >= count
    assert want - have == Counter()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_cut_sample_loses_what_is_cut(name: str) -> None:
    data = (ETL_SAMPLES / name).read_bytes()
    whole = EtlReader()
    read_by(whole, data)
    before = 0
    for size in range(0, len(data), max(1, len(data) // 40)):
        reader = EtlReader()
        read_by(reader, data[:size])
        count = sum(reader.report.records.values())
        assert before <= count <= sum(whole.report.records.values())
        before = count


def test_a_cut_buffer_keeps_its_whole_records() -> None:
    reader = EtlReader()
    items = read_by(reader, (ETL_SAMPLES / "krabsetw_powershell.etl").read_bytes()[:100_000])
    assert sum(reader.report.records.values()) == 61
    (reason,) = reasons(items)
    assert reason == "the file ends within a buffer of 8,192 bytes"
