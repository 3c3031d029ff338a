"""The fields of points, and what to do with each: the decoder's table of actions.

A repeated number may stand alone or packed, whatever the file's writer is used to.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

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


cdef struct PointFields:
    uint8_t[KIND_COUNT][128] actions        # by tag
    uint64_t[KIND_COUNT] attribute_tags


cdef inline void set_action(PointFields *fields, int kind, int tag, int action) noexcept nogil:
    fields.actions[kind][tag] = <uint8_t>action
    if action == READ_ATTRIBUTE:
        fields.attribute_tags[kind] = <uint64_t>tag


cdef inline void fill_point_fields(PointFields *fields) noexcept nogil:
    cdef int kind
    memset(fields, SKIP, sizeof(PointFields))
    for kind in range(KIND_COUNT):
        set_action(fields, kind, 0x11, WORD_START)
        set_action(fields, kind, 0x19, WORD_TIME)
    for kind in range(GAUGE, HISTOGRAM):
        set_action(fields, kind, 0x21, WORD_DOUBLE)
        set_action(fields, kind, 0x2A, READ_EXEMPLAR)
        set_action(fields, kind, 0x31, WORD_INT)
        set_action(fields, kind, 0x3A, READ_ATTRIBUTE)
        set_action(fields, kind, 0x40, READ_FLAGS)
    for kind in range(HISTOGRAM, KIND_COUNT):
        set_action(fields, kind, 0x21, WORD_COUNT)
        set_action(fields, kind, 0x29, WORD_SUM)
    set_action(fields, HISTOGRAM, 0x31, READ_BUCKET)
    set_action(fields, HISTOGRAM, 0x32, READ_BUCKETS)
    set_action(fields, HISTOGRAM, 0x39, READ_BOUND)
    set_action(fields, HISTOGRAM, 0x3A, READ_BOUNDS)
    set_action(fields, HISTOGRAM, 0x42, READ_EXEMPLAR)
    set_action(fields, HISTOGRAM, 0x4A, READ_ATTRIBUTE)
    set_action(fields, HISTOGRAM, 0x50, READ_FLAGS)
    set_action(fields, HISTOGRAM, 0x59, WORD_MIN)
    set_action(fields, HISTOGRAM, 0x61, WORD_MAX)
    set_action(fields, EXPONENTIAL, 0x0A, READ_ATTRIBUTE)
    set_action(fields, EXPONENTIAL, 0x30, READ_SCALE)
    set_action(fields, EXPONENTIAL, 0x39, WORD_ZERO_COUNT)
    set_action(fields, EXPONENTIAL, 0x42, READ_POSITIVE)
    set_action(fields, EXPONENTIAL, 0x4A, READ_NEGATIVE)
    set_action(fields, EXPONENTIAL, 0x50, READ_FLAGS)
    set_action(fields, EXPONENTIAL, 0x5A, READ_EXEMPLAR)
    set_action(fields, EXPONENTIAL, 0x61, WORD_MIN)
    set_action(fields, EXPONENTIAL, 0x69, WORD_MAX)
    set_action(fields, EXPONENTIAL, 0x71, WORD_ZERO_THRESHOLD)
    set_action(fields, SUMMARY, 0x32, READ_QUANTILE)
    set_action(fields, SUMMARY, 0x3A, READ_ATTRIBUTE)
    set_action(fields, SUMMARY, 0x40, READ_FLAGS)


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
