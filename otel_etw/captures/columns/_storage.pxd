"""The memory of a batch's columns, in the layout of Arrow's arrays.

Consumers may hold it for as long as they like, and let go of it on any thread: references are
counted. Of storage that nobody holds any more, a pool keeps one for the next batch, since to get
such memory from the system anew costs as much as to decode into it.
"""

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from otel_etw.captures.columns._atomic cimport Counter, Place, add_to, exchange, offer
from otel_etw.captures.columns._growing cimport Buffer, append, release, reserve

# The columns in the order of COLUMNS, then what is in lists, depth first. ``_batch.pyx`` compares
# them with schema.py when it is imported.
cdef enum:
    METRIC_NAME
    METRIC_KIND
    METRIC_UNIT
    METRIC_DESCRIPTION
    METRIC_METADATA
    TEMPORALITY
    IS_MONOTONIC
    ATTRIBUTES
    SCOPE_NAME
    SCOPE_VERSION
    SCOPE_ATTRIBUTES
    SCOPE_DROPPED
    SCOPE_SCHEMA_URL
    SERVICE_NAME
    RESOURCE_ATTRIBUTES
    RESOURCE_DROPPED
    RESOURCE_SCHEMA_URL
    START_TIME
    TIME
    FLAGS
    VALUE
    VALUE_INT
    COUNT
    SUM
    MIN
    MAX
    EXPLICIT_BOUNDS
    BUCKET_COUNTS
    SCALE
    ZERO_COUNT
    ZERO_THRESHOLD
    POSITIVE_OFFSET
    POSITIVE_COUNTS
    NEGATIVE_OFFSET
    NEGATIVE_COUNTS
    QUANTILES
    EXEMPLARS
    SERIES_ID
    FILE
    OFFSET
    EVENT_TIME
    PROCESS_ID
    THREAD_ID
    PROCESSOR
    COLUMN_COUNT
    BOUND_ITEMS = COLUMN_COUNT
    BUCKET_ITEMS
    POSITIVE_ITEMS
    NEGATIVE_ITEMS
    QUANTILE
    QUANTILE_VALUE
    EXEMPLAR_TIME
    EXEMPLAR_VALUE
    EXEMPLAR_INTEGER
    TRACE_ID
    SPAN_ID
    FILTERED_ATTRIBUTES
    VECTOR_COUNT

cdef enum:
    # A buffer that is larger is not kept for the next batch.
    MOST_KEPT = 1 << 25


cdef struct Vector:
    Buffer data         # numbers, bits, indices of a dictionary, or ends of lists and texts
    Buffer validity     # a bit an item
    int64_t present     # items that have a value
    size_t ended        # of lists: rows whose end stands in ``data``
    Buffer ends         # of a dictionary: where each of its texts ends
    Buffer texts        # UTF-8 of all texts


cdef struct Pool:
    Counter references
    Place spare


cdef struct Storage:
    Counter references
    Pool *pool
    size_t room         # rows
    size_t rows
    Vector[VECTOR_COUNT] vectors


# Bytes of an item of each column's data; 0 for bits.
cdef extern from *:
    """
    static const unsigned char otel_etw_widths[] = {
        4, 4, 4, 4, 4, 4, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 8, 8, 4, 8, 8, 8, 8, 8, 8, 4, 4, 4, 8,
        8, 4, 4, 4, 4, 4, 4, 8, 4, 8, 8, 4, 4, 2,
    };
    """
    const unsigned char[COLUMN_COUNT] WIDTHS "otel_etw_widths"


cdef inline size_t bits_size(size_t count) noexcept nogil:
    return (count + 7) >> 3


cdef inline size_t row_bytes(int column, size_t rows) noexcept nogil:
    return rows * WIDTHS[column] if WIDTHS[column] else bits_size(rows)


cdef inline void free_storage(Storage *storage) noexcept nogil:
    cdef int i
    for i in range(VECTOR_COUNT):
        release(&storage.vectors[i].data)
        release(&storage.vectors[i].validity)
        release(&storage.vectors[i].ends)
        release(&storage.vectors[i].texts)
    free(storage)


cdef inline void drop_pool(Pool *pool) noexcept nogil:
    cdef Storage *spare
    if add_to(&pool.references, -1) == 0:
        spare = <Storage *>exchange(&pool.spare, NULL)
        if spare != NULL:
            free_storage(spare)
        free(pool)


cdef inline Pool *new_pool() noexcept nogil:
    """NULL when there is no memory."""
    cdef Pool *pool = <Pool *>calloc(1, sizeof(Pool))
    if pool != NULL:
        add_to(&pool.references, 1)
    return pool


cdef inline void forget_items(Buffer *buffer) noexcept nogil:
    buffer.used = 0
    if buffer.room > MOST_KEPT:
        release(buffer)


cdef inline void clear(Storage *storage) noexcept nogil:
    """Make it as it was when it was new, but for memory that nobody sees."""
    cdef int i
    cdef Vector *vector
    for i in range(VECTOR_COUNT):
        vector = &storage.vectors[i]
        if i < COLUMN_COUNT:
            # Lists have one end more than rows, and those of lists that are never null count too.
            if vector.present or vector.ended:
                memset(vector.data.data, 0, row_bytes(i, storage.rows + 1))
                memset(vector.validity.data, 0, bits_size(storage.rows))
        else:
            forget_items(&vector.data)
            forget_items(&vector.validity)
        forget_items(&vector.ends)
        forget_items(&vector.texts)
        vector.present = 0
        vector.ended = 0
    storage.rows = 0


cdef inline int fill(Storage *storage) noexcept nogil:
    cdef int i
    cdef Vector *vector
    for i in range(COLUMN_COUNT):
        vector = &storage.vectors[i]
        # One item more: the end of the last list.
        vector.data.room = row_bytes(i, storage.room + 1)
        vector.data.data = <uint8_t *>calloc(vector.data.room, 1)
        vector.validity.room = bits_size(storage.room)
        vector.validity.data = <uint8_t *>calloc(vector.validity.room, 1)
        if vector.data.data == NULL or vector.validity.data == NULL:
            return -1
    return 0


cdef inline Storage *take_storage(Pool *pool, size_t room) noexcept nogil:
    """Empty storage for ``room`` rows, as always of this pool; NULL when there is no memory."""
    cdef Storage *storage = <Storage *>exchange(&pool.spare, NULL)
    if storage != NULL:
        clear(storage)
    else:
        storage = <Storage *>calloc(1, sizeof(Storage))
        if storage == NULL:
            return NULL
        storage.pool = pool
        storage.room = room
        if fill(storage) < 0:
            free_storage(storage)
            return NULL
    add_to(&pool.references, 1)
    add_to(&storage.references, 1)
    return storage


cdef inline void hold(Storage *storage) noexcept nogil:
    add_to(&storage.references, 1)


cdef inline void let_go(Storage *storage) noexcept nogil:
    cdef Pool *pool = storage.pool
    if add_to(&storage.references, -1) == 0:
        if not offer(&pool.spare, storage):
            free_storage(storage)
        drop_pool(pool)


# Items -------------------------------------------------------------------------------------------

cdef inline void set_bit(uint8_t *bits, size_t row) noexcept nogil:
    bits[row >> 3] |= <uint8_t>(1 << (row & 7))


cdef inline void set_bits(uint8_t *bits, size_t start, size_t stop) noexcept nogil:
    while start < stop and start & 7:
        set_bit(bits, start)
        start += 1
    if stop - start >= 8:
        memset(bits + (start >> 3), 0xFF, (stop - start) >> 3)
        start += (stop - start) & ~<size_t>7
    while start < stop:
        set_bit(bits, start)
        start += 1


cdef inline void mark(Vector *column, size_t row) noexcept nogil:
    """The row has a value; it must not be marked already."""
    set_bit(column.validity.data, row)
    column.present += 1


cdef inline void set_word(Vector *column, size_t row, uint64_t value) noexcept nogil:
    (<uint64_t *>column.data.data)[row] = value


cdef inline void set_half(Vector *column, size_t row, uint32_t value) noexcept nogil:
    (<uint32_t *>column.data.data)[row] = value


cdef inline void end_list(Vector *column, size_t row, size_t end) noexcept nogil:
    """The row's list ends before this item; those of rows before it that have none are empty."""
    cdef int32_t *ends = <int32_t *>column.data.data
    cdef int32_t last = ends[column.ended]
    while column.ended < row:
        column.ended += 1
        ends[column.ended] = last
    column.ended = row + 1
    ends[row + 1] = <int32_t>end


cdef inline int append_text_end(Buffer *ends, const Buffer *texts) noexcept nogil:
    """The text that was put into ``texts`` ends here; -1 when there is no memory, or no room for
    it in Arrow's 32-bit offsets."""
    cdef int32_t end = 0
    if texts.used > INT32_MAX:
        return -1
    if ends.used == 0 and append(ends, &end, sizeof(end)) < 0:
        return -1
    end = <int32_t>texts.used
    return append(ends, &end, sizeof(end))
