"""Estimated quantiles of a histogram's buckets, bit for bit as `otel_etw.captures.quantiles`.

Sizes of buckets are exact integers there, their sum of any length: so comparisons with floats are
exact here too, and the sum has 128 bits. Where C could join a multiplication and an addition into
one operation without rounding between them, a volatile variable forbids it.
"""

from libc.math cimport INFINITY, NAN, isfinite, isinf, isnan, ldexp, pow
from libc.stdint cimport INT32_MIN, int32_t, int64_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #define OTEL_ETW_NEARLY_ALL 0.75
    #define OTEL_ETW_NARROW 2.0
    """
    const double NEARLY_ALL "OTEL_ETW_NEARLY_ALL"
    const double NARROW "OTEL_ETW_NARROW"


cdef struct Side:
    const char *counts  # uint64, perhaps not aligned
    int64_t size
    int32_t offset


cdef struct Histogram:
    # Explicit where `bounds` is one, exponential where `is_exponential`, otherwise no histogram.
    bint is_explicit
    bint is_exponential
    Side positive  # of an explicit one: all counts
    Side negative
    const char *bounds  # doubles
    int64_t bounds_size
    int32_t scale
    uint64_t zero_count
    double least  # NaN where they are not known
    double most


cdef struct Total:
    uint64_t high
    uint64_t low
    int64_t last  # the last bucket that is not empty; -1 when all are


cdef inline uint64_t count_at(const Side *side, int64_t index) noexcept nogil:
    cdef uint64_t value = 0
    memcpy(&value, side.counts + index * 8, 8)
    return value


cdef inline double bound_at(const Histogram *histogram, int64_t index) noexcept nogil:
    cdef double value = 0
    memcpy(&value, histogram.bounds + index * 8, 8)
    return value


cdef inline int64_t bucket_count(const Histogram *histogram) noexcept nogil:
    if histogram.is_exponential:
        return histogram.negative.size + 1 + histogram.positive.size
    if histogram.positive.size <= histogram.bounds_size:
        return histogram.positive.size
    return histogram.bounds_size + 1


cdef inline uint64_t bucket_size(const Histogram *histogram, int64_t index) noexcept nogil:
    if not histogram.is_exponential:
        return count_at(&histogram.positive, index)
    if index < histogram.negative.size:
        return count_at(&histogram.negative, histogram.negative.size - 1 - index)
    if index == histogram.negative.size:
        return histogram.zero_count
    return count_at(&histogram.positive, index - histogram.negative.size - 1)


cdef inline double exponential_edge(int64_t index, int32_t scale) noexcept nogil:
    # The largest exponent for -INT32_MIN, which is no int32: infinite or 0 as well.
    cdef double power = ldexp(<double>index, -scale if scale != INT32_MIN else 0x7fffffff)
    return pow(2.0, power)


cdef inline void bucket_edges(
    const Histogram *histogram, int64_t index, double *low, double *high
) noexcept nogil:
    cdef int64_t edge
    if not histogram.is_exponential:
        low[0] = bound_at(histogram, index - 1) if index > 0 else -INFINITY
        high[0] = bound_at(histogram, index) if index < histogram.bounds_size else INFINITY
    elif index < histogram.negative.size:
        edge = histogram.negative.offset + histogram.negative.size - 1 - index
        low[0] = -exponential_edge(edge + 1, histogram.scale)
        high[0] = -exponential_edge(edge, histogram.scale)
    elif index == histogram.negative.size:
        low[0] = high[0] = 0.0
    else:
        edge = histogram.positive.offset + index - histogram.negative.size - 1
        low[0] = exponential_edge(edge, histogram.scale)
        high[0] = exponential_edge(edge + 1, histogram.scale)


cdef inline Total total_of(const Histogram *histogram) noexcept nogil:
    cdef Total total
    cdef uint64_t size
    cdef int64_t index
    total.high = total.low = 0
    total.last = -1
    for index in range(bucket_count(histogram)):
        size = bucket_size(histogram, index)
        if size:
            total.last = index
            total.low += size
            total.high += total.low < size
    return total


cdef inline double as_double(const Total *total) noexcept nogil:
    """The nearest double, as Python rounds an integer."""
    cdef int shift = 0
    cdef uint64_t top
    if not total.high:
        return <double>total.low
    while total.high >> shift:
        shift += 1
    # 64 leading bits; that anything stood behind them decides what is a tie.
    if shift == 64:
        top = total.high | (total.low != 0)
    else:
        top = (total.high << (64 - shift)) | (total.low >> shift)
        top |= (total.low & ((<uint64_t>1 << shift) - 1)) != 0
    return ldexp(<double>top, shift)


cdef inline bint is_at_most(double value, uint64_t size) noexcept nogil:
    """value <= size, exactly; the value is 0 or more."""
    cdef uint64_t whole
    if not value < 18446744073709551616.0:
        return False
    whole = <uint64_t>value
    return whole < size or (whole == size and value == <double>whole)


cdef inline bint is_less(double value, uint64_t size) noexcept nogil:
    """value < size, exactly; the value is 0 or more."""
    return value < 18446744073709551616.0 and <uint64_t>value < size


cdef inline double product(double one, double other) noexcept nogil:
    cdef volatile double result = one * other
    return result


cdef inline bint is_narrow(double low, double high) noexcept nogil:
    cdef double first, second
    if low == high:
        return True
    if not low * high > 0:
        return False
    first = -low if low < 0 else low
    second = -high if high < 0 else high
    return (second if second > first else first) <= NARROW * (second if second < first else first)


cdef inline double estimated(
    const Histogram *histogram, const Total *total, double q
) noexcept nogil:
    """`trusted_quantile`; NaN for None."""
    cdef double least = histogram.least
    cdef double most = histogram.most
    cdef double low = 0.0
    cdef double high = 0.0
    cdef double sum_of_all, rank, part, estimate
    cdef int64_t index
    cdef uint64_t size = 0
    if total.last < 0:
        return NAN
    if least == INFINITY or isnan(least):
        least = -INFINITY
    if most == -INFINITY or isnan(most):
        most = INFINITY
    sum_of_all = as_double(total)
    rank = product(q, sum_of_all)
    index = 0
    while True:
        size = bucket_size(histogram, index)
        if size:
            if is_at_most(rank, size) or index == total.last:
                break
            rank -= <double>size
        index += 1
    part = rank / <double>size
    if not part < 1.0:
        part = 1.0
    bucket_edges(histogram, index, &low, &high)
    if least > low:
        low = least
    if most < high:
        high = most
    if low == -INFINITY and 0 < high and high < INFINITY:
        low = 0.0
    if is_less(product(NEARLY_ALL, sum_of_all), size) and not is_narrow(low, high):
        return NAN
    if isinf(low) or isinf(high):
        estimate = low if isfinite(low) else high
        if not isfinite(estimate):
            return NAN
    elif histogram.is_exponential and index != histogram.negative.size and low * high > 0:
        estimate = product(low, pow(high / low, part))
    else:
        estimate = low + product(high - low, part)
    if isnan(estimate):
        return NAN
    if least > estimate:
        estimate = least
    return most if most < estimate else estimate
