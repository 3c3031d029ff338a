"""What was captured → frames, and what was damaged between them; frames → points, flat or columns.

It knows the formats of captures and nothing of the side that writes them but
`otel_etw.provider`. It needs the package opentelemetry-proto.
"""

from __future__ import annotations

from otel_etw.captures.batching import BatchItem, batches
from otel_etw.captures.capture import open, read  # noqa: A004
from otel_etw.captures.columns import Batch
from otel_etw.captures.following import follow
from otel_etw.captures.items import CaptureError, Damage, Event, Foreign, Frame, Item, Notice
from otel_etw.captures.points import Point, points

__all__ = [
    "Batch",
    "BatchItem",
    "CaptureError",
    "Damage",
    "Event",
    "Foreign",
    "Frame",
    "Item",
    "Notice",
    "Point",
    "batches",
    "follow",
    "open",
    "points",
    "read",
]
