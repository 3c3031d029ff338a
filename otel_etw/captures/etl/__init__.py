"""Event trace log files (.etl) of Windows, read on any system.

A file is a sequence of buffers, each of one processor; a buffer is a sequence of records; some
records are events of our provider, whose payload is a frame. One idea a file:

    buffers     the file → buffers, and what is damaged between them
    log_header  the record that begins a file
    session     what it says of the session
    records     the kinds of records
    walk        a buffer → the events of one provider, and counts of everything; _walk is compiled
    expand      compressed buffers
    events      what an event of our provider holds
    names       what events, providers and programs are called
    clock       times of the session's clock → UTC
    order       events into the order of their times
    report      what is known of the file when it is read
    reader      all that as a Reader
"""

from __future__ import annotations

from otel_etw.captures.etl.buffers import begins_log, may_begin_log
from otel_etw.captures.etl.reader import LOG_HEAD, NATIVE, EtlReader
from otel_etw.captures.etl.report import RECORD_KINDS, EtlReport, EventCount
from otel_etw.captures.etl.session import Session

__all__ = [
    "LOG_HEAD",
    "NATIVE",
    "RECORD_KINDS",
    "EtlReader",
    "EtlReport",
    "EventCount",
    "Session",
    "begins_log",
    "may_begin_log",
]
