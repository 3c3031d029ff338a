"""A growing buffer of text, and numbers and times as Python prints them."""

from cpython.mem cimport PyMem_Free
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen

cdef extern from "Python.h":
    enum: Py_DTSF_ADD_DOT_0
    char *PyOS_double_to_string(double value, char code, int precision, int flags, int *kind) \
        except NULL

cdef extern from "<math.h>" nogil:
    bint isnan(double)
    bint isfinite(double)
    bint signbit(double)


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


cdef inline int put_words(Text *text, const char *words) except -1:
    return put(text, words, strlen(words))


cdef inline int put_unsigned(Text *text, uint64_t number) except -1:
    cdef char digits[20]
    cdef size_t at = 20
    while True:
        at -= 1
        digits[at] = <char> (c'0' + number % 10)
        number //= 10
        if not number:
            return put(text, digits + at, 20 - at)


cdef inline int put_signed(Text *text, int64_t number) except -1:
    if number < 0:
        put(text, b"-", 1)
        return put_unsigned(text, 0 - <uint64_t> number)
    return put_unsigned(text, <uint64_t> number)


cdef inline int put_double(Text *text, double number, const char *quote) except -1:
    """As `repr` does; ``NaN``, ``Infinity`` and ``-Infinity`` between two ``quote``."""
    cdef char *digits
    if not isfinite(number):
        put_words(text, quote)
        put_words(text, b"NaN" if isnan(number) else b"Infinity" if number > 0 else b"-Infinity")
        return put_words(text, quote)
    # Below 1e16 whole numbers have no exponent.
    if -1e15 < number and number < 1e15 and number == <double> <int64_t> number:
        if signbit(number):
            put(text, b"-", 1)
        put_unsigned(text, <uint64_t> (-number if number < 0 else number))
        return put(text, b".0", 2)
    digits = PyOS_double_to_string(number, b"r", 0, Py_DTSF_ADD_DOT_0, NULL)
    try:
        put_words(text, digits)
    finally:
        PyMem_Free(digits)
    return 0


cdef inline void pad(char *to, int width, uint64_t number) noexcept nogil:
    while width:
        width -= 1
        to[width] = <char> (c'0' + number % 10)
        number //= 10


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
    cdef char *to
    make_room(text, 30)
    to = text.data + text.size
    memcpy(to, b"0000-00-00T00:00:00.000000000Z", 30)
    pad(to, 4, year + era * 400 + (month >= 10))
    pad(to + 5, 2, month + 3 if month < 10 else month - 9)
    pad(to + 8, 2, of_year - (153 * month + 2) // 5 + 1)
    pad(to + 11, 2, second // 3_600)
    pad(to + 14, 2, second // 60 % 60)
    pad(to + 17, 2, second % 60)
    pad(to + 20, 9, nanoseconds % 1_000_000_000)
    text.size += 30
    return 0


cdef inline void free_text(Text *text) noexcept nogil:
    free(text.data)
    text.data = NULL
    text.size = text.room = 0
