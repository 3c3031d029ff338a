"""A growing buffer of text, and numbers and times as Python prints them."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen

from otel_etw.captures.columns._shortest cimport (
    MOST_DIGITS,
    MOST_TEXT,
    digits_before,
    put_finite,
    put_pair,
)

cdef extern from "<math.h>" nogil:
    bint isnan(double)
    bint isfinite(double)


cdef struct Text:
    char *data
    size_t size
    size_t room


cdef inline int make_room(Text *text, size_t size) except -1:
    """Room for so many bytes more."""
    cdef size_t room
    cdef void *data
    if text.room - text.size >= size:
        return 0
    room = text.room + text.room // 2
    if room < text.size + size:
        room = text.size + size
    data = realloc(text.data, room)
    if data == NULL:
        raise MemoryError(f"no memory for {room:,} bytes of text")
    text.data = <char *> data
    text.room = room
    return 0


cdef inline int put(Text *text, const char *data, size_t size) except -1:
    if size:
        make_room(text, size)
        memcpy(text.data + text.size, data, size)
        text.size += size
    return 0


cdef inline int put_again(Text *text, size_t start, size_t size) except -1:
    """What stands in the text already."""
    make_room(text, size)
    memcpy(text.data + text.size, text.data + start, size)
    text.size += size
    return 0


cdef inline int put_words(Text *text, const char *words) except -1:
    return put(text, words, strlen(words))


cdef inline int put_unsigned(Text *text, uint64_t number) except -1:
    cdef char digits[MOST_DIGITS]
    cdef int count
    if number < 10:
        digits[0] = <char> (c"0" + number)
        return put(text, digits, 1)
    count = digits_before(digits + MOST_DIGITS, number)
    return put(text, digits + MOST_DIGITS - count, count)


cdef inline int put_signed(Text *text, int64_t number) except -1:
    if number < 0:
        put(text, b"-", 1)
        return put_unsigned(text, 0 - <uint64_t> number)
    return put_unsigned(text, <uint64_t> number)


cdef inline int put_double(Text *text, double number, const char *quote) except -1:
    """As `repr` does; ``NaN``, ``Infinity`` and ``-Infinity`` between two ``quote``."""
    if not isfinite(number):
        put_words(text, quote)
        put_words(text, b"NaN" if isnan(number) else b"Infinity" if number > 0 else b"-Infinity")
        return put_words(text, quote)
    make_room(text, MOST_TEXT)
    text.size += put_finite(text.data + text.size, number)
    return 0


cdef inline int put_time(Text *text, uint64_t nanoseconds) except -1:
    """ISO 8601, UTC, to the nanosecond; ``nanoseconds`` since 1970."""
    cdef uint64_t seconds = nanoseconds // 1_000_000_000
    cdef uint64_t days = seconds // 86_400
    cdef uint32_t second = <uint32_t> (seconds % 86_400)
    # Days of a calendar that begins on the 1st of March of year 0, whose leap day comes last:
    # http://howardhinnant.github.io/date_algorithms.html#civil_from_days
    cdef uint64_t day = days + 719_468
    cdef uint64_t era = day // 146_097
    cdef uint32_t of_era = <uint32_t> (day % 146_097)
    cdef uint32_t year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    cdef uint32_t of_year = of_era - (365 * year + year // 4 - year // 100)
    cdef uint32_t month = (5 * of_year + 2) // 153
    cdef uint32_t fraction = <uint32_t> (nanoseconds % 1_000_000_000)
    cdef char *to
    year += <uint32_t> era * 400 + (month >= 10)
    make_room(text, 30)
    to = text.data + text.size
    memcpy(to, b"0000-00-00T00:00:00.000000000Z", 30)
    put_pair(to, year // 100)
    put_pair(to + 2, year % 100)
    put_pair(to + 5, month + 3 if month < 10 else month - 9)
    put_pair(to + 8, of_year - (153 * month + 2) // 5 + 1)
    put_pair(to + 11, second // 3_600)
    put_pair(to + 14, second // 60 % 60)
    put_pair(to + 17, second % 60)
    to[20] = <char> (c"0" + fraction // 100_000_000)
    put_pair(to + 21, fraction // 1_000_000 % 100)
    put_pair(to + 23, fraction // 10_000 % 100)
    put_pair(to + 25, fraction // 100 % 100)
    put_pair(to + 27, fraction % 100)
    text.size += 30
    return 0


cdef inline void free_text(Text *text) noexcept nogil:
    free(text.data)
    text.data = NULL
    text.size = text.room = 0
