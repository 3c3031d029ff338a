"""How compiled consumers look into a batch of any library: see _batch_view.pyx."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from otel_etw.captures.columns._arrow cimport ArrowArray, ArrowSchema


cdef struct Values:
    # One column. Row i of the batch is the value at ``offset + i``.
    const uint8_t *validity  # a bitmap; NULL where no value is null
    const void *data
    int64_t offset
    ArrowArray *array


cdef class BatchView:
    cdef readonly int64_t length
    cdef object _schema_capsule
    cdef object _array_capsule
    cdef ArrowSchema *schema
    cdef ArrowArray *array

    cdef Values column(self, int index) noexcept nogil
    cdef int _require_texts(self, int index, str name, bint is_nullable) except -1


cdef inline bint bit(const uint8_t *bitmap, int64_t index) noexcept nogil:
    return (bitmap[index >> 3] >> (index & 7)) & 1


cdef inline bint is_null(const Values *values, int64_t row) noexcept nogil:
    return values.validity != NULL and not bit(values.validity, values.offset + row)


cdef inline int32_t entry(const Values *values, int64_t row) noexcept nogil:
    """Which entry of its dictionary a row has."""
    return (<const int32_t *> values.data)[values.offset + row]


cdef int trust(type batches) except -1
cdef const uint8_t *validity_of(const ArrowArray *array) noexcept nogil
cdef str text_at(const ArrowArray *texts, int64_t index)
