"""XXH64 with seed 0: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md"""

from libc.stdint cimport uint8_t, uint64_t

from otel_etw.captures.columns._protobuf cimport load32, load64

cdef extern from *:
    """
    #ifndef OTEL_ETW_XXH64
    #define OTEL_ETW_XXH64
    #include <stdint.h>
    static const uint64_t otel_etw_prime1 = 0x9E3779B185EBCA87u;
    static const uint64_t otel_etw_prime2 = 0xC2B2AE3D27D4EB4Fu;
    static const uint64_t otel_etw_prime3 = 0x165667B19E3779F9u;
    static const uint64_t otel_etw_prime4 = 0x85EBCA77C2B2AE63u;
    static const uint64_t otel_etw_prime5 = 0x27D4EB2F165667C5u;
    static inline uint64_t otel_etw_rotate(uint64_t value, int by) {
        return value << by | value >> (64 - by);
    }
    #endif
    """
    const uint64_t PRIME1 "otel_etw_prime1"
    const uint64_t PRIME2 "otel_etw_prime2"
    const uint64_t PRIME3 "otel_etw_prime3"
    const uint64_t PRIME4 "otel_etw_prime4"
    const uint64_t PRIME5 "otel_etw_prime5"
    uint64_t rotate "otel_etw_rotate"(uint64_t value, int by) noexcept nogil


cdef inline uint64_t xxh64_round(uint64_t lane, uint64_t word) noexcept nogil:
    return rotate(lane + word * PRIME2, 31) * PRIME1


cdef inline uint64_t avalanche(uint64_t value) noexcept nogil:
    value = (value ^ (value >> 33)) * PRIME2
    value = (value ^ (value >> 29)) * PRIME3
    return value ^ (value >> 32)


cdef inline uint64_t xxh64(const uint8_t *at, size_t size) noexcept nogil:
    cdef size_t left = size
    cdef uint64_t result
    cdef uint64_t[4] lanes
    cdef int i
    if left >= 32:
        lanes[0] = PRIME1 + PRIME2
        lanes[1] = PRIME2
        lanes[2] = 0
        lanes[3] = 0 - PRIME1
        while left >= 32:
            for i in range(4):
                lanes[i] = xxh64_round(lanes[i], load64(at + 8 * i))
            at += 32
            left -= 32
        result = (
            rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18)
        )
        for i in range(4):
            result = (result ^ xxh64_round(0, lanes[i])) * PRIME1 + PRIME4
    else:
        result = PRIME5
    result += size
    while left >= 8:
        result = rotate(result ^ xxh64_round(0, load64(at)), 27) * PRIME1 + PRIME4
        at += 8
        left -= 8
    if left >= 4:
        result = rotate(result ^ (load32(at) * PRIME1), 23) * PRIME2 + PRIME3
        at += 4
        left -= 4
    while left:
        result = rotate(result ^ (at[0] * PRIME5), 11) * PRIME1
        at += 1
        left -= 1
    return avalanche(result)
