"""Runs of rows that have their metric, scope, resource and frame in common.

The columns of these are filled when the batch is done, run by run.
"""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t

from otel_etw.captures.columns._growing cimport Buffer, append, release
from otel_etw.captures.columns._interning cimport entry_bytes
from otel_etw.captures.columns._known cimport NO_TEXT, Known, Metric
from otel_etw.captures.columns._points cimport Rows, index_of
from otel_etw.captures.columns._storage cimport *

# What the texts of a column are taken from.
cdef enum:
    METRICS
    SCOPES
    SOURCES


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


cdef struct Runs:
    Buffer runs
    Buffer sources


cdef inline void empty_runs(Runs *runs) noexcept nogil:
    runs.runs.used = runs.sources.used = 0


cdef inline void free_runs(Runs *runs) noexcept nogil:
    release(&runs.runs)
    release(&runs.sources)


cdef inline int add_source(Runs *runs, const Source *source) noexcept nogil:
    """What follows is of this frame; -1 when there is no memory."""
    return append(&runs.sources, source, sizeof(Source))


cdef inline int add_run(Runs *runs, size_t row, uint32_t scope, uint32_t metric) noexcept nogil:
    """The rows from this one on are of these, in the last frame; -1 when there is no memory."""
    cdef Run run
    run.row = row
    run.scope = scope
    run.metric = metric
    run.source = runs.sources.used // sizeof(Source) - 1
    return append(&runs.runs, &run, sizeof(run))


cdef inline const Run *run_rows(
    const Rows *rows, const Runs *runs, size_t i, size_t *stop
) noexcept nogil:
    """The run ``i``, and the row after its last one."""
    cdef const Run *run = &(<const Run *>runs.runs.data)[i]
    stop[0] = run[1].row if (i + 1) * sizeof(Run) < runs.runs.used else rows.count
    return run


cdef inline int fill_texts(
    Rows *rows, Known *known, const Runs *runs, int column, int owner, int place
) noexcept nogil:
    """From the text at ``place`` of each run's metric, scope or source."""
    cdef Vector *vector = &rows.storage.vectors[column]
    cdef uint32_t *indices = <uint32_t *>vector.data.data
    cdef const Run *run
    cdef const uint32_t *texts
    cdef size_t i, row, stop = 0
    cdef uint32_t text
    cdef int64_t index
    known.stamp += 1
    for i in range(runs.runs.used // sizeof(Run)):
        run = run_rows(rows, runs, i, &stop)
        if owner == SOURCES:
            text = (<const Source *>runs.sources.data)[run.source].file
        else:
            if owner == METRICS:
                texts = <const uint32_t *>entry_bytes(&known.metrics, run.metric)
            else:
                texts = <const uint32_t *>entry_bytes(&known.scopes, run.scope)
            text = texts[place]
        index = 0
        if text != NO_TEXT:
            index = index_of(rows, known, column, text)
            if index < 0:
                return -1
            if column == TEMPORALITY or column == SERVICE_NAME:
                set_bits(vector.validity.data, run.row, stop)
                vector.present += <int64_t>(stop - run.row)
        for row in range(run.row, stop):
            indices[row] = <uint32_t>index
    return 0


cdef inline void fill_halves(
    Rows *rows, Known *known, const Runs *runs, int column, int place
) noexcept nogil:
    """From the number at ``place`` of each run's scope."""
    cdef uint32_t *numbers = <uint32_t *>rows.storage.vectors[column].data.data
    cdef const Run *run
    cdef size_t i, row, stop = 0
    cdef uint32_t number
    for i in range(runs.runs.used // sizeof(Run)):
        run = run_rows(rows, runs, i, &stop)
        number = (<const uint32_t *>entry_bytes(&known.scopes, run.scope))[place]
        for row in range(run.row, stop):
            numbers[row] = number


cdef inline void fill_monotonic(Rows *rows, Known *known, const Runs *runs) noexcept nogil:
    cdef Vector *vector = &rows.storage.vectors[IS_MONOTONIC]
    cdef const Run *run
    cdef const Metric *metric
    cdef size_t i, stop = 0
    for i in range(runs.runs.used // sizeof(Run)):
        run = run_rows(rows, runs, i, &stop)
        metric = <const Metric *>entry_bytes(&known.metrics, run.metric)
        if metric.monotonic >= 0:
            set_bits(vector.validity.data, run.row, stop)
            vector.present += <int64_t>(stop - run.row)
            if metric.monotonic:
                set_bits(vector.data.data, run.row, stop)


cdef inline void fill_sources(Rows *rows, const Runs *runs) noexcept nogil:
    cdef Vector *columns = rows.storage.vectors
    cdef const Run *run
    cdef const Source *source
    cdef size_t i, row, stop = 0
    cdef int column
    for i in range(runs.runs.used // sizeof(Run)):
        run = run_rows(rows, runs, i, &stop)
        source = &(<const Source *>runs.sources.data)[run.source]
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


cdef inline int fill_columns(Rows *rows, Known *known, const Runs *runs) noexcept nogil:
    """Columns that are the same for all points of a metric or of a frame."""
    cdef int i
    cdef Vector *vector
    rows.storage.rows = rows.count
    if (
        fill_texts(rows, known, runs, METRIC_NAME, METRICS, 0) < 0
        or fill_texts(rows, known, runs, METRIC_KIND, METRICS, 1) < 0
        or fill_texts(rows, known, runs, METRIC_UNIT, METRICS, 2) < 0
        or fill_texts(rows, known, runs, METRIC_DESCRIPTION, METRICS, 3) < 0
        or fill_texts(rows, known, runs, METRIC_METADATA, METRICS, 4) < 0
        or fill_texts(rows, known, runs, TEMPORALITY, METRICS, 5) < 0
        or fill_texts(rows, known, runs, SCOPE_NAME, SCOPES, 0) < 0
        or fill_texts(rows, known, runs, SCOPE_VERSION, SCOPES, 1) < 0
        or fill_texts(rows, known, runs, SCOPE_ATTRIBUTES, SCOPES, 2) < 0
        or fill_texts(rows, known, runs, SCOPE_SCHEMA_URL, SCOPES, 3) < 0
        or fill_texts(rows, known, runs, SERVICE_NAME, SCOPES, 4) < 0
        or fill_texts(rows, known, runs, RESOURCE_ATTRIBUTES, SCOPES, 5) < 0
        or fill_texts(rows, known, runs, RESOURCE_SCHEMA_URL, SCOPES, 6) < 0
        or fill_texts(rows, known, runs, FILE, SOURCES, 0) < 0
    ):
        return -1
    fill_halves(rows, known, runs, SCOPE_DROPPED, 7)
    fill_halves(rows, known, runs, RESOURCE_DROPPED, 8)
    fill_monotonic(rows, known, runs)
    fill_sources(rows, runs)
    for i in range(COLUMN_COUNT):
        vector = &rows.storage.vectors[i]
        # Lists of rows behind the last one that has any.
        if 0 < vector.ended < rows.count:
            end_list(vector, rows.count - 1, <size_t>(<int32_t *>vector.data.data)[vector.ended])
    return 0
