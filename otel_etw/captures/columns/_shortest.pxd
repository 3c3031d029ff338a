"""Doubles and whole numbers as Python prints them, without Python: see _shortest.pyx."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    # Bytes that the text of a double may take: a sign, 17 digits, a point, "e-308"; or zeros.
    MOST_TEXT = 32
    # Decimal digits of a number of 64 bits.
    MOST_DIGITS = 20

cdef extern from *:
    """
    static const char otel_etw_pairs[] =
        "0001020304050607080910111213141516171819" "2021222324252627282930313233343536373839"
        "4041424344454647484950515253545556575859" "6061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    """
    # The two digits of each number below 100.
    const char *PAIRS "otel_etw_pairs"


cdef inline void put_pair(char *to, uint32_t number) noexcept nogil:
    """The two digits of a number below 100."""
    memcpy(to, PAIRS + 2 * number, 2)


cdef inline int digits_before(char *end, uint64_t number) noexcept nogil:
    """Print a number so that it ends before ``end``; returns how many digits it has."""
    cdef char *at = end
    cdef uint32_t part
    while number >= 100_000_000:
        part = <uint32_t>(number % 100_000_000)
        number //= 100_000_000
        put_pair(at - 2, part % 100)
        put_pair(at - 4, part // 100 % 100)
        put_pair(at - 6, part // 10_000 % 100)
        put_pair(at - 8, part // 1_000_000)
        at -= 8
    part = <uint32_t>number
    while part >= 100:
        at -= 2
        put_pair(at, part % 100)
        part //= 100
    if part >= 10:
        at -= 2
        put_pair(at, part)
    else:
        at -= 1
        at[0] = <char>(c"0" + part)
    return <int>(end - at)


cdef int put_finite(char *to, double number) noexcept nogil
