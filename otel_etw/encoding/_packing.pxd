"""The compiled packer, as whoever writes points into it sees it."""

from libc.stdint cimport uint8_t

from otel_etw.encoding._frames cimport Frames

cdef enum:
    BATCH = 49_152  # packing.BATCH
    # Bytes of points that one frame takes at a stretch: more than ETW's frames have.
    STRETCH = 65_536
    # More than a point's fields of fixed size, its head and the heads of its repeated numbers.
    FIXED_PART = 256


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
    cdef bint whole
    cdef Levels resources, scopes, metrics
    cdef uint8_t *texts
    cdef size_t texts_used, texts_room
    cdef uint8_t *points  # of the open frame, each a complete field
    cdef size_t points_used, points_room
    cdef size_t frame_points
    # Bytes of points at which the packer is ready once more, though the frame is not finished.
    cdef size_t stretch
    # Bytes of points that the open frame surely takes still.
    cdef size_t spare
    # While a frame is written: still so when memory ran out amid that. Then no point is taken.
    cdef bint torn
    # One point a frame: the size of the point in the last frame, and of what stands behind it
    # there, while the next point's surroundings are the same. No point has size 0.
    cdef size_t alike, behind
    cdef Frames out

    # For whoever writes a point: behind the others at ``points + points_used``, as far as
    # ``room_for`` gave room, then ``commit`` it. A pointer into ``points`` is good until either.
    cdef uint8_t *grow(self, uint8_t *to, size_t size) except NULL
    cdef int commit(self, size_t size) except -1

    cdef int begin_metric(self, bytes head, bytes data_tag, bytes tail) except -1
    cdef Level *open_level(self, Levels *levels, bytes before, bytes after) except NULL
    cdef size_t size_with(self, size_t part) noexcept nogil
    cdef size_t size_alone(self, size_t part) noexcept nogil
    cdef int emit_alike(self, size_t size) except -1
    cdef int finish(self) except -1
    cdef int finish_single(self) except -1
    cdef Level *reopen(self, Levels *levels, Level *given) except NULL
    cdef void restart(self) noexcept
    cdef void close_metric(self) noexcept
    cdef void close_scope(self) noexcept
    cdef void close_resource(self) noexcept
    cdef void drop(self, Levels *levels) noexcept
    cdef int emit(self) except -1


cdef inline uint8_t *room_for(Packer packer, uint8_t *to, size_t size) except NULL:
    """``to``, wherever it now is, with ``size`` bytes of room behind it."""
    if packer.points_room - (to - packer.points) >= size and packer.points != NULL:
        return to
    return packer.grow(to, size)


cdef inline bint is_ready(Packer packer) noexcept:
    return packer.out.used >= BATCH or packer.points_used >= packer.stretch
