"""What the Rust crate opentelemetry-etw-metrics was recorded to pass to ETW, call by call.

The README of ``tests/data/rust-etw`` tells how the recordings were made and what each field is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.data import RUST_ETW

# Each recording, and how many events it has. Written down so that none is missed in silence.
EVENTS = {
    "errors": 16,
    "gate": 10,
    "lifecycle": 2,
    "nosession": 0,
    "readme": 2,
    "register-fails": 0,
    "schema": 1,
    "setinformation-fails": 1,
    "size": 3,
    "standard": 44,
    "standard-run2": 44,
}

Call = dict[str, Any]


def calls(name: str, *kinds: str) -> list[Call]:
    """The calls of a recording in order; of ``kinds`` only, if any are given."""
    lines = (RUST_ETW / f"{name}.jsonl").read_text("ascii").splitlines()
    return [call for call in map(json.loads, lines) if not kinds or call["call"] in kinds]


def payload(write: Call) -> bytes:
    return bytes.fromhex(write["user_data"][2]["bytes"])


def payloads(name: str) -> list[bytes]:
    """The protobuf of each event."""
    return [payload(write) for write in calls(name, "EventWriteTransfer")]


def collections(name: str) -> Iterator[list[bytes]]:
    """The events of each collection: what lies between two notes that the program made."""
    found: list[bytes] = []
    for call in calls(name):
        if call["call"] == "EventWriteTransfer":
            found.append(payload(call))
        elif call["call"] == "note" and found:
            yield found
            found = []
