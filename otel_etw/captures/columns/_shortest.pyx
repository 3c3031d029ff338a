"""Doubles as text, compiled: the twin of ``repr``, which needs the interpreter and takes 300 ns.

The shortest decimal that reads back as the same double, and of several the closest one, by the
algorithm of Raffaello Giulietti, "The Schubfach way to render doubles" (2021,
https://drive.google.com/file/d/1luHhyQF9zKlM8yJ1nebU0OgVYhfC6CBN). Names of variables in `shortest`
are the paper's.

A double is c * 2**q. With k, the power of ten that is just below the distance to its neighbours, at
most four multiples of 10**k are candidates, of which two are multiples of 10**(k+1). Which of them
lie in the interval of reals that are rounded to the double is told by three products with 10**-k,
of which 126 bits suffice.
"""

from cpython.mem cimport PyMem_Free
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy, memset, strlen

cdef extern from "Python.h":
    enum: Py_DTSF_ADD_DOT_0
    char *PyOS_double_to_string(double value, char code, int precision, int flags, int *kind) \
        except NULL

cdef enum:
    LEAST_POWER = -292
    MOST_POWER = 324
    POWERS = MOST_POWER - LEAST_POWER + 1
    LEAST_EXPONENT = -1074


cdef struct Wide:
    # A whole number of 192 bits.
    uint64_t high
    uint64_t middle
    uint64_t low


cdef struct Decimal:
    # digits * 10**exponent
    uint64_t digits
    int exponent


# The first 128 bits of each power of ten, rounded up.
cdef uint64_t[POWERS][2] powers


cdef int fill_powers() except -1:
    cdef int index
    cdef object ten = 10
    for index in range(POWERS):
        power = ten ** abs(index + LEAST_POWER)
        bits = power.bit_length()
        if index + LEAST_POWER < 0:
            first = -(-(1 << 127 + bits) // power)
        else:
            first = power << 128 - bits if bits <= 128 else -(-power >> bits - 128)
        powers[index][0] = first >> 64
        powers[index][1] = first & 0xFFFF_FFFF_FFFF_FFFF
    return 0


fill_powers()


cdef inline uint64_t multiplied(uint64_t a, uint64_t b, uint64_t *high) noexcept nogil:
    """The lower half of the product; not every compiler has numbers of 128 bits."""
    cdef uint64_t half = 0xFFFF_FFFF
    cdef uint64_t low = (a & half) * (b & half)
    cdef uint64_t first = (a >> 32) * (b & half) + (low >> 32)
    cdef uint64_t second = (a & half) * (b >> 32) + (first & half)
    high[0] = (a >> 32) * (b >> 32) + (first >> 32) + (second >> 32)
    return second << 32 | low & half


cdef inline Wide product(const uint64_t *g, uint64_t c) noexcept nogil:
    cdef Wide wide
    cdef uint64_t carried = 0
    wide.low = multiplied(g[1], c, &carried)
    wide.middle = multiplied(g[0], c, &wide.high) + carried
    wide.high += wide.middle < carried
    return wide


cdef inline Wide shifted(const uint64_t *g, int bits) noexcept nogil:
    """g * 2**bits, of 1 to 63 bits."""
    cdef Wide wide
    wide.high = g[0] >> (64 - bits)
    wide.middle = g[0] << bits | g[1] >> (64 - bits)
    wide.low = g[1] << bits
    return wide


cdef inline uint64_t odd_sum(Wide a, Wide b) noexcept nogil:
    """The highest word of the sum, with its last bit set where more follows than a power is off."""
    cdef uint64_t carried = a.low + b.low < b.low
    cdef uint64_t middle = a.middle + carried
    cdef uint64_t high = a.high + b.high + (middle < carried)
    middle += b.middle
    high += middle < b.middle
    return high | (middle > 1)


cdef inline uint64_t odd_difference(Wide a, Wide b) noexcept nogil:
    """The same of the difference, which is not negative."""
    cdef uint64_t borrowed = a.low < b.low
    cdef uint64_t high = a.high - b.high - (a.middle < borrowed)
    cdef uint64_t middle = a.middle - borrowed
    high -= middle < b.middle
    middle -= b.middle
    return high | (middle > 1)


cdef inline int divided(int number, int bits) noexcept nogil:
    """number / 2**bits, rounded down; C does not say how it shifts negative numbers."""
    return -((-number + (1 << bits) - 1) >> bits) if number < 0 else number >> bits


cdef Decimal shortest(uint64_t c, int q, bint is_first) noexcept nogil:
    """The shortest decimal of c * 2**q, with zeros at the end perhaps.

    ``is_first``: whether the doubles below are half as far away as those above.
    """
    cdef Decimal decimal
    # floor(log10(2**q)), or of 3/4 of it; then floor(log2(10**-k)): see the paper, section 9.
    cdef int k = divided(q * 1_262_611 - (524_031 if is_first else 0), 22)
    cdef int h = q + divided(-k * 1_741_647, 19) + 1
    cdef const uint64_t *g = powers[-k - LEAST_POWER]
    cdef Wide middle = product(g, 4 * c << h)
    cdef Wide away = shifted(g, h + 1)
    cdef uint64_t excluded = c & 1
    cdef uint64_t vb = middle.high | (middle.middle > 1)
    cdef uint64_t upper = odd_sum(middle, away) - excluded
    cdef uint64_t lower
    cdef uint64_t s = vb >> 2
    cdef uint64_t ten
    cdef bint below, above
    if is_first:
        away = shifted(g, h)
    lower = odd_difference(middle, away) + excluded
    if s >= 10:
        ten = s // 10
        below = lower <= 40 * ten
        above = 40 * ten + 40 <= upper
        if below != above:
            decimal.digits = ten + above
            decimal.exponent = k + 1
            return decimal
    below = lower <= 4 * s
    above = 4 * s + 4 <= upper
    decimal.exponent = k
    if below != above:
        decimal.digits = s + above
    else:
        # Both or none: the closer one, and the even one of two that are as close.
        above = vb > 4 * s + 2 or (vb == 4 * s + 2 and s & 1 != 0)
        decimal.digits = s + above
    return decimal


cdef inline void trim(Decimal *decimal) noexcept nogil:
    """Without zeros at the end."""
    cdef uint64_t digits = decimal.digits
    cdef int exponent = decimal.exponent
    if digits % 100_000_000 == 0:
        digits //= 100_000_000
        exponent += 8
    if digits % 10_000 == 0:
        digits //= 10_000
        exponent += 4
    if digits % 100 == 0:
        digits //= 100
        exponent += 2
    while digits % 10 == 0:
        digits //= 10
        exponent += 1
    decimal.digits = digits
    decimal.exponent = exponent


cdef int put_whole(char *to, uint64_t number) noexcept nogil:
    """A whole number below 2**53, as a double."""
    cdef char digits[2 * MOST_DIGITS]
    cdef int count = digits_before(digits + MOST_DIGITS, number)
    memcpy(to, digits + MOST_DIGITS - count, MOST_DIGITS)
    to[count] = c"."
    to[count + 1] = c"0"
    return count + 2


cdef int put_decimal(char *to, const Decimal *decimal) noexcept nogil:
    """As `repr` does: with an exponent below 1e-4 and from 1e16 on."""
    cdef char room[2 * MOST_DIGITS]
    cdef int count = digits_before(room + MOST_DIGITS, decimal.digits)
    cdef const char *digits = room + MOST_DIGITS - count
    cdef int point = count + decimal.exponent   # digits before the point
    cdef int exponent = point - 1
    if 0 < point <= 16:
        if point >= count:
            memset(to, c"0", MOST_DIGITS)
            memcpy(to, digits, count)
            to[point] = c"."
            to[point + 1] = c"0"
            return point + 2
        memcpy(to, digits, MOST_DIGITS)
        to[point] = c"."
        memcpy(to + point + 1, digits + point, count - point)
        return count + 1
    if -4 < point <= 0:
        memcpy(to, b"0.000", 5)
        memcpy(to + 2 - point, digits, MOST_DIGITS)
        return 2 - point + count
    to[0] = digits[0]
    if count > 1:
        to[1] = c"."
        memcpy(to + 2, digits + 1, MOST_DIGITS)
        to += count + 1
    else:
        count = 0
        to += 1
    to[0] = c"e"
    to[1] = c"-" if exponent < 0 else c"+"
    if exponent < 0:
        exponent = -exponent
    if exponent >= 100:
        to[2] = <char>(c"0" + exponent // 100)
        put_pair(to + 3, exponent % 100)
        return count + 6 if count else 6
    put_pair(to + 2, exponent)
    return count + 5 if count else 5


cdef int put_finite(char *to, double number) noexcept nogil:
    """The text of a number that is neither infinite nor a NaN, as `repr` gives it.

    Returns its length. ``to`` has room for `MOST_TEXT` bytes; those behind the text may change.
    """
    cdef uint64_t bits = 0
    cdef uint64_t c
    cdef int biased, q
    cdef int sign = 0
    cdef Decimal decimal
    memcpy(&bits, &number, 8)
    if bits >> 63:
        to[0] = c"-"
        to += 1
        sign = 1
    biased = <int>(bits >> 52 & 0x7FF)
    c = bits & ((<uint64_t>1 << 52) - 1)
    if biased:
        c |= <uint64_t>1 << 52
        q = biased + LEAST_EXPONENT - 1
        if -53 < q <= 0 and not c & ((<uint64_t>1 << -q) - 1):
            return sign + put_whole(to, c >> -q)
    elif c:
        q = LEAST_EXPONENT
    else:
        memcpy(to, b"0.0", 3)
        return sign + 3
    decimal = shortest(c, q, c == <uint64_t>1 << 52 and biased > 1)
    trim(&decimal)
    return sign + put_decimal(to, &decimal)


def double_text(double number):
    """The text of a finite number; for tests."""
    cdef char text[MOST_TEXT]
    return text[: put_finite(text, number)].decode("ascii")


def first_difference(bytes numbers not None):
    """The first of the doubles that is printed in another way than `repr` does; None: all are
    alike. NaN and infinities are left out. For tests with very many numbers.
    """
    cdef const char *at = numbers
    cdef double number = 0
    cdef Py_ssize_t index
    cdef char text[MOST_TEXT]
    cdef char *expected
    cdef size_t size
    cdef bint is_equal
    for index in range(len(numbers) // 8):
        memcpy(&number, at + 8 * index, 8)
        if number - number != 0:
            continue
        size = put_finite(text, number)
        expected = PyOS_double_to_string(number, c"r", 0, Py_DTSF_ADD_DOT_0, NULL)
        is_equal = strlen(expected) == size and memcmp(text, expected, size) == 0
        PyMem_Free(expected)
        if not is_equal:
            return number
    return None
