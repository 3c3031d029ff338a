"""The event that carries metrics, and how large one may be: constants for both sides.

Transports write events with these values, captures look for them. Source: the Rust crate
opentelemetry-etw-metrics, whose event ours equals byte for byte.
"""

from __future__ import annotations

import struct

__all__ = [
    "ETW_LIMIT",
    "ETW_LIMIT_64K_BUFFERS",
    "ETW_LIMIT_MAXIMUM",
    "EVENT_CHANNEL",
    "EVENT_ID",
    "EVENT_KEYWORD",
    "EVENT_LEVEL",
    "EVENT_NAME",
    "EVENT_SCHEMA",
    "EVENT_VERSION",
]

# The event: TraceLogging shape, no fields; its user data is one serialized
# ExportMetricsServiceRequest without any prefix.
EVENT_NAME = "otlp_metrics"
EVENT_ID = 81
EVENT_VERSION = 0
EVENT_CHANNEL = 11  # WINEVENT_CHANNEL_TRACELOGGING
EVENT_LEVEL = 4  # WINEVENT_LEVEL_INFO
EVENT_KEYWORD = 0x1

# Bytes of protobuf in one event. 61,440 leaves room for what a session may add (stacks,
# SIDs) in its usual 64 KiB buffers; 65,360 is what the Rust crate and .NET Geneva send.
ETW_LIMIT = 61_440
ETW_LIMIT_MAXIMUM = 65_360
# What fits into a session's usual buffers of 64 KiB when it adds nothing: 65,536 less 72 of buffer
# header, 80 of event header and 72 of traits and schema.
ETW_LIMIT_64K_BUFFERS = 65_312

# TraceLogging event metadata: size, no tags, the name, and no fields, for the payload has none that
# a manifest could name.
EVENT_SCHEMA = struct.pack("<HB", 3 + len(EVENT_NAME) + 1, 0) + EVENT_NAME.encode() + b"\0"
