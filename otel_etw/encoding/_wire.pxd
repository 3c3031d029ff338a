"""Bytes of the protobuf wire format: pointer in, pointer out. Nothing here allocates or fails.

The caller has made room: a varint takes at most 10 bytes, a tag one.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    #if defined(_WIN32) || (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
    static inline void otel_etw_store64(uint8_t *to, uint64_t value) { memcpy(to, &value, 8); }
    #else
    static inline void otel_etw_store64(uint8_t *to, uint64_t value) {
        for (int i = 0; i < 8; i++) to[i] = (uint8_t)(value >> (8 * i));
    }
    #endif
    """
    void store64 "otel_etw_store64"(uint8_t *to, uint64_t value) noexcept nogil


cdef inline size_t varint_size(uint64_t value) noexcept nogil:
    cdef size_t size = 1
    while value > 0x7F:
        value >>= 7
        size += 1
    return size


cdef inline uint8_t *put_varint(uint8_t *to, uint64_t value) noexcept nogil:
    while value > 0x7F:
        to[0] = <uint8_t>(value & 0x7F) | 0x80
        to += 1
        value >>= 7
    to[0] = <uint8_t>value
    return to + 1


cdef inline size_t field_size(size_t size) noexcept nogil:
    """A length-delimited field around ``size`` bytes, with its one-byte tag."""
    return 1 + varint_size(size) + size


cdef inline uint8_t *put_head(uint8_t *to, uint8_t tag, size_t size) noexcept nogil:
    """What stands before the body of a length-delimited field."""
    to[0] = tag
    return put_varint(to + 1, size)


cdef inline uint8_t *put_bytes(uint8_t *to, const void *data, size_t size) noexcept nogil:
    # No bytes may come without a pointer, which memcpy does not take.
    if size:
        memcpy(to, data, size)
    return to + size


cdef inline uint8_t *store_fixed64(uint8_t *to, uint64_t value) noexcept nogil:
    store64(to, value)
    return to + 8


cdef inline uint8_t *store_double(uint8_t *to, double value) noexcept nogil:
    cdef uint64_t bits = 0
    memcpy(&bits, &value, 8)
    return store_fixed64(to, bits)


cdef inline uint8_t *put_fixed64(uint8_t *to, uint8_t tag, uint64_t value) noexcept nogil:
    to[0] = tag
    return store_fixed64(to + 1, value)


cdef inline uint8_t *put_double(uint8_t *to, uint8_t tag, double value) noexcept nogil:
    to[0] = tag
    return store_double(to + 1, value)


cdef inline uint64_t zigzag(int64_t value) noexcept nogil:
    return (<uint64_t>value << 1) ^ <uint64_t>(-1 if value < 0 else 0)
