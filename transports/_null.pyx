"""Takes every frame without the GIL and does nothing with it: the seam, and benchmarks' floor."""

from libc.stdint cimport uint64_t

from otel_etw.encoding._frames cimport Frames


def send(frames):
    """Touch each frame's first and last byte; returns their sum, so that nothing is optimised out.

    As a native transport has it: one call a batch, and a loop without the GIL. Frames that are not
    compiled are ignored.
    """
    return _touch(frames) if isinstance(frames, Frames) else 0


cdef uint64_t _touch(Frames frames) noexcept:
    cdef uint64_t total = 0
    cdef Py_ssize_t index
    cdef size_t begin, end
    with nogil:
        for index in range(frames.count):
            begin, end = frames.begin(index), frames.frames[index].end
            if begin < end:
                total += frames.data[begin] + frames.data[end - 1]
    return total
