"""Buffers in C memory that grow. They begin as zeros and are freed by ``release``."""

from libc.stdint cimport uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy


cdef struct Buffer:
    uint8_t *data
    size_t used
    size_t room


cdef inline int grow(Buffer *buffer, size_t more) noexcept nogil:
    cdef size_t room = buffer.room * 2 if buffer.room else 256
    cdef size_t least = buffer.used + more
    cdef uint8_t *data
    if least < more or room < buffer.room:
        return -1
    if room < least:
        room = least
    data = <uint8_t *>realloc(buffer.data, room)
    if data == NULL:
        return -1
    buffer.data = data
    buffer.room = room
    return 0


cdef inline int reserve(Buffer *buffer, size_t more) noexcept nogil:
    """Make room for ``more`` bytes behind the used ones; -1 when there is no memory."""
    if buffer.room - buffer.used >= more:
        return 0
    return grow(buffer, more)


cdef inline int append(Buffer *buffer, const void *data, size_t size) noexcept nogil:
    """-1 when there is no memory."""
    if reserve(buffer, size) < 0:
        return -1
    # No bytes may come without a pointer, which memcpy does not take.
    if size:
        memcpy(buffer.data + buffer.used, data, size)
        buffer.used += size
    return 0


cdef inline int append_byte(Buffer *buffer, uint8_t byte) noexcept nogil:
    """-1 when there is no memory."""
    if reserve(buffer, 1) < 0:
        return -1
    buffer.data[buffer.used] = byte
    buffer.used += 1
    return 0


cdef inline void release(Buffer *buffer) noexcept nogil:
    free(buffer.data)
    buffer.data = NULL
    buffer.used = buffer.room = 0
