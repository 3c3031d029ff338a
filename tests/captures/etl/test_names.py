"""Names of providers, events and programs, as a log's own records give them."""

from __future__ import annotations

import struct
from typing import Any
from uuid import UUID

import pytest

from otel_etw.captures.etl import EtlReader
from otel_etw.captures.etl.names import event_names, program
from otel_etw.captures.etl.walk import MOST_PROCESS_RECORDS
from otel_etw.provider import DEFAULT_PROVIDER
from tests.support.capture_files import read_by
from tests.support.etl_files import EtlWriter, event, our_event, process_record, system
from tests.support.etl_walks import WALKS

OTHER = UUID("11111111-2222-3333-4444-555555555555")
TRAITS, SCHEMA = 12, 11


@pytest.fixture(params=WALKS)
def walk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_etw.captures.etl.reader.Walk", request.param)


def traits(name: bytes) -> tuple[int, bytes]:
    return TRAITS, struct.pack("<H", 3 + len(name)) + name + b"\0"


def schema(name: bytes, tags: bytes = b"\0") -> tuple[int, bytes]:
    return SCHEMA, struct.pack("<H", 3 + len(name) + len(tags)) + tags + name + b"\0"


def names_in(*records: bytes) -> dict[tuple[UUID, int], tuple[str, str]]:
    writer = EtlWriter()
    for record in records:
        writer.add(record)
    reader = EtlReader()
    read_by(reader, writer.file().data)
    return {
        (each.provider, each.id): (each.provider_name, each.name) for each in reader.report.events
    }


def test_events_name_themselves_and_their_provider(walk: None) -> None:
    items = (traits(b"Shop"), schema("Größe".encode()))
    named = event(5, b"data", provider=OTHER, event_id=7, items=items)
    bare = event(6, b"data", provider=OTHER, event_id=8)
    assert names_in(named, bare, named) == {
        (OTHER, 7): ("Shop", "Größe"),
        (OTHER, 8): ("Shop", ""),
    }


def test_an_event_without_an_id_of_its_own_has_many_names(walk: None) -> None:
    first, second = (
        event(5, b"", provider=OTHER, event_id=0, items=(traits(b"Shop"), schema(name)))
        for name in (b"Started", b"Stopped")
    )
    assert names_in(first, second) == {(OTHER, 0): ("Shop", "")}


def test_our_events_have_their_name_from_every_writer(walk: None) -> None:
    names = {(DEFAULT_PROVIDER.guid, 81): (DEFAULT_PROVIDER.name, "otlp_metrics")}
    assert names_in(event(5, b"")) == names
    assert names_in(our_event(5, b"")) == names


def test_providers_that_everybody_knows_are_named(walk: None) -> None:
    dotnet = UUID("e13c0d23-ccbc-4e12-931b-d9cc2eee27e4")
    assert names_in(event(5, b"", provider=dotnet, event_id=10)) == {
        (dotnet, 10): ("Microsoft-Windows-DotNETRuntime", "")
    }


def test_tags_before_a_name_are_skipped() -> None:
    record = event(5, b"", event_id=7, items=(schema(b"Started", tags=b"\x81\x82\3"),))
    assert event_names(record)[2:] == ("", "Started")


@pytest.mark.parametrize(
    "items",
    [
        ((TRAITS, b""),),
        ((TRAITS, b"\5\0abc"),),
        ((SCHEMA, b"\x05\x00\xff\xff"),),
        ((SCHEMA, b"\x05"),),
    ],
)
def test_damaged_items_name_nothing(items: tuple[tuple[int, bytes], ...]) -> None:
    assert event_names(event(5, b"data", event_id=7, items=items))[2:] == ("", "")


def test_items_that_are_cut_name_nothing() -> None:
    record = our_event(5, b"")
    for size in range(80, len(record)):
        assert event_names(record[:size])[2:] in {
            ("", ""),
            (DEFAULT_PROVIDER.name, ""),
            (DEFAULT_PROVIDER.name, "otlp_metrics"),
        }


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("sub_authorities", [None, 0, 5])
def test_programs_are_named_by_the_kernel(
    walk: None, bits: int, version: int, sub_authorities: int | None
) -> None:
    writer = EtlWriter(bits=bits)
    for opcode, process, image in (
        (1, 40, b"shop.exe"),
        (3, 41, b"bj\xf6rn.exe"),
        (9, 42, b"x.exe"),
    ):
        record = process_record(
            writer.reference,
            process,
            image,
            bits=bits,
            version=version,
            opcode=opcode,
            sub_authorities=sub_authorities,
        )
        writer.add(record)
    reader = EtlReader()
    read_by(reader, writer.file().data)
    assert reader.report.images == {40: "shop.exe", 41: "bj\N{REPLACEMENT CHARACTER}rn.exe"}
    assert reader.report.records["system"] == 4


def test_a_record_of_a_process_that_is_cut_names_nothing() -> None:
    record = process_record(5, 40, b"shop.exe")
    end = record.index(b"shop.exe") + len(b"shop.exe") + 1
    assert program(record[:end]) == (40, "shop.exe")
    for size in range(32, end):
        assert program(record[:size]) is None
    assert program(process_record(5, 40, b"shop.exe", version=0)) is None
    assert program(system(5, b"")) is None


def test_counters_in_the_header_are_skipped() -> None:
    record = process_record(5, 40, b"shop.exe", version=4)
    for bits, extra in ((0x0200, 16), (0x8000, 8), (0x8300, 32)):
        with_counters = struct.pack("<H", 4 | bits) + record[2:32] + bytes(extra) + record[32:]
        assert program(with_counters) == (40, "shop.exe")


@pytest.mark.parametrize("compiled_or_pure", WALKS)
def test_no_more_records_of_processes_are_taken_than_have_room(compiled_or_pure: Any) -> None:
    walk = compiled_or_pure(DEFAULT_PROVIDER.guid.bytes_le)
    record = system(5, group=3, opcode=1)
    data = record * (MOST_PROCESS_RECORDS // 2 - 1)
    for _ in range(3):
        assert walk.buffer(data, 0, len(data), True) == ([], len(data), "")
    assert len(walk.take_naming_records()) == MOST_PROCESS_RECORDS
    assert walk.take_naming_records() == []
