"""What stands around the payload: every recorded call is what `otel_etw.event` says."""

from __future__ import annotations

import struct

import pytest

from otel_etw.event import (
    ETW_LIMIT_MAXIMUM,
    EVENT_CHANNEL,
    EVENT_ID,
    EVENT_KEYWORD,
    EVENT_LEVEL,
    EVENT_SCHEMA,
    EVENT_VERSION,
)
from otel_etw.provider import DEFAULT_PROVIDER
from tests.support.rust_recordings import EVENTS, calls, payload, payloads

pytestmark = pytest.mark.parametrize("name", EVENTS)

SET_TRAITS = 2  # EventProviderSetTraits
PROVIDER_METADATA, EVENT_METADATA, USER_DATA = 2, 1, 0  # EVENT_DATA_DESCRIPTOR.Type
OPCODE = TASK = 0


def test_the_provider_is_registered_once_by_its_guid(name: str) -> None:
    (call,) = calls(name, "EventRegister")
    assert bytes.fromhex(call["provider_id"]) == DEFAULT_PROVIDER.guid.bytes_le
    assert (call["callback"], call["context"]) == ("set", "set")


def test_its_traits_are_set_before_anything_is_written(name: str) -> None:
    order = [call["call"] for call in calls(name) if call["call"].startswith("Event")]
    (registered,) = calls(name, "EventRegister")
    if registered["returns"]:
        assert order == ["EventRegister"]
        return
    assert order[:2] == ["EventRegister", "EventSetInformation"]
    assert order[2:] == ["EventWriteTransfer"] * EVENTS[name] + ["EventUnregister"]
    (call,) = calls(name, "EventSetInformation")
    assert call["class"] == SET_TRAITS
    assert bytes.fromhex(call["bytes"]) == DEFAULT_PROVIDER.traits
    assert call["length"] == len(DEFAULT_PROVIDER.traits)


def test_every_event_has_its_descriptor_and_no_activity(name: str) -> None:
    descriptor = struct.pack(
        "<HBBBBHQ",
        EVENT_ID,
        EVENT_VERSION,
        EVENT_CHANNEL,
        EVENT_LEVEL,
        OPCODE,
        TASK,
        EVENT_KEYWORD,
    )
    for call in calls(name, "EventWriteTransfer"):
        assert bytes.fromhex(call["descriptor"]) == descriptor
        assert (call["activity_id"], call["related_activity_id"]) == (None, None)


def test_every_event_is_traits_schema_and_payload(name: str) -> None:
    for call in calls(name, "EventWriteTransfer"):
        assert call["user_data_count"] == 3
        pieces = [
            (PROVIDER_METADATA, DEFAULT_PROVIDER.traits),
            (EVENT_METADATA, EVENT_SCHEMA),
            (USER_DATA, payload(call)),
        ]
        for data, (kind, content) in zip(call["user_data"], pieces, strict=True):
            assert (data["reserved"], data["size"]) == (kind, len(content))
            assert bytes.fromhex(data["bytes"]) == content
            raw = struct.pack("<QII", 0, len(content), kind)
            assert bytes.fromhex(data["raw_pointer_zeroed"]) == raw


def test_no_event_is_above_the_limit(name: str) -> None:
    sizes = list(map(len, payloads(name)))
    assert max(sizes, default=0) <= ETW_LIMIT_MAXIMUM
    assert (ETW_LIMIT_MAXIMUM in sizes) is (name == "size")
