"""The frames of a batch joined without the GIL, by the loop that docs/transports.md tells of."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy

from otel_etw.encoding._frames cimport Frames


def joined(Frames frames not None):
    cdef Py_ssize_t index
    cdef size_t begin, end, size = frames.frames[frames.count - 1].end if frames.count else 0
    cdef bytes result = PyBytes_FromStringAndSize(NULL, size)
    cdef char *target = PyBytes_AS_STRING(result)
    with nogil:
        for index in range(frames.count):
            begin, end = frames.begin(index), frames.frames[index].end
            memcpy(target + begin, frames.data + begin, end - begin)
    return result
