"""Frames come in the order of their times, or it is said that they do not."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from otel_etw.captures import Frame, Item, Notice
from otel_etw.captures.etl import EtlReader
from tests.support.capture_files import numbers, read_by, request
from tests.support.etl_files import EtlFile, EtlWriter


def written(count: int, processors: int, late: int = 0) -> EtlFile:
    """Points numbered in their order; processor 0 writes its buffers behind all others'."""
    writer = EtlWriter()
    for number in range(count):
        payload = request(number, 200).SerializeToString()
        writer.frame(writer.reference + number, payload, number % processors)
        if number % 11 == 0 and number % processors != late:
            writer.flush(number % processors)
    return writer.file()


def times(items: list[Item]) -> list[int]:
    return [item.event.time for item in items if isinstance(item, Frame) and item.event]


@pytest.mark.parametrize("processors", [1, 2, 7])
def test_processors_are_merged(processors: int) -> None:
    items = read_by(EtlReader(), written(500, processors).data, 1000)
    assert numbers(items) == list(range(500))


def test_at_the_same_time_the_older_buffer_comes_first() -> None:
    writer = EtlWriter(mode=0x2, keep=3)
    for number in range(60):
        writer.frame(writer.reference, request(number, 1500).SerializeToString())
    file = writer.file()
    found = numbers(read_by(EtlReader(), file.data))
    assert found == sorted(found)
    assert found[-1] == 59


@pytest.mark.parametrize(("bytes_held", "events_held"), [(20_000, 10**9), (10**9, 60)])
def test_what_is_too_much_to_hold_is_given_earlier(
    monkeypatch: pytest.MonkeyPatch, bytes_held: int, events_held: int
) -> None:
    """The buffers of a processor that come soon enough are in order all the same."""
    monkeypatch.setattr("otel_etw.captures.etl.order.MOST_BYTES", bytes_held)
    monkeypatch.setattr("otel_etw.captures.etl.order.MOST_EVENTS", events_held)
    writer = EtlWriter()
    for number in range(1000):
        payload = request(number, 200).SerializeToString()
        writer.frame(writer.reference + number, payload, number % 2)
        if number % 10 == 9:
            writer.flush()
    reader = EtlReader()
    early = 0
    items = []
    for item in reader.feed(writer.file().data):
        early += isinstance(item, Frame)
        items.append(item)
    items += reader.finish()
    assert early > 800
    assert numbers(items) == list(range(1000))
    assert not any(isinstance(item, Notice) for item in items)


def test_what_comes_too_late_is_given_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_etw.captures.etl.order.MOST_EVENTS", 50)
    chance = random.Random(3)
    writer = EtlWriter()
    for number in range(600):
        payload = request(number, 200).SerializeToString()
        writer.frame(writer.reference + chance.randrange(10**6), payload)
    items = read_by(EtlReader(), writer.file().data)
    assert sorted(numbers(items)) == list(range(600))
    (notice,) = (item for item in items if isinstance(item, Notice))
    assert notice.text.startswith("not all frames are in order of their times")
    assert any(before > after for before, after in pairwise(times(items)))
