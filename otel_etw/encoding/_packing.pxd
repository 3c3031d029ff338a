"""The compiled packer, for the module that writes points into its buffer."""

from libc.stdint cimport uint8_t

from otel_etw.encoding._frames cimport Frames

cdef enum:
    BATCH_BYTES = 49_152  # as in packing.py
    PAUSE_BYTES = 65_536  # as in packing.py
    # More than a point's fields of fixed size, its head and the heads of its repeated numbers.
    FIXED_PART = 256

cdef enum Result:
    # As in results.py, where TAKEN is None: see ``as_object``.
    TAKEN = 0
    FLUSH = 1
    FALLBACK = 2


ctypedef struct Level:
    # A resource, scope or metric of the open frame. Its bytes before and behind what it holds lie
    # in ``texts``, one behind the other.
    size_t text, before, after
    # Resource, scope: its size were it closed now. Metric: the size of its data, tail included.
    size_t size
    # Behind its last child: an index into the next level; for a metric, an offset into ``points``.
    size_t end
    size_t points
    uint8_t data_tag  # a metric's


ctypedef struct Levels:
    Level *items
    size_t count, room
    bint open  # the last one still takes children


cdef class Packer:
    cdef size_t limit, max_points  # the greatest size_t: none
    cdef bint single_frame
    cdef Levels resources, scopes, metrics
    cdef uint8_t *texts
    cdef size_t texts_used, texts_room
    cdef uint8_t *points  # of the open frame, each a complete field
    cdef size_t points_used, points_room
    cdef size_t frame_points
    # Bytes of points of the open frame at which to return FLUSH though it is not finished.
    cdef size_t pause_at
    # Bytes of points that the open frame can take before its size must be computed again.
    cdef size_t headroom
    # Set while a frame is written, so it stays set when memory ran out amid that. Then no point is
    # taken.
    cdef bint broken
    # One point a frame: the size of the point in the last frame, while the next point has the same
    # resource, scope and metric; and the bytes behind that point. No point has size 0.
    cdef size_t copied_point, behind_point
    cdef Frames out

    # To add a point: write it at ``points + points_used``, as far as ``room_for`` gave room, then
    # ``commit`` it. A pointer into ``points`` is valid until either is called.
    cdef uint8_t *grow(self, uint8_t *to, size_t size) except NULL
    cdef int commit(self, size_t size) except -1

    cdef int begin_metric(self, bytes head, bytes data_tag, bytes tail) except -1
    cdef Level *open_level(self, Levels *levels, bytes before, bytes after) except NULL
    cdef size_t size_with(self, size_t part) noexcept nogil
    cdef size_t size_alone(self, size_t part) noexcept nogil
    cdef object too_large(self, size_t point)
    cdef int emit_copy(self, size_t size) except -1
    cdef int finish(self) except -1
    cdef Level *reopen(self, Levels *levels, Level *given) except NULL
    cdef void restart(self) noexcept
    cdef void close_metric(self) noexcept
    cdef void close_scope(self) noexcept
    cdef void close_resource(self) noexcept
    cdef void drop(self, Levels *levels) noexcept
    cdef int emit(self) except -1


cdef inline object as_object(int result):
    """A Result for Python code."""
    return None if result == TAKEN else result


cdef inline uint8_t *room_for(Packer packer, uint8_t *to, size_t size) except NULL:
    """``to``, wherever it now is, with ``size`` bytes of room behind it."""
    if packer.points_room - (to - packer.points) >= size and packer.points != NULL:
        return to
    return packer.grow(to, size)
