"""Real files of Windows 7 to 11, of other people: they are read where the folder is present.

Times, lengths and processors are those of the baselines, which TraceEvent made over the Windows
API.
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
from tests.support.etl_samples import SAMPLES
from tests.support.etl_walks import WALKS

pytestmark = pytest.mark.skipif(
    not ETL_SAMPLES.is_dir(), reason="the folder shared/data/etl is absent"
)


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
            for _, _, time, process, thread, _, user_data in seen:
                ns = clock.ns(time)
                assert ns is not None
                microseconds = (ns - clock.start + 500) // 1000
                assert user_data is not None
                processor = found.header.processor
                yield SeenEvent(microseconds, process, thread, processor, len(user_data))


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
