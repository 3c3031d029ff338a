"""Frames → batches, compiled: the twin of ``reference.py``.

One row a point, no object a point. What comes again is found by its bytes instead of being read
again: the attributes of a point by their encoded form, mostly by one comparison with the form of
the series that followed the last one the time before.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from otel_etw.captures.columns._around cimport read_metric, read_resource, read_scope
from otel_etw.captures.columns._atomic cimport Counter, begin_use, end_use
from otel_etw.captures.columns._batch cimport new_batch
from otel_etw.captures.columns._check cimport check_request_c, reason_text
from otel_etw.captures.columns._interning cimport Entry
from otel_etw.captures.columns._known cimport (
    Known,
    Scope,
    forget,
    free_known,
    intern_text,
    known_size,
    metric_texts_size,
    scope_texts_size,
)
from otel_etw.captures.columns._point_fields cimport PointFields, fill_point_fields, kind_of
from otel_etw.captures.columns._points cimport Rows, read_point
from otel_etw.captures.columns._protobuf cimport Field, Span, find, next_field, span_size
from otel_etw.captures.columns._runs cimport (
    Runs,
    Source,
    add_run,
    add_source,
    empty_runs,
    fill_columns,
    free_runs,
)
from otel_etw.captures.columns._storage cimport Pool, drop_pool, let_go, new_pool, take_storage

import os

from otel_etw.captures.columns._batch import Batch

__all__ = ["Batch", "Decoder"]

cdef enum Status:
    NO_MEMORY = -1
    DONE = 0
    FULL = 1

cdef enum:
    # More could take more than the 2 GiB that the offsets of Arrow's texts and lists can tell: a
    # byte becomes at most six, as an escape in JSON.
    MOST_PAYLOAD = (1 << 28) - 1
    MOST_ROWS = 1 << 24
    MOST_BATCH_BYTES = 1 << 28

cdef enum Tag:
    REQUEST_RESOURCE_METRICS = 0x0A
    RESOURCE_METRICS_SCOPE_METRICS = 0x12
    SCOPE_METRICS_METRIC = 0x12
    DATA_POINT = 0x0A

cdef PointFields POINT_FIELDS
fill_point_fields(&POINT_FIELDS)


@cython.final
cdef class Decoder:
    """Takes serialized requests and gives batches of their points.

    A batch has at most ``rows`` rows, and about ``batch_bytes`` bytes of lists and of texts, and
    one row more. Where more than ``table_bytes`` bytes are remembered of attributes and series,
    they are forgotten between batches; that changes no value. Memory is bounded by these and by a
    small multiple of the largest frame.

    One thread at a time may use a decoder: another one gets a RuntimeError. Where there is no
    memory, MemoryError: the rows that were not taken are lost then, and the rest of the frame.
    """

    # Of all frames:
    cdef Known known
    cdef Pool *pool
    cdef size_t most_rows, most_bytes, most_table_bytes
    cdef Counter users
    cdef bytes file_name
    cdef readonly unsigned long long points
    # Of the batch:
    cdef Rows rows
    cdef Runs runs
    cdef size_t header_bytes    # of the texts that belong to runs
    # Of the frame: what is left of each message that is being read, and the whole of some.
    cdef bytes payload, frame_file
    cdef Span frame_file_name
    cdef Source source
    cdef bint is_suspended
    cdef Span request, resource_metrics, scope_metrics, metric_data, data
    cdef Span whole_resource_metrics, whole_scope_metrics, whole_metric
    cdef uint64_t data_tag
    cdef int kind
    # Of these messages, whether they were read, what they are, and whether rows may follow.
    cdef bint has_resource, has_scope, has_metric, has_source, has_run
    cdef Scope resource         # a scope without what is its own
    cdef uint32_t scope, metric

    def __cinit__(self):
        cdef bytes secret = os.urandom(sizeof(self.known.key))
        memcpy(&self.known.key, <const char *>secret, sizeof(self.known.key))
        self.file_name = b""
        self.pool = new_pool()
        if self.pool == NULL:
            raise MemoryError("no memory for a decoder")

    def __init__(
        self, *, rows: int = 16_384, batch_bytes: int = 4 << 20, table_bytes: int = 4 << 20
    ):
        """``rows``: from 1 to 16,777,216; ``batch_bytes``: from 1 to 268,435,456; ``table_bytes``:
        0 or more. ValueError for other numbers.
        """
        if self.most_rows:
            raise TypeError("a Decoder keeps its limits")
        if not 1 <= rows <= MOST_ROWS:
            raise ValueError(f"{rows} rows a batch, allowed are 1 to {MOST_ROWS:,}")
        if not 1 <= batch_bytes <= MOST_BATCH_BYTES:
            raise ValueError(
                f"{batch_bytes} bytes a batch, allowed are 1 to {MOST_BATCH_BYTES:,}"
            )
        if table_bytes < 0:
            raise ValueError(f"{table_bytes} bytes of tables, allowed are 0 and more")
        self.most_bytes = batch_bytes
        self.most_table_bytes = min(table_bytes, MOST_BATCH_BYTES)
        self.most_rows = rows

    def __dealloc__(self):
        free_known(&self.known)
        free_runs(&self.runs)
        if self.rows.storage != NULL:
            let_go(self.rows.storage)
        if self.pool != NULL:
            drop_pool(self.pool)

    # What callers use ----------------------------------------------------------------------------

    def file(self, str name not None):
        """The rows of frames that are added from now on are of this file."""
        cdef bytes encoded = name.encode("utf-8", "replace")
        if len(encoded) > MOST_PAYLOAD:
            raise ValueError(f"a file name of {len(encoded):,} bytes")
        self.enter()
        self.file_name = encoded
        end_use(&self.users)

    def add(self, bytes payload not None, offset, event=None, bint checked=False):
        """Take one frame. ValueError with a reason when protobuf would refuse it, or when it has
        more than 268,435,455 bytes: nothing of it is kept. True when there is a batch to take now:
        then call `take`, and `resume` until that returns False, for one frame may give several
        batches.

        ``offset`` is where the frame begins in the file, in bytes. ``checked`` says that
        `check_request` accepts the payload; of a payload that it does not accept, no more is
        promised then than that the process goes on.
        """
        cdef Source source
        memset(&source, 0, sizeof(source))
        source.offset = offset
        if event is not None:
            source.has_event = True
            source.time = <int64_t><uint64_t>(event.time & 0xFFFF_FFFF_FFFF_FFFF)
            source.process = event.process
            source.thread = event.thread
            source.processor = event.processor
        self.enter()
        try:
            if self.is_suspended:
                raise RuntimeError("the frame before is not done: resume() it")
            self.begin(payload, checked)
            self.source = source
            return self.go_on()
        finally:
            end_use(&self.users)

    def resume(self):
        """Go on with the frame whose points filled a batch; True as of `add`."""
        self.enter()
        try:
            return self.go_on() if self.is_suspended else False
        finally:
            end_use(&self.users)

    def take(self):
        """The rows so far; None when there are none."""
        cdef int status
        self.enter()
        try:
            if self.rows.count == 0:
                return None
            with nogil:
                status = fill_columns(&self.rows, &self.known, &self.runs)
            if status < 0:
                self.abandon()
                raise MemoryError("no memory for the columns of a batch")
            try:
                batch = new_batch(self.rows.storage)
            except MemoryError:
                # The columns are filled, and cannot be filled again.
                self.abandon()
                raise
            self.rows.storage = NULL
            self.start_batch()
            if self.is_forgetting_due():
                self.forget_all()
            return batch
        finally:
            end_use(&self.users)

    # Between calls -------------------------------------------------------------------------------

    cdef int enter(self) except -1:
        if not begin_use(&self.users):
            raise RuntimeError("another thread uses this decoder")
        return 0

    cdef int begin(self, bytes payload, bint checked) except -1:
        cdef size_t size = <size_t>PyBytes_GET_SIZE(payload)
        if size > MOST_PAYLOAD:
            raise ValueError(
                f"a request of {size:,} bytes; up to {MOST_PAYLOAD:,} are decoded"
            )
        cdef const uint8_t *start = <const uint8_t *>PyBytes_AS_STRING(payload)
        cdef bint holds_metrics = False
        cdef int fault
        if not checked:
            with nogil:
                fault = check_request_c(start, size, &holds_metrics)
            if fault:
                raise ValueError(reason_text(fault))
        self.payload = payload
        self.frame_file = self.file_name
        self.frame_file_name.at = <const uint8_t *>PyBytes_AS_STRING(self.frame_file)
        self.frame_file_name.end = (
            self.frame_file_name.at + <size_t>PyBytes_GET_SIZE(self.frame_file)
        )
        self.request.at = start
        self.request.end = start + size
        self.has_source = self.has_run = False
        return 0

    cdef bint go_on(self) except -1:
        cdef int status
        with nogil:
            status = self.advance()
        if status == NO_MEMORY:
            self.abandon()
            raise MemoryError("no memory for the columns of a batch")
        self.is_suspended = status == FULL
        if status == DONE:
            self.end_frame()
        return status == FULL

    cdef void end_frame(self) noexcept:
        self.is_suspended = False
        memset(&self.request, 0, sizeof(Span))
        self.resource_metrics = self.scope_metrics = self.metric_data = self.data = self.request
        self.payload = None

    cdef void start_batch(self) noexcept nogil:
        self.rows.count = self.rows.exemplars = self.rows.bytes = 0
        self.known.form_bytes = self.header_bytes = 0
        empty_runs(&self.runs)
        self.has_run = self.has_source = False

    cdef void abandon(self) noexcept:
        """After a failure amid a row."""
        self.points -= self.rows.count
        if self.rows.storage != NULL:
            # All rows of it may have been written to.
            self.rows.storage.rows = self.rows.storage.room
            let_go(self.rows.storage)
            self.rows.storage = NULL
        self.start_batch()
        self.end_frame()
        self.forget_all()

    cdef bint is_forgetting_due(self) noexcept nogil:
        # What is around the points of this frame would be remembered again at once.
        cdef size_t most = self.most_table_bytes + 2 * self.texts_around()
        return known_size(&self.known) > most or self.known.stamp >> 31 != 0

    cdef size_t texts_around(self) noexcept nogil:
        cdef size_t size = 0
        if self.has_scope:
            size += scope_texts_size(&self.known, self.scope)
        if self.has_metric:
            size += metric_texts_size(&self.known, self.metric)
        return size

    cdef void forget_all(self) noexcept nogil:
        forget(&self.known)
        self.has_resource = self.has_scope = self.has_metric = False
        self.has_source = self.has_run = False

    # The walk over a frame -----------------------------------------------------------------------

    cdef bint is_full(self) noexcept nogil:
        return (
            self.rows.count >= self.most_rows
            or self.rows.bytes + self.known.form_bytes >= self.most_bytes
        )

    cdef int advance(self) noexcept nogil:
        """Reads points until the frame ends (DONE) or the batch has no room (FULL)."""
        cdef Span message, before
        cdef int status
        while not self.is_full():
            before = self.data
            if find(&self.data, DATA_POINT, &message):
                if not self.has_run:
                    status = self.start_run()
                    if status != DONE:
                        self.data = before
                        return status
                status = read_point(
                    &self.rows,
                    &self.known,
                    &POINT_FIELDS,
                    self.kind,
                    self.scope,
                    self.metric,
                    message,
                )
                if status < 0:
                    return NO_MEMORY
                self.points += 1
            elif find(&self.metric_data, self.data_tag, &self.data):
                pass
            elif find(&self.scope_metrics, SCOPE_METRICS_METRIC, &message):
                self.whole_metric = message
                self.has_metric = self.has_run = False
                self.find_data(message)
            elif find(&self.resource_metrics, RESOURCE_METRICS_SCOPE_METRICS, &message):
                self.scope_metrics = self.whole_scope_metrics = message
                self.has_scope = self.has_run = False
            elif find(&self.request, REQUEST_RESOURCE_METRICS, &message):
                self.resource_metrics = self.whole_resource_metrics = message
                self.has_resource = self.has_scope = self.has_run = False
            else:
                return DONE
        return FULL

    cdef void find_data(self, Span metric) noexcept nogil:
        """Of the kinds in a metric the last one counts; protobuf merges its pieces since another
        kind stood there."""
        cdef Field field
        cdef int kind
        self.data_tag = 0
        while next_field(&metric, &field):
            kind = kind_of(field.tag)
            if kind >= 0 and field.tag != self.data_tag:
                self.data_tag = field.tag
                self.kind = kind
                self.metric_data.at = field.start
        self.metric_data.end = self.whole_metric.end
        if self.data_tag == 0:
            self.metric_data.at = self.metric_data.end

    cdef int start_run(self) noexcept nogil:
        """Before the first point of a metric, in a frame or in a batch."""
        cdef Entry *scope
        cdef Entry *metric
        cdef size_t size = 0
        if self.read_around() < 0 or self.read_file() < 0:
            return NO_MEMORY
        if self.rows.storage == NULL:
            self.rows.storage = take_storage(self.pool, self.most_rows)
            if self.rows.storage == NULL:
                return NO_MEMORY
        if self.rows.count == 0:
            self.known.stamp += 1
        scope = &self.known.scopes.entries[self.scope]
        metric = &self.known.metrics.entries[self.metric]
        if scope.stamp != self.known.stamp:
            size += scope_texts_size(&self.known, self.scope)
        if metric.stamp != self.known.stamp:
            size += metric_texts_size(&self.known, self.metric)
        if not self.has_source and self.is_new_file():
            size += span_size(self.frame_file_name)
        if self.rows.count and size and self.header_bytes + size > self.most_bytes:
            return FULL
        scope.stamp = metric.stamp = self.known.stamp
        self.header_bytes += size
        if not self.has_source and self.start_source() < 0:
            return NO_MEMORY
        if add_run(&self.runs, self.rows.count, self.scope, self.metric) < 0:
            return NO_MEMORY
        self.has_run = True
        return DONE

    cdef int read_around(self) noexcept nogil:
        """What is around the point, where that was not read or was forgotten."""
        cdef int64_t number
        if not self.has_resource:
            if read_resource(&self.known, self.whole_resource_metrics, &self.resource) < 0:
                return -1
            self.has_resource = True
        if not self.has_scope:
            number = read_scope(&self.known, self.whole_scope_metrics, &self.resource)
            if number < 0:
                return -1
            self.scope = <uint32_t>number
            self.has_scope = True
        if not self.has_metric:
            number = read_metric(&self.known, self.whole_metric, self.data_tag, self.kind)
            if number < 0:
                return -1
            self.metric = <uint32_t>number
            self.has_metric = True
        return 0

    cdef int read_file(self) noexcept nogil:
        """The name of the file that the frame is of."""
        cdef int64_t file
        if not self.has_source:
            file = intern_text(&self.known, self.frame_file_name)
            if file < 0:
                return -1
            self.source.file = <uint32_t>file
        return 0

    cdef bint is_new_file(self) noexcept nogil:
        """Whether the rows before, if any, are of another file."""
        cdef size_t count = self.runs.sources.used // sizeof(Source)
        return count == 0 or (
            (<const Source *>self.runs.sources.data)[count - 1].file != self.source.file
        )

    cdef int start_source(self) noexcept nogil:
        self.has_source = True
        return add_source(&self.runs, &self.source)
