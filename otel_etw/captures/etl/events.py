"""What an event of our provider holds: a frame, or something of another writer.

The GUID is shared: the Rust crate and this package write TraceLogging events, .NET's Geneva
exporter an EventSource's, both with a bare protobuf message as event 81; other exporters of Geneva
write its own format under other ids.
"""

from __future__ import annotations

from struct import Struct

from otel_etw.event import EVENT_ID

__all__ = ["foreign_name", "payload_of"]

# EventSource.WriteEvent(80, byte[]) of .NET: a length, then the bytes.
_ARRAY_EVENT_ID = 80
_LENGTH = Struct("<I")

_GENEVA = "in Geneva's own format"
_NAMES = {
    **dict.fromkeys((*range(50, 59), 70), _GENEVA),
    65534: "with the manifest of an EventSource",
}


def payload_of(event_id: int, user_data: bytes) -> bytes | None:
    """The serialized request in the user data of an event; None when its id is of something else.

    ValueError says what is wrong with it.
    """
    if event_id == EVENT_ID:
        return user_data
    if event_id != _ARRAY_EVENT_ID:
        return None
    if len(user_data) < _LENGTH.size:
        raise ValueError(f"it has {len(user_data)} bytes, fewer than its length")
    (length,) = _LENGTH.unpack_from(user_data)
    rest = len(user_data) - _LENGTH.size
    if length != rest:
        raise ValueError(f"its length is {length:,}, and {rest:,} bytes follow")
    return user_data[_LENGTH.size :]


def foreign_name(event_id: int) -> str:
    """What an event of another id is called."""
    name = _NAMES.get(event_id)
    return f"events {event_id} {name}" if name else f"events {event_id}"
