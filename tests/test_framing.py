"""The outline of a frame, by which writer and reader tell frames from anything else."""

from __future__ import annotations

import pytest

from otel_etw.framing import PREFIX, RESOURCE_METRICS, follow_resource_metrics

EMPTY = bytes([RESOURCE_METRICS, 0])
LONG = bytes([RESOURCE_METRICS, 0x80, 0x01]) + bytes(128)


@pytest.mark.parametrize(
    ("payload", "fields"),
    [(b"", 0), (EMPTY, 1), (EMPTY * 5, 5), (LONG, 1), (LONG + EMPTY + LONG, 3)],
)
def test_a_chain_that_fills_the_payload_is_followed_to_its_end(payload: bytes, fields: int) -> None:
    data = bytes(PREFIX) + payload + b"what comes behind"
    end = PREFIX + len(payload)
    assert follow_resource_metrics(data, PREFIX, end) == (end, fields, True)


@pytest.mark.parametrize("have", range(len(EMPTY + LONG + EMPTY)))
def test_what_is_there_of_a_torn_payload_agrees(have: int) -> None:
    payload = EMPTY + LONG + EMPTY
    chain = follow_resource_metrics(payload[:have], 0, len(payload))
    assert chain.agrees
    assert chain.reached <= len(payload)


@pytest.mark.parametrize(
    ("payload", "reached", "fields"),
    [
        (b"\x12\0", 0, 0),
        (EMPTY + b"\x12\0", 2, 1),
        (bytes([RESOURCE_METRICS, 1]), 0, 0),  # one byte too long
        (EMPTY + bytes([RESOURCE_METRICS, 7]) + bytes(6), 2, 1),
        (
            bytes([RESOURCE_METRICS]) + b"\xff" * 5 + b"\1" + bytes(200),
            0,
            0,
        ),  # no length of 32 bits
    ],
)
def test_anything_else_does_not_agree(payload: bytes, reached: int, fields: int) -> None:
    assert follow_resource_metrics(payload, 0, len(payload)) == (reached, fields, False)


def test_as_many_fields_are_followed_as_were_asked_for() -> None:
    payload = EMPTY * 10 + b"\x12\0"
    assert follow_resource_metrics(payload, 0, len(payload), most_fields=10) == (20, 10, True)
    assert follow_resource_metrics(payload, 0, len(payload), most_fields=11) == (20, 10, False)
