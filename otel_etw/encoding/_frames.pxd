"""Frames: one batch of finished frames in one piece of memory, as C sees it."""

from libc.stdint cimport uint8_t

cdef enum:
    LARGE = 131_072  # bytes, more than a batch has whose frames keep to ETW's limit


ctypedef struct Frame:
    size_t end  # offset behind its last byte; it begins where the one before it ends
    size_t points


cdef class Frames:
    cdef uint8_t *data
    cdef size_t used, room
    cdef Frame *frames
    cdef Py_ssize_t count, frame_room
    cdef Py_ssize_t total
    cdef Py_ssize_t _checked(self, object given) except -1

    # To fill a batch, before anyone else sees it: make room for a frame, write it there,
    # then say how long it is and how many points it has.
    cdef uint8_t *reserve(self, size_t size) except NULL
    cdef int close_frame(self, size_t size, size_t points) except -1

    # To read it without the GIL: a frame is data[begin(at) : frames[at].end].
    cdef size_t begin(self, Py_ssize_t at) noexcept nogil
