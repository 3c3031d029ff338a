"""What is kept of histograms and summaries: ``_Distribution`` of overview.py."""

from libc.stdint cimport UINT64_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

cdef enum:
    SIDE = 512
    QUANTILES = 64
    HISTOGRAM = 2
    EXPONENTIAL = 3
    SUMMARY = 4


cdef struct Numbers:
    # Of a row: doubles or counts that stand in its batch.
    const void *data
    int64_t length


cdef struct Side:
    int64_t offset
    uint32_t length
    uint64_t *counts


cdef struct Given:
    # What a row says.
    uint64_t count
    double sum
    double min
    double max
    bint has_sum
    bint has_min
    bint has_max
    Numbers bounds
    Numbers counts
    int32_t scale
    uint64_t zero_count
    int32_t positive_offset
    Numbers positive
    int32_t negative_offset
    Numbers negative
    Numbers quantiles  # pairs of doubles, one after the other
    const double *quantile_values


cdef struct Distribution:
    uint64_t count
    double sum
    double min
    double max
    double *bounds  # of a summary: its quantiles and their values
    uint64_t *counts
    Side positive
    Side negative
    int64_t scale
    uint64_t zero_count
    uint32_t bounds_length
    uint32_t counts_length
    uint8_t kind  # 0: nothing yet
    bint has_sum
    bint has_min
    bint has_max


cdef inline void end_distribution(Distribution *ours) noexcept nogil:
    free(ours.bounds)
    free(ours.counts)
    free(ours.positive.counts)
    free(ours.negative.counts)
    ours.bounds = NULL
    ours.counts = ours.positive.counts = ours.negative.counts = NULL
    ours.bounds_length = ours.counts_length = ours.positive.length = ours.negative.length = 0


cdef inline uint64_t _added(uint64_t ours, uint64_t theirs) noexcept nogil:
    return ours + theirs if theirs <= UINT64_MAX - ours else UINT64_MAX


cdef inline int64_t kept_bytes(const Distribution *ours) noexcept nogil:
    return 8 * (
        <int64_t> ours.bounds_length
        + ours.counts_length
        + ours.positive.length
        + ours.negative.length
    )


cdef inline bint _copy(void **to, uint32_t *length, const Numbers *given) noexcept nogil:
    """Replace 8-byte numbers; False without memory."""
    cdef void *copy
    if given.length != length[0]:
        copy = malloc(8 * <size_t> given.length if given.length else 1)
        if copy == NULL:
            return False
        free(to[0])
        to[0] = copy
        length[0] = <uint32_t> given.length
    if given.length:
        memcpy(to[0], given.data, 8 * <size_t> given.length)
    return True


cdef inline uint64_t _count_at(const Numbers *counts, int64_t index) noexcept nogil:
    cdef uint64_t count = 0
    memcpy(&count, <const char *> counts.data + 8 * index, 8)
    return count


# Explicit buckets --------------------------------------------------------------------------------


cdef inline bint _put_buckets(Distribution *ours, const Given *given, bint add) noexcept nogil:
    cdef int64_t index
    if (
        add
        and given.bounds.length == ours.bounds_length
        and given.counts.length == ours.counts_length
        and (
            not ours.bounds_length
            or memcmp(given.bounds.data, ours.bounds, 8 * <size_t> ours.bounds_length) == 0
        )
    ):
        for index in range(given.counts.length):
            ours.counts[index] = _added(ours.counts[index], _count_at(&given.counts, index))
        return True
    return _copy(
        <void **> &ours.bounds, &ours.bounds_length, &given.bounds
    ) and _copy(<void **> &ours.counts, &ours.counts_length, &given.counts)


# Exponential buckets -----------------------------------------------------------------------------


cdef inline int64_t _dropped(int64_t index, int64_t drop) noexcept nogil:
    """The index of the bucket at a scale that is smaller by ``drop``."""
    return index >> (drop if drop < 63 else 63)


cdef inline void _without_empty_ends(Numbers *counts, int64_t *offset) noexcept nogil:
    cdef int64_t first = 0, end = counts.length
    while end > 0 and not _count_at(counts, end - 1):
        end -= 1
    while first < end and not _count_at(counts, first):
        first += 1
    counts.length = end - first
    if counts.length:
        counts.data = <const char *> counts.data + 8 * first
        offset[0] += first


cdef inline int64_t _needs(
    const Side *ours, int64_t drop, const Numbers *theirs, int64_t offset, int64_t their_drop
) noexcept nogil:
    """How many buckets both have together."""
    cdef int64_t first, last, other
    if not ours.length and not theirs.length:
        return 0
    if ours.length:
        first = _dropped(ours.offset, drop)
        last = _dropped(ours.offset + ours.length - 1, drop)
        if not theirs.length:
            return last - first + 1
        other = _dropped(offset, their_drop)
        first = min(first, other)
        other = _dropped(offset + theirs.length - 1, their_drop)
        last = max(last, other)
    else:
        first = _dropped(offset, their_drop)
        last = _dropped(offset + theirs.length - 1, their_drop)
    return last - first + 1


cdef inline bint _merge(
    Side *ours, int64_t drop, const Numbers *theirs, int64_t offset, int64_t their_drop
) noexcept nogil:
    """False without memory."""
    cdef int64_t length = _needs(ours, drop, theirs, offset, their_drop)
    cdef int64_t first, index, place
    cdef uint64_t *merged
    if not length:
        return True
    if ours.length and theirs.length:
        first = min(_dropped(ours.offset, drop), _dropped(offset, their_drop))
    else:
        first = _dropped(ours.offset, drop) if ours.length else _dropped(offset, their_drop)
    if drop == 0 and ours.length == length and ours.offset == first:
        merged = ours.counts
    else:
        merged = <uint64_t *> calloc(<size_t> length, sizeof(uint64_t))
        if merged == NULL:
            return False
        for index in range(ours.length):
            place = _dropped(ours.offset + index, drop) - first
            merged[place] = _added(merged[place], ours.counts[index])
        free(ours.counts)
        ours.counts = merged
        ours.length = <uint32_t> length
        ours.offset = first
    for index in range(theirs.length):
        place = _dropped(offset + index, their_drop) - first
        merged[place] = _added(merged[place], _count_at(theirs, index))
    return True


cdef struct _Sides:
    # What a row says, and by how much both scales become smaller.
    Numbers positive
    Numbers negative
    int64_t positive_offset
    int64_t negative_offset
    int64_t drop
    int64_t their_drop


cdef inline void _prepare(
    _Sides *theirs, const Side *positive, const Side *negative, int64_t scale, const Given *given
) noexcept nogil:
    """So that neither side needs more than SIDE buckets together with those there are."""
    theirs.drop = max(scale - given.scale, <int64_t> 0)
    theirs.their_drop = max(given.scale - scale, <int64_t> 0)
    theirs.positive, theirs.negative = given.positive, given.negative
    theirs.positive_offset = given.positive_offset
    theirs.negative_offset = given.negative_offset
    _without_empty_ends(&theirs.positive, &theirs.positive_offset)
    _without_empty_ends(&theirs.negative, &theirs.negative_offset)
    while (
        _needs(positive, theirs.drop, &theirs.positive, theirs.positive_offset, theirs.their_drop)
        > SIDE
        or _needs(
            negative, theirs.drop, &theirs.negative, theirs.negative_offset, theirs.their_drop
        )
        > SIDE
    ):
        theirs.drop += 1
        theirs.their_drop += 1


cdef inline bint _put_sides(Distribution *ours, const Given *given) noexcept nogil:
    cdef _Sides theirs
    _prepare(&theirs, &ours.positive, &ours.negative, ours.scale, given)
    if not (
        _merge(
            &ours.positive,
            theirs.drop,
            &theirs.positive,
            theirs.positive_offset,
            theirs.their_drop,
        )
        and _merge(
            &ours.negative,
            theirs.drop,
            &theirs.negative,
            theirs.negative_offset,
            theirs.their_drop,
        )
    ):
        return False
    ours.scale -= theirs.drop
    ours.zero_count = _added(ours.zero_count, given.zero_count)
    return True


cdef inline int64_t _sides_need(
    const Distribution *ours, const Given *given, bint add
) noexcept nogil:
    cdef _Sides theirs
    cdef Side positive = ours.positive, negative = ours.negative
    if not add:
        positive.length = negative.length = 0
    _prepare(&theirs, &positive, &negative, ours.scale if add else given.scale, given)
    return _needs(
        &positive, theirs.drop, &theirs.positive, theirs.positive_offset, theirs.their_drop
    ) + _needs(&negative, theirs.drop, &theirs.negative, theirs.negative_offset, theirs.their_drop)


# All kinds ---------------------------------------------------------------------------------------


cdef inline bint _put_quantiles(Distribution *ours, const Given *given) noexcept nogil:
    cdef int64_t length = min(given.quantiles.length, <int64_t> QUANTILES)
    cdef double *pairs
    if 2 * length != ours.bounds_length:
        pairs = <double *> malloc(16 * <size_t> length if length else 1)
        if pairs == NULL:
            return False
        free(ours.bounds)
        ours.bounds = pairs
        ours.bounds_length = <uint32_t> (2 * length)
    if length:
        memcpy(ours.bounds, given.quantiles.data, 8 * <size_t> length)
        memcpy(ours.bounds + length, given.quantile_values, 8 * <size_t> length)
    return True


cdef inline int64_t needed_bytes(
    const Distribution *ours, int kind, const Given *given, bint add
) noexcept nogil:
    """What `kept_bytes` would be after `put_distribution`."""
    if kind == HISTOGRAM:
        return 8 * (given.bounds.length + given.counts.length)
    if kind == EXPONENTIAL:
        return 8 * _sides_need(ours, given, add and ours.kind != 0)
    return 16 * min(given.quantiles.length, <int64_t> QUANTILES)


cdef inline bint put_distribution(
    Distribution *ours, int kind, const Given *given, bint add
) noexcept nogil:
    """Add what a row says, or let it replace what was there; False without memory."""
    add = add and ours.kind != 0
    if add:
        ours.count = _added(ours.count, given.count)
        ours.sum += given.sum
        if given.min < ours.min:
            ours.min = given.min
        if given.max > ours.max:
            ours.max = given.max
        ours.has_sum = ours.has_sum and given.has_sum
        ours.has_min = ours.has_min and given.has_min
        ours.has_max = ours.has_max and given.has_max
    else:
        ours.count = given.count
        ours.sum, ours.min, ours.max = given.sum, given.min, given.max
        ours.has_sum, ours.has_min, ours.has_max = given.has_sum, given.has_min, given.has_max
        ours.scale = given.scale
        ours.zero_count = 0
        ours.positive.length = ours.negative.length = 0
        ours.kind = <uint8_t> kind
    if kind == HISTOGRAM:
        return _put_buckets(ours, given, add)
    if kind == EXPONENTIAL:
        return _put_sides(ours, given)
    return _put_quantiles(ours, given)
