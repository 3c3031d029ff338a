"""Length-prefixed protobuf where nothing is wrong: what is unusual is left to `FrameReader`."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from otel_etw.captures.columns._check cimport check_request_c

from otel_etw.framing import PREFIX as _PREFIX
from otel_etw.framing import RESOURCE_METRICS as _RESOURCE_METRICS
from otel_etw.limits import FRAME_MAXIMUM as _FRAME_MAXIMUM

cdef Py_ssize_t prefix = _PREFIX
cdef uint8_t tag = _RESOURCE_METRICS
cdef uint32_t maximum = _FRAME_MAXIMUM

cdef enum:
    # Frames given at once, so that they take no more memory than a chunk of the file.
    MOST_FRAMES = 4096
    # Bytes of a frame from which on it is checked without the GIL.
    WORTH_RELEASING = 1 << 14


cdef struct Chain:
    Py_ssize_t reached
    Py_ssize_t fields
    bint agrees


cdef Chain follow(
    const uint8_t *data, Py_ssize_t have, Py_ssize_t start, Py_ssize_t end
) noexcept nogil:
    """As `otel_etw.framing.follow_resource_metrics`."""
    cdef Chain chain
    cdef Py_ssize_t after
    cdef uint64_t length
    cdef int shift
    chain.reached = start
    chain.fields = 0
    chain.agrees = True
    while chain.reached < end and chain.reached < have:
        if data[chain.reached] != tag:
            chain.agrees = False
            return chain
        after = chain.reached + 1
        length = 0
        shift = 0
        while True:
            if after == have:
                return chain
            length |= <uint64_t>(data[after] & 0x7F) << shift
            shift += 7
            after += 1
            if data[after - 1] < 0x80:
                break
            if shift > 28:
                chain.agrees = False
                return chain
        if after > end or length > <uint64_t>(end - after):
            chain.agrees = False
            return chain
        chain.reached = after + <Py_ssize_t>length
        chain.fields += 1
    return chain


cdef inline uint32_t length_at(const uint8_t *data) noexcept nogil:
    return (
        <uint32_t>data[0] << 24 | <uint32_t>data[1] << 16 | <uint32_t>data[2] << 8 | data[3]
    )


cdef bint is_followed(const uint8_t *data, Py_ssize_t at, Py_ssize_t end) noexcept nogil:
    """Whether what stands from ``at`` to ``end`` may be frames, as far as these bytes tell."""
    cdef uint32_t size
    while end - at >= prefix:
        size = length_at(data + at)
        at += prefix
        if size:
            return size <= maximum and follow(data, end, at, at + size).agrees
    return at == end or data[at] <= maximum >> 24


cdef bint is_usual(const uint8_t *data, Py_ssize_t start, Py_ssize_t size) noexcept nogil:
    cdef bint holds_metrics = False
    cdef Chain chain = follow(data, start + size, start, start + size)
    return (
        chain.agrees
        and chain.reached == start + size
        and check_request_c(data + start, size, &holds_metrics) == 0
    )


def leading_payloads(buffer not None, Py_ssize_t ahead):
    """The payloads of frames that stand one behind the other from the beginning of ``buffer``.

    It ends before a frame that is empty, no sound request, or not followed by ``ahead`` bytes that
    may be frames; and after some thousand frames.
    """
    cdef Py_buffer view
    cdef const uint8_t *data
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t start, end
    cdef uint32_t size
    cdef bint usual
    cdef list payloads = []
    if ahead < 0:
        raise ValueError("a negative number of bytes")
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    try:
        data = <const uint8_t *> view.buf
        while len(payloads) < MOST_FRAMES and view.len - at > prefix + ahead:
            size = length_at(data + at)
            start = at + prefix
            if not 0 < size <= maximum or view.len - start - ahead < <Py_ssize_t>size:
                break
            if size < WORTH_RELEASING:
                usual = is_usual(data, start, size)
            else:
                with nogil:
                    usual = is_usual(data, start, size)
            end = start + <Py_ssize_t>size
            if not usual or not is_followed(data, end, end + ahead):
                break
            payloads.append(PyBytes_FromStringAndSize(<const char *> data + start, size))
            at = end
    finally:
        PyBuffer_Release(&view)
    return payloads


def follow_resource_metrics(buffer not None, Py_ssize_t start, Py_ssize_t end):
    """As `otel_etw.framing.follow_resource_metrics`: how far, how many fields, and whether it
    agrees."""
    cdef Py_buffer view
    cdef Chain chain
    if start < 0 or end < start:
        raise IndexError(f"no bytes from {start} to {end}")
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    try:
        chain = follow(<const uint8_t *> view.buf, view.len, start, end)
    finally:
        PyBuffer_Release(&view)
    return chain.reached, chain.fields, chain.agrees
