"""Reading the protobuf wire format: https://protobuf.dev/programming-guides/encoding/

Messages that were checked before are read here, so what is malformed is not told from the end of a
message; but nothing is ever read beyond it.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef OTEL_ETW_LOADS
    #define OTEL_ETW_LOADS
    #include <stdint.h>
    #include <string.h>

    #if defined(_WIN32) || (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
    static inline uint64_t otel_etw_load64(const uint8_t *at) {
        uint64_t value;
        memcpy(&value, at, 8);
        return value;
    }
    static inline uint32_t otel_etw_load32(const uint8_t *at) {
        uint32_t value;
        memcpy(&value, at, 4);
        return value;
    }
    static inline void otel_etw_put64(uint8_t *to, uint64_t value) { memcpy(to, &value, 8); }
    /* Little-endian words in the order of this machine. */
    static inline void otel_etw_copy_words(void *to, const uint8_t *from, size_t count) {
        if (count) memcpy(to, from, count * 8);
    }
    #else
    static inline uint64_t otel_etw_load64(const uint8_t *at) {
        uint64_t value = 0;
        for (int i = 7; i >= 0; i--) value = value << 8 | at[i];
        return value;
    }
    static inline uint32_t otel_etw_load32(const uint8_t *at) {
        return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
    }
    static inline void otel_etw_put64(uint8_t *to, uint64_t value) {
        for (int i = 0; i < 8; i++) to[i] = (uint8_t)(value >> (8 * i));
    }
    static inline void otel_etw_copy_words(void *to, const uint8_t *from, size_t count) {
        for (size_t i = 0; i < count; i++) {
            uint64_t value = otel_etw_load64(from + 8 * i);
            memcpy((uint8_t *)to + 8 * i, &value, 8);
        }
    }
    #endif
    #endif
    """
    uint64_t load64 "otel_etw_load64"(const uint8_t *at) noexcept nogil
    uint32_t load32 "otel_etw_load32"(const uint8_t *at) noexcept nogil
    void store64 "otel_etw_put64"(uint8_t *to, uint64_t value) noexcept nogil
    void copy_words "otel_etw_copy_words"(
        void *to, const uint8_t *from_, size_t count
    ) noexcept nogil

cdef enum WireType:
    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    GROUP = 3
    GROUP_END = 4
    FIXED32 = 5

cdef enum:
    # Protobuf's own limit.
    MOST_NESTING = 100


cdef struct Span:
    const uint8_t *at
    const uint8_t *end


cdef struct Field:
    uint64_t tag
    uint64_t number           # of a varint or a fixed number
    Span content              # of a length-delimited field
    const uint8_t *start      # where its tag stands


cdef inline size_t span_size(Span span) noexcept nogil:
    return <size_t>(span.end - span.at)


cdef inline const uint8_t *read_varint(
    const uint8_t *at, const uint8_t *end, uint64_t *value
) noexcept nogil:
    """What stands behind it; NULL when there is none."""
    cdef uint64_t number
    cdef int shift = 7
    if at >= end:
        return NULL
    number = at[0]
    at += 1
    if number < 0x80:
        value[0] = number
        return at
    number &= 0x7F
    while at < end and shift < 64:
        number |= <uint64_t>(at[0] & 0x7F) << shift
        if at[0] < 0x80:
            value[0] = number
            return at + 1
        at += 1
        shift += 7
    return NULL


cdef inline const uint8_t *read_length(
    const uint8_t *at, const uint8_t *end, uint64_t *size
) noexcept nogil:
    """Where the content begins that is ``size`` bytes long; NULL when it reaches over the end."""
    at = read_varint(at, end, size)
    if at == NULL or size[0] > <uint64_t>(end - at):
        return NULL
    return at


cdef inline const uint8_t *skip_group(
    const uint8_t *at, const uint8_t *end
) noexcept nogil:
    """Behind the end of the group whose tag was just read; NULL when it has none."""
    cdef uint64_t tag = 0, number = 0
    cdef int open = 1
    while open:
        at = read_varint(at, end, &tag)
        if at == NULL:
            return NULL
        if tag & 7 == VARINT:
            at = read_varint(at, end, &number)
        elif tag & 7 == FIXED64:
            at = at + 8 if end - at >= 8 else NULL
        elif tag & 7 == LENGTH:
            at = read_length(at, end, &number)
            if at != NULL:
                at += number
        elif tag & 7 == GROUP:
            open += 1
        elif tag & 7 == GROUP_END:
            open -= 1
        elif tag & 7 == FIXED32:
            at = at + 4 if end - at >= 4 else NULL
        else:
            return NULL
        if at == NULL:
            return NULL
    return at


cdef inline const uint8_t *skip_value(
    const uint8_t *at, const uint8_t *end, uint64_t tag
) noexcept nogil:
    """Behind the field whose tag was just read; NULL when it is torn."""
    cdef uint64_t number = 0
    if tag & 7 == VARINT:
        return read_varint(at, end, &number)
    if tag & 7 == FIXED64:
        return at + 8 if end - at >= 8 else NULL
    if tag & 7 == LENGTH:
        at = read_length(at, end, &number)
        return at + number if at != NULL else NULL
    if tag & 7 == GROUP:
        return skip_group(at, end)
    if tag & 7 == FIXED32:
        return at + 4 if end - at >= 4 else NULL
    return NULL


cdef inline bint next_field(Span *message, Field *field) noexcept nogil:
    """Moves behind the next field; False at the end of the message."""
    cdef const uint8_t *at = message.at
    cdef uint64_t size = 0
    field.start = at
    field.number = 0
    field.content.at = field.content.end = at
    at = read_varint(at, message.end, &field.tag)
    if at != NULL:
        if field.tag & 7 == LENGTH:
            at = read_length(at, message.end, &size)
            if at != NULL:
                field.content.at = at
                at += size
                field.content.end = at
        elif field.tag & 7 == VARINT:
            at = read_varint(at, message.end, &field.number)
        elif field.tag & 7 == FIXED64:
            if message.end - at < 8:
                at = NULL
            else:
                field.number = load64(at)
                at += 8
        else:
            at = skip_value(at, message.end, field.tag)
    if at == NULL:
        message.at = message.end
        return False
    message.at = at
    return True


cdef inline bint find(Span *message, uint64_t tag, Span *content) noexcept nogil:
    """Moves behind the next field with this tag, that of a length-delimited one; False when the
    message has no other."""
    cdef Field field
    while next_field(message, &field):
        if field.tag == tag:
            content[0] = field.content
            return True
    return False
