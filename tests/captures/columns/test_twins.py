"""The compiled decoder and its twin give the same rows, and refuse the same frames."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from otel_etw.captures.columns import reference
from otel_etw.captures.items import Event
from tests.support.any_metrics import metrics_data
from tests.support.any_requests import random_payload
from tests.support.batch_rows import all_rows, comparable
from tests.support.official_encoder import official
from tests.support.protobuf_parser import IS_THE_PARSER
from tests.support.wire_requests import WireRequests

if not find_spec("otel_etw.captures.columns._decoder"):
    pytest.skip("the decoder is not compiled here", allow_module_level=True)

from otel_etw.captures.columns._decoder import Decoder

LONG = os.environ.get("OTEL_ETW_LONG") == "1"
ROUNDS = 100_000 if LONG else 1500

pytestmark = pytest.mark.timeout(3600 if LONG else 300)


def expected_rows(payload: bytes, offset: int, event: Event | None) -> Any:
    """None when protobuf refuses it."""
    decoder = reference.Decoder()
    try:
        is_full = decoder.add(payload, offset, event)
    except ValueError:
        return None
    found = []
    while True:
        if batch := decoder.take():
            found += [reference.row_values(row) for row in batch.rows]
        if not is_full:
            return comparable(found)
        is_full = decoder.resume()


def found_rows(decoder: Decoder, payload: bytes, offset: int, event: Event | None) -> Any:
    try:
        is_full = decoder.add(payload, offset, event)
    except ValueError:
        return None
    return comparable(all_rows(decoder, is_full))


def compare(decoders: list[Decoder], payload: bytes, offset: int) -> int | None:
    """How many rows it has; None when it is refused."""
    event = Event(offset, 1, 2, 3) if offset % 2 else None
    expected = expected_rows(payload, offset, event)
    for decoder in decoders:
        assert found_rows(decoder, payload, offset, event) == expected, payload.hex()
    return None if expected is None else len(expected)


def decoders() -> list[Decoder]:
    """One that remembers all frames, one that forgets, one of small batches."""
    return [Decoder(), Decoder(table_bytes=0), Decoder(rows=2, batch_bytes=50, table_bytes=500)]


@given(metrics_data())
@settings(max_examples=100, deadline=None)
def test_what_sdks_give_is_read_alike(data: Any) -> None:
    # The official encoder tells of attributes that it drops.
    logging.disable()
    try:
        payload = official(data)
    finally:
        logging.disable(logging.NOTSET)
    if payload is not None:
        compare(decoders(), payload, 1)


@pytest.mark.skipif(not IS_THE_PARSER, reason="older than upb of protobuf 7.34")
@pytest.mark.parametrize(
    ("faults", "least_with_points", "least_refused"), [(0.0005, 50, 50), (0.01, 5, 500)]
)
def test_wire_requests_are_read_alike(
    faults: float, least_with_points: int, least_refused: int
) -> None:
    requests, compared = WireRequests(11, faults), decoders()
    counts = [compare(compared, requests.give(), offset) for offset in range(ROUNDS)]
    # With points, and refused.
    assert sum(count > 0 for count in counts if count is not None) > least_with_points
    assert counts.count(None) > least_refused


@pytest.mark.skipif(not IS_THE_PARSER, reason="older than upb of protobuf 7.34")
def test_damaged_requests_are_read_alike() -> None:
    random, compared, points = Random(13), decoders(), 0
    for offset in range(ROUNDS):
        data = bytearray(random_payload(random, random.randint(1, 200)))
        for _ in range(random.randint(0, 2)):
            if data:
                data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        points += compare(compared, bytes(data), offset) or 0
    assert points > 100
