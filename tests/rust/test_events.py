"""Every event that the crate was recorded to write, exported by us: the bytes are equal.

Those that differ do so by an edit that has a name, and by nothing else.
"""

from __future__ import annotations

from collections import Counter

import pytest

from otel_etw import InMemoryTransport
from otel_etw.encoding import Encoder, Losses
from tests.support.data import RUST_ETW
from tests.support.rust_edits import edited, joined, parsed
from tests.support.rust_recordings import EVENTS, payloads
from tests.support.sdk_rebuilding import rebuilt

from .conftest import Make

# 83 of 123 are identical.
DIFFERENCES = {
    "errors": {"identical": 16},
    "gate": {"gauge_start": 10},
    "lifecycle": {"gauge_start": 2},
    "nosession": {},
    "readme": {"identical": 2},
    "register-fails": {},
    "schema": {"identical": 1},
    "setinformation-fails": {"identical": 1},
    "size": {"gauge_start": 3},
    "standard": {"identical": 31, "gauge_start": 9, "empty_buckets": 3, "double_keys": 1},
    # In this run the crate's SDK had dropped the second of the doubled keys itself.
    "standard-run2": {"identical": 32, "gauge_start": 9, "empty_buckets": 3},
}


def test_every_recording_is_here() -> None:
    assert {path.stem for path in RUST_ETW.glob("*.jsonl")} == set(EVENTS) == set(DIFFERENCES)
    assert {name: len(payloads(name)) for name in EVENTS} == EVENTS


@pytest.mark.parametrize("name", EVENTS)
def test_protobuf_writes_every_event_as_the_crate_does(name: str) -> None:
    # So bytes can be compared after an edit.
    for payload in payloads(name):
        assert parsed(payload).SerializeToString() == payload


@pytest.mark.parametrize("name", EVENTS)
def test_exporter_writes_the_same_events(name: str, one_point: Make) -> None:
    found: Counter[str] = Counter()
    for payload in payloads(name):
        transport = InMemoryTransport()
        exporter = one_point(transport)
        exporter.export(rebuilt(payload))
        assert not exporter.counts.lost
        (event,) = transport.frames
        want, differences = edited(payload)
        assert event == want
        assert (event == payload) is (not differences)
        found[joined(differences)] += 1
    assert found == DIFFERENCES[name]


@pytest.mark.parametrize("name", EVENTS)
def test_encoder_writes_the_same_events_one_after_another(name: str, native: bool) -> None:
    # One encoder for all: what it keeps of resources and scopes must not show.
    encoder = Encoder(max_points=1, native=native)
    losses = Losses()
    exports = [rebuilt(payload) for payload in payloads(name)]
    events = [
        bytes(frame)
        for export in exports
        for batch in encoder.encode(export, None, losses)
        for frame in batch
    ]
    assert events == [edited(payload)[0] for payload in payloads(name)]
    assert not losses
