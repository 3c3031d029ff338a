"""Frames, compiled: the twin of ``frames.py`` whose bytes C can read without the GIL.

A batch is filled by one packer, then handed out and never changed again; so views of it need no
export counter, and readers no lock. A view holds the batch.
"""

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from operator import index as as_index


@cython.final
cdef class Frames:
    """A finished batch of frames; never changes."""

    def __cinit__(self):
        self.data = NULL
        self.frames = NULL
        self.used = self.room = 0
        self.count = self.frame_room = self.total = 0

    def __init__(self, frames=(), counts=()):
        """``frames``: bytes, or other contiguous buffers; ``counts``: points in each frame.

        ValueError for another number of counts than of frames, OverflowError for a count that is no
        size, TypeError for what is no buffer or no integer.
        """
        cdef bytes frame
        cdef size_t size, points
        # First all that may run code of others, which could begin this very batch. From where it is
        # seen that nobody has, no such code runs: memory that is filled here does not move.
        contents = [bytes(memoryview(each)) for each in frames]
        numbers = [as_index(each) for each in counts]
        if len(contents) != len(numbers):
            raise ValueError(f"{len(contents)} frames, {len(numbers)} counts of points")
        if self.count:
            raise TypeError("Frames never change")
        for frame, points in zip(contents, numbers):
            size = PyBytes_GET_SIZE(frame)
            memcpy(self.reserve(size), PyBytes_AS_STRING(frame), size)
            self.close_frame(size, points)

    def __dealloc__(self):
        free(self.data)
        free(self.frames)

    @property
    def points(self):
        """Points in all frames together."""
        return self.total

    @property
    def nbytes(self):
        """Bytes of all frames together."""
        return self.used

    def points_in(self, index):
        """Points in one frame."""
        return self.frames[self._checked(index)].points

    def __len__(self):
        return self.count

    def __getitem__(self, given):
        cdef Py_ssize_t at = self._checked(given)
        return memoryview(self)[self.begin(at) : self.frames[at].end]

    def __iter__(self):
        view = memoryview(self)
        for at in range(self.count):
            yield view[self.begin(at) : self.frames[at].end]

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        # All frames, one behind the other. An empty batch has no memory of its own.
        cdef void *data = self.data if self.data != NULL else <void *>b""
        PyBuffer_FillInfo(buffer, self, data, self.used, True, flags)

    cdef Py_ssize_t _checked(self, object given) except -1:
        cdef Py_ssize_t at = given
        if at < 0:
            at += self.count
        if not 0 <= at < self.count:
            raise IndexError(f"frame {given} of {self.count}")
        return at

    cdef uint8_t *reserve(self, size_t size) except NULL:
        cdef size_t room, least
        cdef void *data
        if self.room - self.used < size or self.data == NULL:
            # Small, or at once as large as a batch: growing step by step copies all of it.
            least = 1024 if self.data == NULL else LARGE
            room = max(self.room * 2, self.used + size, least)
            data = realloc(self.data, room)
            if data == NULL:
                raise MemoryError(f"no memory for {room} bytes of frames")
            self.data = <uint8_t *>data
            self.room = room
        return self.data + self.used

    cdef int close_frame(self, size_t size, size_t points) except -1:
        cdef Py_ssize_t room
        cdef void *frames
        if self.count == self.frame_room:
            room = max(self.frame_room * 2, <Py_ssize_t>8)
            frames = realloc(self.frames, room * sizeof(Frame))
            if frames == NULL:
                raise MemoryError(f"no memory for {room} frames")
            self.frames = <Frame *>frames
            self.frame_room = room
        self.used += size
        self.frames[self.count].end = self.used
        self.frames[self.count].points = points
        self.count += 1
        self.total += points
        return 0

    cdef size_t begin(self, Py_ssize_t at) noexcept nogil:
        return self.frames[at - 1].end if at else 0
