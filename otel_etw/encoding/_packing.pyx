"""Points into frames, compiled: the twin of ``packing.py``, with its methods, results and errors.

Points come as bytes (``add``), or a derived class writes them into the buffer.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

from otel_etw.encoding._frames cimport LARGE, Frames
from otel_etw.encoding._tags cimport (
    DATA_POINT,
    REQUEST_RESOURCE_METRICS,
    RESOURCE_SCOPE_METRICS,
    SCOPE_METRIC,
)
from otel_etw.encoding._wire cimport field_size, put_bytes, put_head

from otel_etw.encoding.losses import TooLarge

cdef enum:
    # More than the lengths of a frame's four levels can grow by.
    LENGTHS_GROW = 40


cdef Level *push(Levels *levels) except NULL:
    cdef void *items
    cdef size_t room
    if levels.count == levels.room:
        room = levels.room * 2 if levels.room else 4
        items = realloc(levels.items, room * sizeof(Level))
        if items == NULL:
            raise MemoryError(f"no memory for {room} levels of a frame")
        levels.items = <Level *>items
        levels.room = room
    levels.count += 1
    levels.open = True
    return &levels.items[levels.count - 1]


cdef inline Level *last(Levels *levels) noexcept nogil:
    return &levels.items[levels.count - 1]


cdef inline size_t metric_size(Level *metric) noexcept nogil:
    return metric.before + (field_size(metric.size) if metric.points else 0)


cdef class Packer:
    """Builds the frames of one export."""

    def __cinit__(self):
        self.resources.items = self.scopes.items = self.metrics.items = NULL
        self.texts = self.points = NULL
        self.pause_at = PAUSE_BYTES
        self.out = Frames.__new__(Frames)

    def __init__(self, limit, max_points):
        """``limit``: the most bytes of a frame; ``max_points``: the most points of a frame.

        OverflowError for a number that is no size, TypeError for what is no integer.
        """
        self.limit = <size_t>-1 if limit is None else limit
        self.max_points = <size_t>-1 if max_points is None else max_points
        self.single_frame = limit is None and max_points is None

    def __dealloc__(self):
        free(self.resources.items)
        free(self.scopes.items)
        free(self.metrics.items)
        free(self.texts)
        free(self.points)

    def resource(self, bytes before not None, bytes after not None):
        """What follows belongs to this resource."""
        self.close_resource()
        if not self.single_frame and self.frame_points:
            self.emit()
            self.restart()
        self.open_level(&self.resources, before, after)

    def scope(self, bytes before not None, bytes after not None):
        """What follows belongs to this scope. ValueError outside a resource."""
        if not self.resources.open:
            raise ValueError("a scope outside a resource")
        self.close_scope()
        self.open_level(&self.scopes, before, after)

    def metric(self, bytes head not None, bytes data_tag not None, bytes tail not None):
        """What follows are points of this metric, in a data field ``data_tag`` that ends in
        ``tail``. ValueError outside a scope, and for a tag of another length than one byte."""
        self.begin_metric(head, data_tag, tail)

    def add(self, bytes body not None):
        """Take a point: TAKEN, or FLUSH.

        Raises `TooLarge`, and nothing is changed, for a point that is too large for any frame;
        ValueError outside a metric.
        """
        cdef size_t size = PyBytes_GET_SIZE(body)
        cdef uint8_t *to
        cdef int result
        if not self.metrics.open:
            if self.broken:
                raise MemoryError("memory ran out amid an earlier frame")
            raise ValueError("a point outside a metric")
        to = room_for(self, self.points + self.points_used, size + FIXED_PART)
        to = put_head(to, DATA_POINT, size)
        put_bytes(to, PyBytes_AS_STRING(body), size)
        result = self.commit(field_size(size))
        if result == FALLBACK:
            raise self.too_large(size)
        return as_object(result)

    def end(self):
        """No more comes: finish the last frame."""
        self.close_resource()
        if self.single_frame or self.frame_points:
            self.emit()
            self.restart()

    def take(self):
        """The frames that are finished since the last ``take``, maybe none."""
        cdef Frames frames = self.out
        self.out = Frames.__new__(Frames)
        self.copied_point = 0
        self.pause_at = self.points_used + PAUSE_BYTES
        return frames

    cdef uint8_t *grow(self, uint8_t *to, size_t size) except NULL:
        cdef size_t used = to - self.points
        # Few points, or at once as many as a frame may have: growing step by step copies them all.
        cdef size_t least = 4096 if self.points == NULL else LARGE
        cdef size_t room = max(self.points_room * 2, used + size, least)
        cdef void *points = realloc(self.points, room)
        if points == NULL:
            raise MemoryError(f"no memory for {room} bytes of points")
        self.points = <uint8_t *>points
        self.points_room = room
        return self.points + used

    cdef int begin_metric(self, bytes head, bytes data_tag, bytes tail) except -1:
        cdef Level *metric
        if PyBytes_GET_SIZE(data_tag) != 1:
            raise ValueError(f"a tag of {len(data_tag)} bytes")
        if not self.scopes.open:
            raise ValueError("a metric outside a scope")
        self.close_metric()
        metric = self.open_level(&self.metrics, head, tail)
        metric.size = metric.after
        metric.data_tag = data_tag[0]
        return 0

    # The open frame ----------------------------------------------------------------------------

    cdef Level *open_level(self, Levels *levels, bytes before, bytes after) except NULL:
        cdef size_t before_size = PyBytes_GET_SIZE(before)
        cdef size_t after_size = PyBytes_GET_SIZE(after)
        cdef size_t size = before_size + after_size
        cdef size_t room
        cdef void *texts
        cdef Level *level
        # At once, even for no bytes: memcpy takes no null pointer.
        if self.texts == NULL or self.texts_room - self.texts_used < size:
            room = max(self.texts_room * 2, self.texts_used + size, <size_t>1024)
            texts = realloc(self.texts, room)
            if texts == NULL:
                raise MemoryError(f"no memory for {room} bytes of heads")
            self.texts = <uint8_t *>texts
            self.texts_room = room
        level = push(levels)
        level.text = self.texts_used
        level.before = before_size
        level.after = after_size
        level.size = size
        level.end = level.points = level.data_tag = 0
        memcpy(self.texts + self.texts_used, PyBytes_AS_STRING(before), before_size)
        memcpy(self.texts + self.texts_used + before_size, PyBytes_AS_STRING(after), after_size)
        self.texts_used += size
        self.headroom = self.copied_point = 0
        return level

    cdef inline size_t size_with(self, size_t part) noexcept nogil:
        """The frame's size were it closed with ``part`` more bytes of points."""
        cdef Level *metric = last(&self.metrics)
        cdef size_t size = metric.before + field_size(metric.size + part)
        size = last(&self.scopes).size + field_size(size)
        size = last(&self.resources).size + field_size(size)
        return field_size(size)

    cdef size_t size_alone(self, size_t part) noexcept nogil:
        """The size of a frame that holds nothing but ``part`` bytes of points."""
        cdef Level *scope = last(&self.scopes)
        cdef Level *resource = last(&self.resources)
        cdef size_t size = last(&self.metrics).before + field_size(last(&self.metrics).after + part)
        size = scope.before + scope.after + field_size(size)
        size = resource.before + resource.after + field_size(size)
        return field_size(size)

    cdef int commit(self, size_t size) except -1:
        """Take the point that stands behind the others as a field of ``size`` bytes.

        FALLBACK, and nothing is changed, when it is too large for any frame.
        """
        cdef size_t begin, whole
        cdef Level *metric
        if self.broken:
            raise MemoryError("memory ran out amid an earlier frame")
        if size == self.copied_point:
            self.emit_copy(size)
            return FLUSH if self.out.used >= BATCH_BYTES else TAKEN
        if size <= self.headroom:
            self.headroom -= size
        else:
            self.headroom = 0
            whole = self.size_with(size)
            if whole > self.limit:
                if self.size_alone(size) > self.limit:
                    return FALLBACK
                begin = self.points_used
                self.finish()
                memmove(self.points, self.points + begin, size)
            elif self.limit - whole > LENGTHS_GROW:
                self.headroom = self.limit - whole - LENGTHS_GROW
        metric = last(&self.metrics)
        metric.size += size
        metric.points += 1
        self.points_used += size
        self.frame_points += 1
        if self.frame_points == self.max_points:
            self.finish()
        if self.out.used >= BATCH_BYTES or self.points_used >= self.pause_at:
            return FLUSH
        return TAKEN

    cdef object too_large(self, size_t point):
        """The error for a point with a body of ``point`` bytes."""
        cdef Level *metric = last(&self.metrics)
        cdef Level *scope = last(&self.scopes)
        cdef Level *resource = last(&self.resources)
        return TooLarge(
            limit=self.limit,
            frame=self.size_alone(field_size(point)),
            resource=resource.before + resource.after,
            scope=scope.before + scope.after,
            metric=metric.before + metric.after,
            point=point,
        )

    cdef int emit_copy(self, size_t size) except -1:
        """Write a frame that differs from the last one in its point alone, which is as long.

        With one point a frame, as the Rust crate does, this saves a fifth of the instructions.
        """
        cdef size_t begin = self.out.begin(self.out.count - 1)
        cdef size_t whole = self.out.used - begin
        cdef uint8_t *to
        self.broken = True
        to = self.out.reserve(whole)
        memcpy(to, self.out.data + begin, whole)
        memcpy(to + whole - self.behind_point - size, self.points, size)
        self.out.close_frame(whole, 1)
        self.broken = False
        return 0

    cdef int finish(self) except -1:
        """Finish the open frame, which has points; what is open stays open around the next."""
        cdef bint resource = self.resources.open, scope = self.scopes.open
        cdef bint metric = self.metrics.open
        cdef size_t point = self.points_used if self.max_points == 1 and metric else 0
        # Copies: what is closed without points is taken away.
        cdef Level resource_level = last(&self.resources)[0]
        cdef Level scope_level
        cdef Level metric_level
        if scope:
            scope_level = last(&self.scopes)[0]
        if metric:
            metric_level = last(&self.metrics)[0]
        self.close_resource()
        self.emit()
        self.restart()
        if resource:
            self.reopen(&self.resources, &resource_level)
        if scope:
            self.reopen(&self.scopes, &scope_level)
        if metric:
            self.reopen(&self.metrics, &metric_level).size = metric_level.after
        if point:
            self.copied_point = point
            self.behind_point = metric_level.after + scope_level.after + resource_level.after
        return 0

    cdef Level *reopen(self, Levels *levels, Level *given) except NULL:
        """The same level, empty, in a new frame. Texts only move towards the beginning."""
        cdef Level *level = push(levels)
        cdef size_t size = given.before + given.after
        level[0] = given[0]
        level.text = self.texts_used
        level.size = size
        level.end = level.points = 0
        if given.text != self.texts_used:
            memmove(self.texts + self.texts_used, self.texts + given.text, size)
        self.texts_used += size
        return level

    cdef void restart(self) noexcept:
        """No frame is open."""
        self.resources.count = self.scopes.count = self.metrics.count = 0
        self.resources.open = self.scopes.open = self.metrics.open = False
        self.texts_used = self.points_used = self.frame_points = 0
        self.headroom = self.copied_point = 0
        self.pause_at = PAUSE_BYTES

    cdef void close_metric(self) noexcept:
        cdef Level *metric
        cdef Level *scope
        if not self.metrics.open:
            return
        self.metrics.open = False
        metric = last(&self.metrics)
        metric.end = self.points_used
        if metric.points or self.single_frame:
            scope = last(&self.scopes)
            scope.size += field_size(metric_size(metric))
            scope.points += metric.points
        else:
            self.drop(&self.metrics)

    cdef void close_scope(self) noexcept:
        cdef Level *scope
        cdef Level *resource
        self.close_metric()
        if not self.scopes.open:
            return
        self.scopes.open = False
        scope = last(&self.scopes)
        scope.end = self.metrics.count
        if scope.points or self.single_frame:
            resource = last(&self.resources)
            resource.size += field_size(scope.size)
            resource.points += scope.points
        else:
            self.drop(&self.scopes)

    cdef void close_resource(self) noexcept:
        self.close_scope()
        if not self.resources.open:
            return
        self.resources.open = False
        last(&self.resources).end = self.scopes.count
        if not last(&self.resources).points and not self.single_frame:
            self.drop(&self.resources)

    cdef void drop(self, Levels *levels) noexcept:
        """Take away the last of a level, which holds nothing: its text is the last text."""
        self.texts_used = last(levels).text
        levels.count -= 1

    cdef int emit(self) except -1:
        """Write the frame, whose every level is closed."""
        cdef size_t size = 0
        cdef size_t index, scope_index = 0, metric_index = 0, place = 0
        cdef uint8_t *to
        cdef Level *resource
        cdef Level *scope
        cdef Level *metric
        self.broken = True
        for index in range(self.resources.count):
            size += field_size(self.resources.items[index].size)
        to = self.out.reserve(size)
        for index in range(self.resources.count):
            resource = &self.resources.items[index]
            to = put_head(to, REQUEST_RESOURCE_METRICS, resource.size)
            to = put_bytes(to, self.texts + resource.text, resource.before)
            while scope_index < resource.end:
                scope = &self.scopes.items[scope_index]
                to = put_head(to, RESOURCE_SCOPE_METRICS, scope.size)
                to = put_bytes(to, self.texts + scope.text, scope.before)
                while metric_index < scope.end:
                    metric = &self.metrics.items[metric_index]
                    to = put_head(to, SCOPE_METRIC, metric_size(metric))
                    to = put_bytes(to, self.texts + metric.text, metric.before)
                    if metric.points:
                        to = put_head(to, metric.data_tag, metric.size)
                        to = put_bytes(to, self.points + place, metric.end - place)
                        to = put_bytes(
                            to, self.texts + metric.text + metric.before, metric.after
                        )
                    place = metric.end
                    metric_index += 1
                to = put_bytes(to, self.texts + scope.text + scope.before, scope.after)
                scope_index += 1
            to = put_bytes(to, self.texts + resource.text + resource.before, resource.after)
        self.out.close_frame(size, self.frame_points)
        self.broken = False
        return 0
