"""Event trace log files (.etl) of Windows, read on any system.

A file is a sequence of buffers, each of one processor; a buffer is a sequence of records; some
records are events of our provider, whose payload is a frame. One idea a file:

``buffers``   the file → buffers, and what is damaged between them
``session``   the log header → what the session was
``records``   the kinds of records, and where the payload of an event begins
``walk``      a buffer → the events of our provider, and counts of everything else; ``_walk`` is its
              compiled twin
``expand``    compressed buffers
``clock``     a time of the session's clock → UTC
``order``     events into the order of their times
``report``    what is known of the file when it is read
``reader``    all that as a `Reader`
"""

from __future__ import annotations

from otel_etw.captures.etl.report import RECORD_KINDS, EtlReport, EventCount
from otel_etw.captures.etl.session import Session

__all__ = ["RECORD_KINDS", "EtlReport", "EventCount", "Session"]
