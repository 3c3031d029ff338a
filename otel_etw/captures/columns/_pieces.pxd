"""Fields of a message that have one tag, as if they stood in one piece."""

from libc.stdint cimport uint8_t

from otel_etw.captures.columns._growing cimport Buffer, append
from otel_etw.captures.columns._protobuf cimport Span


cdef struct Pieces:
    const uint8_t *start
    const uint8_t *stop
    bint are_gathered


cdef inline int add_piece(
    Pieces *pieces, Buffer *gathered, const uint8_t *start, const uint8_t *stop
) noexcept nogil:
    """-1 when there is no memory."""
    if pieces.start == NULL:
        pieces.start = start
    elif pieces.are_gathered:
        return append(gathered, start, <size_t>(stop - start))
    elif pieces.stop != start:
        pieces.are_gathered = True
        gathered.used = 0
        if append(gathered, pieces.start, <size_t>(pieces.stop - pieces.start)) < 0:
            return -1
        return append(gathered, start, <size_t>(stop - start))
    pieces.stop = stop
    return 0


cdef inline Span pieces_span(const Pieces *pieces, const Buffer *gathered) noexcept nogil:
    cdef Span span
    span.at = pieces.start
    span.end = pieces.stop
    if pieces.are_gathered:
        span.at = gathered.data
        span.end = gathered.data + gathered.used
    return span
