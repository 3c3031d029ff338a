"""Frames → batches, compiled: the twin of ``reference.py``.

One row a point, no object a point. What comes again is found by its bytes instead of being read
again: the attributes of a point by their encoded form, mostly by one comparison with the form of
the series that followed the last one the time before.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset, strlen

from otel_etw.captures.columns._atomic cimport Counter, add_to
from otel_etw.captures.columns._batch cimport new_batch
from otel_etw.captures.columns._check cimport check_request_c, reason_text
from otel_etw.captures.columns._growing cimport Buffer, append, append_byte, release, reserve
from otel_etw.captures.columns._interning cimport (
    Entry,
    HashKey,
    Table,
    empty_table,
    entry_bytes,
    free_table,
    intern_bytes,
    table_size,
)
from otel_etw.captures.columns._json cimport find_text, has_key, write_attributes
from otel_etw.captures.columns._protobuf cimport (
    Field,
    Span,
    copy_words,
    find,
    load64,
    next_field,
    read_length,
    read_varint,
    skip_value,
    span_size,
    store64,
)
from otel_etw.captures.columns._storage cimport *
from otel_etw.captures.columns._xxh64 cimport xxh64

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
    # What is measured of an exemplar beside its texts.
    EXEMPLAR_BYTES = 40
    NO_TEXT = 0xFFFFFFFF

cdef enum Tag:
    REQUEST_RESOURCE_METRICS = 0x0A
    RESOURCE_METRICS_RESOURCE = 0x0A
    RESOURCE_METRICS_SCOPE_METRICS = 0x12
    RESOURCE_ATTRIBUTE = 0x0A
    RESOURCE_DROPPED_COUNT = 0x10
    SCOPE_METRICS_SCOPE = 0x0A
    SCOPE_METRICS_METRIC = 0x12
    NAME = 0x0A
    VERSION = 0x12
    SCOPE_ATTRIBUTE = 0x1A
    SCOPE_DROPPED_COUNT = 0x20
    SCHEMA_URL = 0x1A
    DESCRIPTION = 0x12
    UNIT = 0x1A
    METADATA = 0x62
    DATA_POINT = 0x0A
    AGGREGATION_TEMPORALITY = 0x10
    MONOTONIC = 0x18
    BUCKETS_OFFSET = 0x08
    BUCKETS_COUNT = 0x10
    BUCKETS_COUNTS = 0x12
    QUANTILE_QUANTILE = 0x09
    QUANTILE_VALUE_OF = 0x11
    EXEMPLAR_TIME_UNIX = 0x11
    EXEMPLAR_DOUBLE = 0x19
    EXEMPLAR_INT = 0x31
    EXEMPLAR_SPAN_ID = 0x22
    EXEMPLAR_TRACE_ID = 0x2A
    EXEMPLAR_ATTRIBUTE = 0x3A

# What texts of a column are taken from.
cdef enum:
    METRICS
    SCOPES
    SOURCES

cdef enum:
    GAUGE
    SUM_OF
    HISTOGRAM
    EXPONENTIAL
    SUMMARY
    KIND_COUNT

# What to do with a field of a point: numbers of 8 bytes are kept under this very number.
cdef enum:
    WORD_START
    WORD_TIME
    WORD_DOUBLE
    WORD_INT
    WORD_COUNT
    WORD_SUM
    WORD_MIN
    WORD_MAX
    WORD_ZERO_COUNT
    WORD_ZERO_THRESHOLD
    WORDS
    READ_ATTRIBUTE = WORDS
    READ_FLAGS
    READ_EXEMPLAR
    READ_BOUND
    READ_BOUNDS
    READ_BUCKET
    READ_BUCKETS
    READ_SCALE
    READ_POSITIVE
    READ_NEGATIVE
    READ_QUANTILE
    SKIP

_EVERY_POINT = {0x11: WORD_START, 0x19: WORD_TIME}
_NUMBER = {
    **_EVERY_POINT,
    0x21: WORD_DOUBLE,
    0x2A: READ_EXEMPLAR,
    0x31: WORD_INT,
    0x3A: READ_ATTRIBUTE,
    0x40: READ_FLAGS,
}
# The fields of each kind's points by their tags. A repeated number may stand alone or packed.
_FIELDS = (
    _NUMBER,
    _NUMBER,
    {
        **_EVERY_POINT,
        0x21: WORD_COUNT,
        0x29: WORD_SUM,
        0x31: READ_BUCKET,
        0x32: READ_BUCKETS,
        0x39: READ_BOUND,
        0x3A: READ_BOUNDS,
        0x42: READ_EXEMPLAR,
        0x4A: READ_ATTRIBUTE,
        0x50: READ_FLAGS,
        0x59: WORD_MIN,
        0x61: WORD_MAX,
    },
    {
        **_EVERY_POINT,
        0x0A: READ_ATTRIBUTE,
        0x21: WORD_COUNT,
        0x29: WORD_SUM,
        0x30: READ_SCALE,
        0x39: WORD_ZERO_COUNT,
        0x42: READ_POSITIVE,
        0x4A: READ_NEGATIVE,
        0x50: READ_FLAGS,
        0x5A: READ_EXEMPLAR,
        0x61: WORD_MIN,
        0x69: WORD_MAX,
        0x71: WORD_ZERO_THRESHOLD,
    },
    {
        **_EVERY_POINT,
        0x21: WORD_COUNT,
        0x29: WORD_SUM,
        0x32: READ_QUANTILE,
        0x3A: READ_ATTRIBUTE,
        0x40: READ_FLAGS,
    },
)

cdef uint8_t[KIND_COUNT][128] ACTIONS
cdef uint64_t[KIND_COUNT] ATTRIBUTE_TAGS
cdef HashKey HASH_KEY


cdef int fill_tables() except -1:
    cdef int kind, tag, action
    cdef bytes secret = os.urandom(sizeof(HASH_KEY))
    memcpy(&HASH_KEY, <const char *>secret, sizeof(HASH_KEY))
    memset(ACTIONS, SKIP, sizeof(ACTIONS))
    for kind in range(KIND_COUNT):
        for tag, action in _FIELDS[kind].items():
            ACTIONS[kind][tag] = <uint8_t>action
            if action == READ_ATTRIBUTE:
                ATTRIBUTE_TAGS[kind] = <uint64_t>tag
    return 0


fill_tables()


cdef inline const char *kind_word(int kind) noexcept nogil:
    if kind == GAUGE:
        return "gauge"
    if kind == SUM_OF:
        return "sum"
    if kind == HISTOGRAM:
        return "histogram"
    if kind == EXPONENTIAL:
        return "exponential_histogram"
    return "summary"


cdef inline int kind_of(uint64_t tag) noexcept nogil:
    """The kind whose data has this tag in a Metric; -1: none."""
    if tag == 0x2A:
        return GAUGE
    if tag == 0x3A:
        return SUM_OF
    if tag == 0x4A:
        return HISTOGRAM
    if tag == 0x52:
        return EXPONENTIAL
    if tag == 0x5A:
        return SUMMARY
    return -1


# What is remembered ------------------------------------------------------------------------------

# Texts are numbers of entries in the table of texts; NO_TEXT is null.
cdef struct Scope:
    uint32_t name
    uint32_t version
    uint32_t attributes
    uint32_t schema_url
    uint32_t service
    uint32_t resource_attributes
    uint32_t resource_schema_url
    uint32_t dropped
    uint32_t resource_dropped


cdef struct Metric:
    uint32_t name
    uint32_t kind
    uint32_t unit
    uint32_t description
    uint32_t metadata
    uint32_t temporality
    int32_t monotonic       # -1: null
    int32_t kind_number


cdef struct SeriesKey:
    uint32_t scope
    uint32_t metric
    uint32_t attributes


cdef struct Series:
    uint64_t id
    uint64_t form_at        # the encoded attributes that were seen last
    uint32_t form_size
    SeriesKey key
    uint32_t next           # the series that came after it the last time
    uint32_t stamp          # the batch for which ``index`` holds
    uint32_t index          # of its attributes in the dictionary


cdef struct Source:
    # Where a frame was read.
    uint64_t offset
    uint32_t file           # a text
    bint has_event
    int64_t time
    uint32_t process
    uint32_t thread
    uint16_t processor


cdef struct Run:
    # Rows of one metric in one frame.
    size_t row
    uint32_t scope
    uint32_t metric
    size_t source


cdef struct Pieces:
    # Fields of a message that have one tag, perhaps with others between them.
    const uint8_t *start
    const uint8_t *stop
    bint are_gathered


cdef inline int add_piece(
    Pieces *pieces, Buffer *gathered, const uint8_t *start, const uint8_t *stop
) noexcept nogil:
    """-1 when there is no memory."""
    if pieces.start == NULL:
        pieces.start = start
    elif pieces.are_gathered:
        return append(gathered, start, <size_t>(stop - start))
    elif pieces.stop != start:
        pieces.are_gathered = True
        gathered.used = 0
        if append(gathered, pieces.start, <size_t>(pieces.stop - pieces.start)) < 0:
            return -1
        return append(gathered, start, <size_t>(stop - start))
    pieces.stop = stop
    return 0


cdef inline Span pieces_span(const Pieces *pieces, const Buffer *gathered) noexcept nogil:
    cdef Span span
    span.at = pieces.start
    span.end = pieces.stop
    if pieces.are_gathered:
        span.at = gathered.data
        span.end = gathered.data + gathered.used
    return span


cdef inline uint32_t zigzag(uint64_t number) noexcept nogil:
    """A sint32."""
    cdef uint32_t half = <uint32_t>number
    return (half >> 1) ^ (0 - (half & 1))


cdef inline size_t item_count(const Vector *items) noexcept nogil:
    return items.data.used >> 3


cdef inline int append_optional(
    Vector *items, bint is_present, uint64_t number
) noexcept nogil:
    """-1 when there is no memory."""
    cdef size_t item = item_count(items)
    if item & 7 == 0 and append_byte(&items.validity, 0) < 0:
        return -1
    if is_present:
        mark(items, item)
    else:
        number = 0
    return append(&items.data, &number, 8)


cdef inline int append_hex(Vector *items, Span content) noexcept nogil:
    """-1 when there is no memory."""
    cdef const char *digits = "0123456789abcdef"
    cdef const uint8_t *at = content.at
    cdef uint8_t *to
    if reserve(&items.texts, 2 * span_size(content)) < 0:
        return -1
    to = items.texts.data + items.texts.used
    while at < content.end:
        to[0] = digits[at[0] >> 4]
        to[1] = digits[at[0] & 15]
        to += 2
        at += 1
    items.texts.used += 2 * span_size(content)
    return append_text_end(&items.data, &items.texts)


@cython.final
cdef class Decoder:
    """Takes serialized requests and gives batches of their points.

    A batch has at most ``rows`` rows, and about ``batch_bytes`` bytes of lists and of texts, and one
    row more. Where more than ``table_bytes`` bytes are remembered of attributes and series, they
    are forgotten between batches; that changes no value. Memory is bounded by these and by a small
    multiple of the largest frame.

    One thread at a time may use a decoder: another one gets a RuntimeError. Where there is no
    memory, MemoryError: the rows that were not taken are lost then, and so is the rest of the frame.
    """

    # Of all frames:
    cdef Table texts, forms, scopes, metrics, series_keys
    cdef Series *series
    cdef size_t series_room
    cdef uint32_t last_series, stamp
    cdef Pool *pool
    cdef size_t most_rows, most_bytes, most_table_bytes
    cdef Counter users
    cdef Buffer file_name, gathered, json
    cdef readonly unsigned long long points
    # Of the batch:
    cdef Storage *storage
    cdef size_t rows, exemplars
    cdef size_t bytes           # of its lists and attributes
    cdef size_t header_bytes    # of the other texts
    cdef Buffer runs, sources
    # Of the frame: what is left of each message that is being read, and the whole of some.
    cdef bytes payload
    cdef Source source
    cdef bint is_suspended
    cdef Span request, resource_metrics, scope_metrics, metric_data, data
    cdef Span whole_resource_metrics, whole_scope_metrics, whole_metric
    cdef uint64_t data_tag
    cdef int kind
    # Of these messages, whether they were read, what they are, and whether rows may follow.
    cdef bint has_resource, has_scope, has_metric, has_source, has_run
    cdef Scope scope_of
    cdef uint32_t scope, metric
    # The hashes of the texts that make a series' id, of this scope and metric.
    cdef bint has_hashes
    cdef uint32_t hashed_scope, hashed_metric
    cdef uint64_t[12] hashes

    def __cinit__(self):
        self.pool = new_pool()
        if self.pool == NULL:
            raise MemoryError("no memory for a decoder")

    def __init__(
        self, *, rows: int = 65_536, batch_bytes: int = 16 << 20, table_bytes: int = 4 << 20
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
        free_table(&self.texts)
        free_table(&self.forms)
        free_table(&self.scopes)
        free_table(&self.metrics)
        free_table(&self.series_keys)
        free(self.series)
        release(&self.file_name)
        release(&self.gathered)
        release(&self.json)
        release(&self.runs)
        release(&self.sources)
        if self.storage != NULL:
            let_go(self.storage)
        if self.pool != NULL:
            drop_pool(self.pool)

    # What callers use ----------------------------------------------------------------------------

    def file(self, str name not None):
        """The rows that follow are of this file."""
        cdef bytes encoded = name.encode("utf-8", "replace")
        cdef int status
        self.enter()
        self.file_name.used = 0
        self.has_source = False
        status = append(
            &self.file_name, PyBytes_AS_STRING(encoded), <size_t>PyBytes_GET_SIZE(encoded)
        )
        self.leave()
        if status < 0:
            raise MemoryError("no memory for the name of a file")

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
            self.leave()

    def resume(self):
        """Go on with the frame whose points filled a batch; True as of `add`."""
        self.enter()
        try:
            return self.go_on() if self.is_suspended else False
        finally:
            self.leave()

    def take(self):
        """The rows so far; None when there are none."""
        cdef int status
        self.enter()
        try:
            if self.rows == 0:
                return None
            with nogil:
                status = self.finish()
            if status < 0:
                self.abandon()
                raise MemoryError("no memory for the columns of a batch")
            batch = new_batch(self.storage)
            self.storage = NULL
            self.start_batch()
            if self.is_forgetting_due():
                self.forget()
            return batch
        finally:
            self.leave()

    # Between calls -------------------------------------------------------------------------------

    cdef int enter(self) except -1:
        if add_to(&self.users, 1) != 1:
            add_to(&self.users, -1)
            raise RuntimeError("another thread uses this decoder")
        return 0

    cdef void leave(self) noexcept:
        add_to(&self.users, -1)

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
        self.rows = self.exemplars = self.bytes = self.header_bytes = 0
        self.runs.used = self.sources.used = 0
        self.has_run = self.has_source = False

    cdef void abandon(self) noexcept:
        """After a failure amid a row."""
        self.points -= self.rows
        if self.storage != NULL:
            self.storage.rows = self.storage.room
            let_go(self.storage)
            self.storage = NULL
        self.start_batch()
        self.end_frame()
        self.forget()

    cdef bint is_forgetting_due(self) noexcept nogil:
        cdef size_t size = (
            table_size(&self.texts) + table_size(&self.forms) + table_size(&self.scopes)
            + table_size(&self.metrics) + table_size(&self.series_keys)
            + self.series_keys.count * sizeof(Series)
        )
        # What is around the points of this frame would be remembered again at once.
        return size > self.most_table_bytes + 2 * self.texts_around() or self.stamp >> 31 != 0

    cdef size_t texts_around(self) noexcept nogil:
        cdef size_t size = 0
        if self.has_scope:
            size += self.scope_texts_size(self.scope)
        if self.has_metric:
            size += self.metric_texts_size(self.metric)
        return size

    cdef void forget(self) noexcept nogil:
        empty_table(&self.texts)
        empty_table(&self.forms)
        empty_table(&self.scopes)
        empty_table(&self.metrics)
        empty_table(&self.series_keys)
        self.last_series = self.stamp = 0
        self.has_resource = self.has_scope = self.has_metric = self.has_source = False
        self.has_run = self.has_hashes = False

    # The walk over a frame -----------------------------------------------------------------------

    cdef int advance(self) noexcept nogil:
        cdef Span message, before
        cdef int status
        while True:
            if self.rows >= self.most_rows or self.bytes >= self.most_bytes:
                return FULL
            before = self.data
            if find(&self.data, DATA_POINT, &message):
                if not self.has_run:
                    status = self.start_run()
                    if status != DONE:
                        self.data = before
                        return status
                if self.point(message) < 0:
                    return NO_MEMORY
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
        cdef Run run
        cdef size_t size = 0
        if not self.has_resource and self.read_resource() < 0:
            return NO_MEMORY
        if not self.has_scope and self.read_scope() < 0:
            return NO_MEMORY
        if not self.has_metric and self.read_metric() < 0:
            return NO_MEMORY
        if self.storage == NULL:
            self.storage = take_storage(self.pool, self.most_rows)
            if self.storage == NULL:
                return NO_MEMORY
        if self.rows == 0:
            self.stamp += 1
        scope = &self.scopes.entries[self.scope]
        metric = &self.metrics.entries[self.metric]
        if scope.stamp != self.stamp:
            size += self.scope_texts_size(self.scope)
        if metric.stamp != self.stamp:
            size += self.metric_texts_size(self.metric)
        if self.rows and size and self.header_bytes + size > self.most_bytes:
            return FULL
        scope.stamp = metric.stamp = self.stamp
        self.header_bytes += size
        if not self.has_source and self.start_source() < 0:
            return NO_MEMORY
        run.row = self.rows
        run.scope = self.scope
        run.metric = self.metric
        run.source = self.sources.used // sizeof(Source) - 1
        if append(&self.runs, &run, sizeof(run)) < 0:
            return NO_MEMORY
        self.has_run = True
        return DONE

    cdef int start_source(self) noexcept nogil:
        cdef Span name
        cdef int64_t file
        name.at = self.file_name.data
        name.end = name.at + self.file_name.used
        file = self.text(name)
        if file < 0:
            return NO_MEMORY
        self.source.file = <uint32_t>file
        self.has_source = True
        return append(&self.sources, &self.source, sizeof(Source))

    # What is around the points -------------------------------------------------------------------

    cdef int64_t text(self, Span content) noexcept nogil:
        """The number of this text; -1 when there is no memory."""
        cdef bint is_new = False
        return intern_bytes(&self.texts, content.at, span_size(content), &HASH_KEY, &is_new)

    cdef int64_t word(self, const char *word) noexcept nogil:
        cdef Span content
        content.at = <const uint8_t *>word
        content.end = content.at + strlen(word)
        return self.text(content)

    cdef int64_t form(self, Span encoded, uint64_t tag) noexcept nogil:
        """The number of these encoded attributes, fields with this tag; the value of its entry is
        the text of their JSON. -1 when there is no memory."""
        cdef bint is_new = False
        cdef int64_t form, text
        cdef Span json
        form = intern_bytes(&self.forms, encoded.at, span_size(encoded), &HASH_KEY, &is_new)
        if form >= 0 and is_new:
            self.json.used = 0
            if write_attributes(&self.json, encoded, tag) < 0:
                return -1
            json.at = self.json.data
            json.end = json.at + self.json.used
            text = self.text(json)
            if text < 0:
                return -1
            self.forms.entries[form].value = <uint32_t>text
            # What is remembered beyond the text counts as the batch's too: so it has a bound.
            if span_size(encoded) > self.json.used:
                self.bytes += span_size(encoded) - self.json.used
        return form

    cdef int64_t attributes_text(self, const Pieces *pieces, uint64_t tag) noexcept nogil:
        cdef int64_t form = self.form(pieces_span(pieces, &self.gathered), tag)
        return self.forms.entries[form].value if form >= 0 else -1

    cdef int read_resource(self) noexcept nogil:
        cdef Span message = self.whole_resource_metrics
        cdef Span resource, service
        cdef Field field
        cdef Pieces attributes
        cdef Scope *scope = &self.scope_of
        cdef Span schema_url
        cdef bint has_service = False
        cdef int64_t attributes_text, url_text, service_text = NO_TEXT
        memset(scope, 0, sizeof(Scope))
        memset(&attributes, 0, sizeof(attributes))
        schema_url.at = schema_url.end = message.at
        service = schema_url
        while next_field(&message, &field):
            if field.tag == SCHEMA_URL:
                schema_url = field.content
            elif field.tag == RESOURCE_METRICS_RESOURCE:
                resource = field.content
                while next_field(&resource, &field):
                    if field.tag == RESOURCE_DROPPED_COUNT:
                        scope.resource_dropped = <uint32_t>field.number
                    elif field.tag == RESOURCE_ATTRIBUTE:
                        if add_piece(&attributes, &self.gathered, field.start, resource.at) < 0:
                            return -1
                        if has_key(field.content, "service.name", 12):
                            has_service = find_text(field.content, &service)
        attributes_text = self.attributes_text(&attributes, RESOURCE_ATTRIBUTE)
        url_text = self.text(schema_url)
        if has_service:
            service_text = self.text(service)
        if attributes_text < 0 or url_text < 0 or service_text < 0:
            return -1
        scope.resource_attributes = <uint32_t>attributes_text
        scope.resource_schema_url = <uint32_t>url_text
        scope.service = <uint32_t>service_text
        self.has_resource = True
        return 0

    cdef int read_scope(self) noexcept nogil:
        cdef Span message = self.whole_scope_metrics
        cdef Span piece, name, version, schema_url
        cdef Field field
        cdef Pieces attributes
        cdef Scope scope = self.scope_of
        cdef int64_t attributes_text, name_text, version_text, url_text, number
        cdef bint is_new = False
        memset(&attributes, 0, sizeof(attributes))
        name.at = name.end = message.at
        version = schema_url = name
        while next_field(&message, &field):
            if field.tag == SCHEMA_URL:
                schema_url = field.content
            elif field.tag == SCOPE_METRICS_SCOPE:
                piece = field.content
                while next_field(&piece, &field):
                    if field.tag == NAME:
                        name = field.content
                    elif field.tag == VERSION:
                        version = field.content
                    elif field.tag == SCOPE_DROPPED_COUNT:
                        scope.dropped = <uint32_t>field.number
                    elif field.tag == SCOPE_ATTRIBUTE:
                        if add_piece(&attributes, &self.gathered, field.start, piece.at) < 0:
                            return -1
        attributes_text = self.attributes_text(&attributes, SCOPE_ATTRIBUTE)
        name_text = self.text(name)
        version_text = self.text(version)
        url_text = self.text(schema_url)
        if attributes_text < 0 or name_text < 0 or version_text < 0 or url_text < 0:
            return -1
        scope.attributes = <uint32_t>attributes_text
        scope.name = <uint32_t>name_text
        scope.version = <uint32_t>version_text
        scope.schema_url = <uint32_t>url_text
        number = intern_bytes(
            &self.scopes, <const uint8_t *>&scope, sizeof(scope), &HASH_KEY, &is_new
        )
        if number < 0:
            return -1
        self.scope = <uint32_t>number
        self.has_scope = True
        return 0

    cdef int read_metric(self) noexcept nogil:
        cdef Span message = self.whole_metric
        cdef Span name, unit, description
        cdef Field field
        cdef Pieces metadata
        cdef Metric metric
        cdef int64_t name_text, unit_text, description_text, metadata_text, kind_text
        cdef int64_t temporality_text = NO_TEXT, number
        cdef bint is_new = False
        memset(&metadata, 0, sizeof(metadata))
        memset(&metric, 0, sizeof(metric))
        name.at = name.end = message.at
        unit = description = name
        while next_field(&message, &field):
            if field.tag == NAME:
                name = field.content
            elif field.tag == DESCRIPTION:
                description = field.content
            elif field.tag == UNIT:
                unit = field.content
            elif field.tag == METADATA:
                if add_piece(&metadata, &self.gathered, field.start, message.at) < 0:
                    return -1
        metadata_text = self.attributes_text(&metadata, METADATA)
        name_text = self.text(name)
        unit_text = self.text(unit)
        description_text = self.text(description)
        kind_text = self.word(kind_word(self.kind))
        metric.kind_number = self.kind
        metric.monotonic = 0 if self.kind == SUM_OF else -1
        if self.kind == SUM_OF or self.kind == HISTOGRAM or self.kind == EXPONENTIAL:
            temporality_text = self.temporality(&metric)
        if (
            metadata_text < 0 or name_text < 0 or unit_text < 0 or description_text < 0
            or kind_text < 0 or temporality_text < 0
        ):
            return -1
        metric.name = <uint32_t>name_text
        metric.kind = <uint32_t>kind_text
        metric.unit = <uint32_t>unit_text
        metric.description = <uint32_t>description_text
        metric.metadata = <uint32_t>metadata_text
        metric.temporality = <uint32_t>temporality_text
        number = intern_bytes(
            &self.metrics, <const uint8_t *>&metric, sizeof(metric), &HASH_KEY, &is_new
        )
        if number < 0:
            return -1
        self.metric = <uint32_t>number
        self.has_metric = True
        return 0

    cdef int64_t temporality(self, Metric *metric) noexcept nogil:
        """The temporality's text, and whether a sum is monotonic."""
        cdef Span message = self.whole_metric
        cdef Span data
        cdef Field field
        cdef uint32_t temporality = 0
        while next_field(&message, &field):
            if field.tag == self.data_tag:
                data = field.content
                while next_field(&data, &field):
                    if field.tag == AGGREGATION_TEMPORALITY:
                        temporality = <uint32_t>field.number
                    elif field.tag == MONOTONIC and self.kind == SUM_OF:
                        metric.monotonic = field.number != 0
            elif kind_of(field.tag) >= 0:
                # Another kind stood there: what was read is no part of this one.
                temporality = 0
                if self.kind == SUM_OF:
                    metric.monotonic = 0
        if temporality == 1:
            return self.word("delta")
        if temporality == 2:
            return self.word("cumulative")
        return NO_TEXT

    cdef size_t scope_texts_size(self, uint32_t number) noexcept nogil:
        cdef const Scope *scope = <const Scope *>entry_bytes(&self.scopes, number)
        cdef uint32_t[7] texts
        cdef size_t size = 0
        cdef int i
        memcpy(texts, scope, sizeof(texts))
        for i in range(7):
            if texts[i] != NO_TEXT:
                size += self.texts.entries[texts[i]].size
        return size

    cdef size_t metric_texts_size(self, uint32_t number) noexcept nogil:
        cdef uint32_t[5] texts
        cdef size_t size = 0
        cdef int i
        memcpy(texts, entry_bytes(&self.metrics, number), sizeof(texts))
        for i in range(5):
            size += self.texts.entries[texts[i]].size
        return size

    # Series --------------------------------------------------------------------------------------

    cdef int64_t series_of(self, uint32_t form) noexcept nogil:
        """The number of the series of this metric that has these attributes; -1 when there is no
        memory."""
        cdef SeriesKey key
        cdef Series *series
        cdef Entry *entry = &self.forms.entries[form]
        cdef bint is_new = False
        cdef int64_t number
        key.scope = self.scope
        key.metric = self.metric
        key.attributes = entry.value
        number = intern_bytes(
            &self.series_keys, <const uint8_t *>&key, sizeof(key), &HASH_KEY, &is_new
        )
        if number < 0:
            return -1
        if is_new:
            if self.series_keys.count > self.series_room:
                series = <Series *>realloc(
                    self.series, (2 * self.series_room + 1024) * sizeof(Series)
                )
                if series == NULL:
                    return -1
                self.series = series
                self.series_room = 2 * self.series_room + 1024
            series = &self.series[number]
            memset(series, 0, sizeof(Series))
            series.key = key
            series.next = <uint32_t>number
            series.id = self.series_id(key.attributes)
        series = &self.series[number]
        series.form_at = entry.at
        series.form_size = entry.size
        return number

    cdef uint64_t text_hash(self, uint32_t text) noexcept nogil:
        if text == NO_TEXT:
            return xxh64(NULL, 0)
        return xxh64(entry_bytes(&self.texts, text), self.texts.entries[text].size)

    cdef uint64_t series_id(self, uint32_t attributes) noexcept nogil:
        """As ``series_id`` of ``reference.py``."""
        cdef uint8_t[12 * 8] bytes
        cdef int i
        if not (
            self.has_hashes
            and self.hashed_scope == self.scope
            and self.hashed_metric == self.metric
        ):
            self.hash_texts_around()
        self.hashes[5] = self.text_hash(attributes)
        for i in range(12):
            store64(bytes + 8 * i, self.hashes[i])
        return xxh64(bytes, sizeof(bytes))

    cdef void hash_texts_around(self) noexcept nogil:
        cdef const Scope *scope = <const Scope *>entry_bytes(&self.scopes, self.scope)
        cdef const Metric *metric = <const Metric *>entry_bytes(&self.metrics, self.metric)
        cdef const char *monotonic = ""
        if metric.monotonic >= 0:
            monotonic = "true" if metric.monotonic else "false"
        self.hashes[0] = self.text_hash(metric.name)
        self.hashes[1] = self.text_hash(metric.kind)
        self.hashes[2] = self.text_hash(metric.unit)
        self.hashes[3] = self.text_hash(metric.temporality)
        self.hashes[4] = xxh64(<const uint8_t *>monotonic, strlen(monotonic))
        self.hashes[6] = self.text_hash(scope.name)
        self.hashes[7] = self.text_hash(scope.version)
        self.hashes[8] = self.text_hash(scope.attributes)
        self.hashes[9] = self.text_hash(scope.schema_url)
        self.hashes[10] = self.text_hash(scope.resource_attributes)
        self.hashes[11] = self.text_hash(scope.resource_schema_url)
        self.has_hashes = True
        self.hashed_scope = self.scope
        self.hashed_metric = self.metric

    cdef inline int64_t index_of(self, int column, uint32_t text) noexcept nogil:
        """Where the text stands in the batch's dictionary of this column; -1 when there is no
        memory. The stamp tells one column of one batch."""
        cdef Entry *entry = &self.texts.entries[text]
        cdef Vector *vector = &self.storage.vectors[column]
        if entry.stamp != self.stamp:
            if (
                append(&vector.texts, self.texts.bytes.data + entry.at, entry.size) < 0
                or append_text_end(&vector.ends, &vector.texts) < 0
            ):
                return -1
            entry.stamp = self.stamp
            entry.index = <uint32_t>(vector.ends.used // 4) - 2
            self.bytes += entry.size
        return entry.index

    # Points --------------------------------------------------------------------------------------

    cdef inline bint is_next(self, const uint8_t *at, size_t size) noexcept nogil:
        """Whether here stand the attributes of the series that came after the last one before."""
        cdef const Series *series
        if self.series_keys.count == 0:
            return False
        series = &self.series[self.series[self.last_series].next]
        return (
            series.key.metric == self.metric
            and series.key.scope == self.scope
            and series.form_size <= size
            and (
                series.form_size == 0
                or memcmp(at, self.forms.bytes.data + series.form_at, series.form_size) == 0
            )
        )

    cdef int point(self, Span point) noexcept nogil:
        cdef const uint8_t *at = point.at
        cdef const uint8_t *end = point.end
        cdef const uint8_t *start
        cdef const uint8_t *actions = ACTIONS[self.kind]
        cdef uint64_t[WORDS] words
        cdef uint32_t present = 0
        cdef uint64_t tag = 0, number = 0
        cdef uint32_t flags = 0, scale = 0
        cdef int32_t[2] offsets = [0, 0]
        cdef int action
        cdef Pieces attributes
        cdef bint is_predicted = False
        cdef int64_t series
        cdef Span content
        memset(&attributes, 0, sizeof(attributes))
        words[WORD_START] = words[WORD_TIME] = 0
        while at < end:
            start = at
            tag = at[0]
            at += 1
            if tag >= 0x80:
                at = read_varint(start, end, &tag)
                if at == NULL:
                    break
            action = actions[tag] if tag < 0x80 else SKIP
            if action < WORDS:
                if end - at < 8:
                    break
                words[action] = load64(at)
                at += 8
                present |= <uint32_t>1 << action
                if action == WORD_INT:
                    present &= ~(<uint32_t>1 << WORD_DOUBLE)
                elif action == WORD_DOUBLE:
                    present &= ~(<uint32_t>1 << WORD_INT)
                continue
            if action == READ_ATTRIBUTE:
                if attributes.start == NULL and self.is_next(start, <size_t>(end - start)):
                    number = self.series[self.series[self.last_series].next].form_size
                    if number:
                        attributes.start = start
                        at = attributes.stop = start + number
                        is_predicted = True
                        continue
                at = read_length(at, end, &number)
                if at == NULL:
                    break
                at += number
                is_predicted = False
                if add_piece(&attributes, &self.gathered, start, at) < 0:
                    return -1
            elif action == READ_FLAGS:
                at = read_varint(at, end, &number)
                if at == NULL:
                    break
                flags = <uint32_t>number
            elif action == READ_SCALE:
                at = read_varint(at, end, &number)
                if at == NULL:
                    break
                scale = zigzag(number)
            elif action == READ_BOUND or action == READ_BUCKET:
                if end - at < 8:
                    break
                content.at = at
                content.end = at = at + 8
                if self.append_words(
                    BOUND_ITEMS if action == READ_BOUND else BUCKET_ITEMS, content
                ) < 0:
                    return -1
            elif action == SKIP:
                at = skip_value(at, end, tag)
                if at == NULL:
                    break
            else:
                at = read_length(at, end, &number)
                if at == NULL:
                    break
                content.at = at
                content.end = at = at + number
                if action == READ_BOUNDS:
                    number = <uint64_t>self.append_words(BOUND_ITEMS, content)
                elif action == READ_BUCKETS:
                    number = <uint64_t>self.append_words(BUCKET_ITEMS, content)
                elif action == READ_POSITIVE:
                    number = <uint64_t>self.buckets(content, POSITIVE_ITEMS, &offsets[0])
                elif action == READ_NEGATIVE:
                    number = <uint64_t>self.buckets(content, NEGATIVE_ITEMS, &offsets[1])
                elif action == READ_QUANTILE:
                    number = <uint64_t>self.quantile(content)
                else:
                    number = <uint64_t>self.exemplar(content)
                if number:
                    return -1
        if is_predicted or (attributes.start == NULL and self.is_next(end, 0)):
            series = self.series[self.last_series].next
        else:
            series = self.form(
                pieces_span(&attributes, &self.gathered), ATTRIBUTE_TAGS[self.kind]
            )
            if series >= 0:
                series = self.series_of(<uint32_t>series)
            if series < 0:
                return -1
        return self.end_point(
            <uint32_t>series, present, words, flags, <int32_t>scale, offsets
        )

    cdef int end_point(
        self,
        uint32_t number,
        uint32_t present,
        const uint64_t *words,
        uint32_t flags,
        int32_t scale,
        const int32_t *offsets,
    ) noexcept nogil:
        """Write the row, now that all of the point was read."""
        cdef Vector *columns = self.storage.vectors
        cdef Series *series = &self.series[number]
        cdef size_t row = self.rows
        cdef int64_t index
        cdef double value
        cdef uint64_t bits = 0
        if series.stamp != self.stamp:
            index = self.index_of(ATTRIBUTES, series.key.attributes)
            if index < 0:
                return -1
            series.index = <uint32_t>index
            series.stamp = self.stamp
        self.series[self.last_series].next = number
        self.last_series = number
        set_half(&columns[ATTRIBUTES], row, series.index)
        set_word(&columns[SERIES_ID], row, series.id)
        set_half(&columns[FLAGS], row, flags)
        if words[WORD_START]:
            set_word(&columns[START_TIME], row, words[WORD_START])
            mark(&columns[START_TIME], row)
        if words[WORD_TIME]:
            set_word(&columns[TIME], row, words[WORD_TIME])
            mark(&columns[TIME], row)
        if self.kind <= SUM_OF:
            if present >> WORD_INT & 1:
                value = <double><int64_t>words[WORD_INT]
                memcpy(&bits, &value, 8)
                set_word(&columns[VALUE], row, bits)
                mark(&columns[VALUE], row)
                set_word(&columns[VALUE_INT], row, words[WORD_INT])
                mark(&columns[VALUE_INT], row)
            elif present >> WORD_DOUBLE & 1:
                set_word(&columns[VALUE], row, words[WORD_DOUBLE])
                mark(&columns[VALUE], row)
        else:
            self.end_distribution(row, present, words, scale, offsets)
        if item_count(&columns[EXEMPLAR_TIME]) != self.exemplars:
            self.exemplars = item_count(&columns[EXEMPLAR_TIME])
            end_list(&columns[EXEMPLARS], row, self.exemplars)
        self.rows = row + 1
        self.points += 1
        return 0

    cdef void end_distribution(
        self,
        size_t row,
        uint32_t present,
        const uint64_t *words,
        int32_t scale,
        const int32_t *offsets,
    ) noexcept nogil:
        cdef Vector *columns = self.storage.vectors
        self.set_number(COUNT, row, words, WORD_COUNT, present)
        if self.kind == SUMMARY or present >> WORD_SUM & 1:
            self.set_number(SUM, row, words, WORD_SUM, present)
        if present >> WORD_MIN & 1:
            self.set_number(MIN, row, words, WORD_MIN, present)
        if present >> WORD_MAX & 1:
            self.set_number(MAX, row, words, WORD_MAX, present)
        if self.kind == HISTOGRAM:
            self.end_items(EXPLICIT_BOUNDS, BOUND_ITEMS, row)
            self.end_items(BUCKET_COUNTS, BUCKET_ITEMS, row)
        elif self.kind == SUMMARY:
            self.end_items(QUANTILES, QUANTILE, row)
        else:
            self.set_number(ZERO_COUNT, row, words, WORD_ZERO_COUNT, present)
            self.set_number(ZERO_THRESHOLD, row, words, WORD_ZERO_THRESHOLD, present)
            set_half(&columns[SCALE], row, <uint32_t>scale)
            mark(&columns[SCALE], row)
            set_half(&columns[POSITIVE_OFFSET], row, <uint32_t>offsets[0])
            mark(&columns[POSITIVE_OFFSET], row)
            set_half(&columns[NEGATIVE_OFFSET], row, <uint32_t>offsets[1])
            mark(&columns[NEGATIVE_OFFSET], row)
            self.end_items(POSITIVE_COUNTS, POSITIVE_ITEMS, row)
            self.end_items(NEGATIVE_COUNTS, NEGATIVE_ITEMS, row)

    cdef inline void set_number(
        self, int column, size_t row, const uint64_t *words, int word, uint32_t present
    ) noexcept nogil:
        """A number that the point has even where the file does not say it: 0 then."""
        cdef Vector *vector = &self.storage.vectors[column]
        set_word(vector, row, words[word] if present >> word & 1 else 0)
        mark(vector, row)

    cdef inline void end_items(self, int column, int items, size_t row) noexcept nogil:
        end_list(&self.storage.vectors[column], row, item_count(&self.storage.vectors[items]))
        mark(&self.storage.vectors[column], row)

    # Lists ---------------------------------------------------------------------------------------

    cdef int append_words(self, int items, Span content) noexcept nogil:
        cdef Buffer *data = &self.storage.vectors[items].data
        cdef size_t count = span_size(content) >> 3
        if reserve(data, count * 8) < 0:
            return -1
        # Of no items there may be no memory.
        if count:
            copy_words(data.data + data.used, content.at, count)
        data.used += count * 8
        self.bytes += count * 8
        return 0

    cdef int buckets(self, Span message, int items, int32_t *offset) noexcept nogil:
        cdef Buffer *data = &self.storage.vectors[items].data
        cdef size_t before = data.used
        cdef Field field
        while next_field(&message, &field):
            if field.tag == BUCKETS_OFFSET:
                offset[0] = <int32_t>zigzag(field.number)
            elif field.tag == BUCKETS_COUNT:
                if append(data, &field.number, 8) < 0:
                    return -1
            elif field.tag == BUCKETS_COUNTS:
                if self.append_varints(data, field.content) < 0:
                    return -1
        self.bytes += data.used - before
        return 0

    cdef int append_varints(self, Buffer *data, Span content) noexcept nogil:
        cdef const uint8_t *at = content.at
        cdef const uint8_t *start
        cdef uint64_t *to
        cdef uint64_t number
        cdef size_t count = 0
        while at < content.end:
            count += at[0] < 0x80
            at += 1
        if reserve(data, count * 8) < 0:
            return -1
        to = <uint64_t *>(data.data + data.used)
        at = content.at
        data.used += count * 8
        while count:
            start = at
            number = start[0]
            at += 1
            if number >= 0x80:
                # There is another byte: this number's last one was counted.
                number = (number & 0x7F) | <uint64_t>start[1] << 7
                at += 1
                if start[1] >= 0x80:
                    at = read_varint(start, content.end, &number)
                    if at == NULL:
                        # More than ten bytes.
                        data.used -= count * 8
                        return 0
            to[0] = number
            to += 1
            count -= 1
        return 0

    cdef int quantile(self, Span message) noexcept nogil:
        cdef Vector *vectors = self.storage.vectors
        cdef Field field
        cdef uint64_t quantile = 0, value = 0
        while next_field(&message, &field):
            if field.tag == QUANTILE_QUANTILE:
                quantile = field.number
            elif field.tag == QUANTILE_VALUE_OF:
                value = field.number
        self.bytes += 16
        if append(&vectors[QUANTILE].data, &quantile, 8) < 0:
            return -1
        return append(&vectors[QUANTILE_VALUE].data, &value, 8)

    cdef int exemplar(self, Span message) noexcept nogil:
        cdef Vector *vectors = self.storage.vectors
        cdef Field field
        cdef Pieces attributes
        cdef Span span_id, trace_id
        cdef uint64_t time = 0, value_tag = 0, number = 0
        cdef double value
        cdef Buffer *texts = &vectors[FILTERED_ATTRIBUTES].texts
        cdef size_t before = texts.used
        memset(&attributes, 0, sizeof(attributes))
        span_id.at = span_id.end = message.at
        trace_id = span_id
        while next_field(&message, &field):
            if field.tag == EXEMPLAR_TIME_UNIX:
                time = field.number
            elif field.tag == EXEMPLAR_DOUBLE or field.tag == EXEMPLAR_INT:
                value_tag = field.tag
                number = field.number
            elif field.tag == EXEMPLAR_SPAN_ID:
                span_id = field.content
            elif field.tag == EXEMPLAR_TRACE_ID:
                trace_id = field.content
            elif field.tag == EXEMPLAR_ATTRIBUTE:
                if add_piece(&attributes, &self.json, field.start, message.at) < 0:
                    return -1
        if (
            write_attributes(texts, pieces_span(&attributes, &self.json), EXEMPLAR_ATTRIBUTE) < 0
            or append_text_end(&vectors[FILTERED_ATTRIBUTES].data, texts) < 0
            or append_hex(&vectors[TRACE_ID], trace_id) < 0
            or append_hex(&vectors[SPAN_ID], span_id) < 0
            or append_optional(&vectors[EXEMPLAR_INTEGER], value_tag == EXEMPLAR_INT, number) < 0
        ):
            return -1
        if value_tag == EXEMPLAR_INT:
            value = <double><int64_t>number
            memcpy(&number, &value, 8)
        if append_optional(&vectors[EXEMPLAR_VALUE], value_tag != 0, number) < 0:
            return -1
        self.bytes += (
            EXEMPLAR_BYTES + texts.used - before + 2 * (span_size(trace_id) + span_size(span_id))
        )
        return append_optional(&vectors[EXEMPLAR_TIME], time != 0, time)

    # The end of a batch --------------------------------------------------------------------------

    cdef int finish(self) noexcept nogil:
        """Columns that are the same for all points of a metric or of a frame."""
        cdef int i
        cdef Vector *vector
        self.storage.rows = self.rows
        if (
            self.fill_texts(METRIC_NAME, METRICS, 0) < 0
            or self.fill_texts(METRIC_KIND, METRICS, 1) < 0
            or self.fill_texts(METRIC_UNIT, METRICS, 2) < 0
            or self.fill_texts(METRIC_DESCRIPTION, METRICS, 3) < 0
            or self.fill_texts(METRIC_METADATA, METRICS, 4) < 0
            or self.fill_texts(TEMPORALITY, METRICS, 5) < 0
            or self.fill_texts(SCOPE_NAME, SCOPES, 0) < 0
            or self.fill_texts(SCOPE_VERSION, SCOPES, 1) < 0
            or self.fill_texts(SCOPE_ATTRIBUTES, SCOPES, 2) < 0
            or self.fill_texts(SCOPE_SCHEMA_URL, SCOPES, 3) < 0
            or self.fill_texts(SERVICE_NAME, SCOPES, 4) < 0
            or self.fill_texts(RESOURCE_ATTRIBUTES, SCOPES, 5) < 0
            or self.fill_texts(RESOURCE_SCHEMA_URL, SCOPES, 6) < 0
            or self.fill_texts(FILE, SOURCES, 0) < 0
        ):
            return -1
        self.fill_halves(SCOPE_DROPPED, 7)
        self.fill_halves(RESOURCE_DROPPED, 8)
        self.fill_monotonic()
        self.fill_sources()
        for i in range(COLUMN_COUNT):
            vector = &self.storage.vectors[i]
            # Lists of rows behind the last one that has any.
            if 0 < vector.ended < self.rows:
                end_list(vector, self.rows - 1, <size_t>(<int32_t *>vector.data.data)[vector.ended])
        return 0

    cdef inline const Run *run_rows(self, size_t i, size_t *stop) noexcept nogil:
        """The run ``i``, and the row after its last one."""
        cdef const Run *run = &(<const Run *>self.runs.data)[i]
        stop[0] = run[1].row if (i + 1) * sizeof(Run) < self.runs.used else self.rows
        return run

    cdef int fill_texts(self, int column, int owner, int place) noexcept nogil:
        """From the text at ``place`` of each run's metric, scope or source."""
        cdef Vector *vector = &self.storage.vectors[column]
        cdef uint32_t *indices = <uint32_t *>vector.data.data
        cdef const Run *run
        cdef const uint32_t *texts
        cdef size_t i, row, stop = 0
        cdef uint32_t text
        cdef int64_t index
        self.stamp += 1
        for i in range(self.runs.used // sizeof(Run)):
            run = self.run_rows(i, &stop)
            if owner == SOURCES:
                text = (<const Source *>self.sources.data)[run.source].file
            else:
                if owner == METRICS:
                    texts = <const uint32_t *>entry_bytes(&self.metrics, run.metric)
                else:
                    texts = <const uint32_t *>entry_bytes(&self.scopes, run.scope)
                text = texts[place]
            index = 0
            if text != NO_TEXT:
                index = self.index_of(column, text)
                if index < 0:
                    return -1
                if column == TEMPORALITY or column == SERVICE_NAME:
                    set_bits(vector.validity.data, run.row, stop)
                    vector.present += <int64_t>(stop - run.row)
            for row in range(run.row, stop):
                indices[row] = <uint32_t>index
        return 0

    cdef void fill_halves(self, int column, int place) noexcept nogil:
        """From the number at ``place`` of each run's scope."""
        cdef uint32_t *numbers = <uint32_t *>self.storage.vectors[column].data.data
        cdef const Run *run
        cdef size_t i, row, stop = 0
        cdef uint32_t number
        for i in range(self.runs.used // sizeof(Run)):
            run = self.run_rows(i, &stop)
            number = (<const uint32_t *>entry_bytes(&self.scopes, run.scope))[place]
            for row in range(run.row, stop):
                numbers[row] = number

    cdef void fill_monotonic(self) noexcept nogil:
        cdef Vector *vector = &self.storage.vectors[IS_MONOTONIC]
        cdef const Run *run
        cdef const Metric *metric
        cdef size_t i, stop = 0
        for i in range(self.runs.used // sizeof(Run)):
            run = self.run_rows(i, &stop)
            metric = <const Metric *>entry_bytes(&self.metrics, run.metric)
            if metric.monotonic >= 0:
                set_bits(vector.validity.data, run.row, stop)
                vector.present += <int64_t>(stop - run.row)
                if metric.monotonic:
                    set_bits(vector.data.data, run.row, stop)

    cdef void fill_sources(self) noexcept nogil:
        cdef Vector *columns = self.storage.vectors
        cdef const Run *run
        cdef const Source *source
        cdef size_t i, row, stop = 0
        cdef int column
        for i in range(self.runs.used // sizeof(Run)):
            run = self.run_rows(i, &stop)
            source = &(<const Source *>self.sources.data)[run.source]
            for row in range(run.row, stop):
                set_word(&columns[OFFSET], row, source.offset)
            if not source.has_event:
                continue
            for row in range(run.row, stop):
                set_word(&columns[EVENT_TIME], row, <uint64_t>source.time)
                set_half(&columns[PROCESS_ID], row, source.process)
                set_half(&columns[THREAD_ID], row, source.thread)
                (<uint16_t *>columns[PROCESSOR].data.data)[row] = source.processor
            for column in range(EVENT_TIME, COLUMN_COUNT):
                set_bits(columns[column].validity.data, run.row, stop)
                columns[column].present += <int64_t>(stop - run.row)
