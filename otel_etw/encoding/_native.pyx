"""Points into frames, compiled: the twin of ``packing.Packer``, and everyday points by the column.

Rules:

1. ``add`` and what is above it do what ``packing.py`` does, and give the same frames.
2. ``numbers``, ``histograms`` and ``exponentials`` take chunks of points as columns, one list a
   field, read by the interpreter; no attribute of an object is looked up here.
3. They know exact str, int, float, bool, dict, list and tuple. At anything else, and at any number
   outside its field, they leave the point as if never begun and return its index: ``plain.py``
   encodes it or says what is wrong with it, so each policy stands in one place.
4. They return early, at the point that comes next, when enough frames are finished.
5. Memory that moves: a pointer into ``points`` is good until ``room_for`` or ``commit``.

Tags are those of ``otlp.py``.
"""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.dict cimport PyDict_CheckExact, PyDict_Contains, PyDict_Next
from cpython.exc cimport PyErr_Clear, PyErr_Occurred
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact, PyList_GET_SIZE
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove, memset

from otel_etw.encoding._frames cimport LARGE, Frames
from otel_etw.encoding._wire cimport (
    field_size,
    put_bytes,
    put_double,
    put_fixed64,
    put_head,
    put_varint,
    store_double,
    store_fixed64,
    varint_size,
    zigzag,
)

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(PyObject *text, Py_ssize_t *size)
    # Declared here, for failures are looked for here.
    double PyLong_AsDouble(object number)
    long long PyLong_AsLongLongAndOverflow(PyObject *number, int *overflow)
    # Borrowed.
    PyObject *PyList_GET_ITEM(PyObject *list, Py_ssize_t index)
    PyObject *PyTuple_GET_ITEM(PyObject *tuple, Py_ssize_t index)
    PyObject **PySequence_Fast_ITEMS(PyObject *list_or_tuple)

cdef enum:
    BATCH = 32_768  # packing.BATCH
    # More than a point's fields of fixed size, its head and the heads of its repeated numbers.
    FIXED_PART = 256
    # More than the lengths of a frame's four levels can grow by.
    LENGTHS_GROW = 40

cdef enum Tag:
    REQUEST_RESOURCE_METRICS = 0x0A
    RESOURCE_SCOPE_METRICS = 0x12
    SCOPE_METRIC = 0x12
    METRIC_NAME = 0x0A
    METRIC_DESCRIPTION = 0x12
    METRIC_UNIT = 0x1A
    DATA_POINT = 0x0A
    KEY_VALUE_KEY = 0x0A
    KEY_VALUE_VALUE = 0x12
    VALUE_STRING = 0x0A
    VALUE_BOOL = 0x10
    VALUE_INT = 0x18
    VALUE_DOUBLE = 0x21
    # Start and time have the same numbers in all points; count and sum in both histograms.
    POINT_START = 0x11
    POINT_TIME = 0x19
    POINT_COUNT = 0x21
    POINT_SUM = 0x29
    NUMBER_AS_DOUBLE = 0x21
    NUMBER_AS_INT = 0x31
    NUMBER_ATTRIBUTE = 0x3A
    HISTOGRAM_BUCKET_COUNTS = 0x32
    HISTOGRAM_BOUNDS = 0x3A
    HISTOGRAM_ATTRIBUTE = 0x4A
    HISTOGRAM_MIN = 0x59
    HISTOGRAM_MAX = 0x61
    EXPONENTIAL_ATTRIBUTE = 0x0A
    EXPONENTIAL_SCALE = 0x30
    EXPONENTIAL_ZERO_COUNT = 0x39
    EXPONENTIAL_POSITIVE = 0x42
    EXPONENTIAL_NEGATIVE = 0x4A
    EXPONENTIAL_FLAGS = 0x50
    EXPONENTIAL_MIN = 0x61
    EXPONENTIAL_MAX = 0x69
    BUCKETS_OFFSET = 0x08
    BUCKETS_COUNTS = 0x12


def metric_head(name, description, unit):
    """``plain.metric_head`` of exact str; None for anything else."""
    cdef Text texts[3]
    cdef bytes head
    cdef uint8_t *to
    if not (
        as_text(name, METRIC_NAME, &texts[0])
        and as_text(description, METRIC_DESCRIPTION, &texts[1])
        and as_text(unit, METRIC_UNIT, &texts[2])
    ):
        return None
    head = PyBytes_FromStringAndSize(NULL, texts[0].size + texts[1].size + texts[2].size)
    to = <uint8_t *>PyBytes_AS_STRING(head)
    for text in texts:
        if text.size:
            to = put_head(to, text.tag, text.length)
            to = put_bytes(to, text.data, text.length)
    return head


ctypedef struct Text:
    # A field of text: nothing at all when it is empty.
    const char *data
    Py_ssize_t length
    size_t size
    uint8_t tag


cdef bint as_text(object given, uint8_t tag, Text *text) noexcept:
    if not PyUnicode_CheckExact(given):
        return False
    text.data = PyUnicode_AsUTF8AndSize(<PyObject *>given, &text.length)
    if text.data == NULL:
        PyErr_Clear()
        return False
    text.size = field_size(text.length) if text.length else 0
    text.tag = tag
    return True


# The open frame --------------------------------------------------------------------------------

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


# Values ----------------------------------------------------------------------------------------

cdef inline bint as_uint64(PyObject *given, uint64_t *number) noexcept:
    """False for what is no exact int from 0 to 2**63 - 1."""
    cdef int overflow = 0
    cdef long long value
    if not PyLong_CheckExact(<object>given):
        return False
    value = PyLong_AsLongLongAndOverflow(given, &overflow)
    number[0] = <uint64_t>value
    return overflow == 0 and value >= 0


cdef inline bint as_int64(PyObject *given, int64_t *number) noexcept:
    """False for an int of more than 64 bits. ``given`` is an exact int."""
    cdef int overflow = 0
    number[0] = PyLong_AsLongLongAndOverflow(given, &overflow)
    return overflow == 0


cdef inline bint as_double(object given, double *number) noexcept:
    """False for what is no exact float or int, or too large an int."""
    if PyFloat_CheckExact(given):
        number[0] = PyFloat_AS_DOUBLE(given)
        return True
    if not PyLong_CheckExact(given):
        return False
    return int_as_double(given, number)


cdef bint int_as_double(object given, double *number) noexcept:
    number[0] = PyLong_AsDouble(given)
    if number[0] == -1.0 and PyErr_Occurred() != NULL:
        PyErr_Clear()
        return False
    return True


cdef inline PyObject *item(list column, Py_ssize_t index) noexcept:
    return PyList_GET_ITEM(<PyObject *>column, index)


@cython.final
cdef class Packer:
    """Builds the frames of one export."""

    cdef size_t limit, max_points  # the greatest size_t: none
    cdef bint whole
    cdef tuple constants
    cdef Levels resources, scopes, metrics
    cdef uint8_t *texts
    cdef size_t texts_used, texts_room
    cdef uint8_t *points  # of the open frame, each a complete field
    cdef size_t points_used, points_room
    cdef size_t frame_points
    # Bytes of points that the open frame surely takes still.
    cdef size_t spare
    # One point a frame: the size of the point in the last frame, and of what stands behind it
    # there, while the next point's surroundings are the same. No point has size 0.
    cdef size_t alike, behind
    cdef Frames out
    # Bytes that the length of the point before took: the guess for the next.
    cdef size_t length_width
    # The last objects of these columns, with what they gave: mostly one object for many points.
    cdef object start, time, bounds
    cdef uint64_t start_value, time_value
    cdef uint8_t *bounds_bytes
    cdef size_t bounds_size, bounds_room

    def __cinit__(self):
        self.resources.items = self.scopes.items = self.metrics.items = NULL
        self.texts = self.points = self.bounds_bytes = NULL

    def __init__(self, limit, max_points, constants=()):
        """``limit``: bytes a frame may have; ``max_points``: points a frame may have;
        ``constants``: attributes of every point, the key and the encoded KeyValue."""
        self.limit = <size_t>-1 if limit is None else limit
        self.max_points = <size_t>-1 if max_points is None else max_points
        self.whole = limit is None and max_points is None
        self.constants = tuple([(str.__str__(key), bytes(body)) for key, body in constants])
        self.length_width = 1
        self.out = Frames.__new__(Frames)

    def __dealloc__(self):
        free(self.resources.items)
        free(self.scopes.items)
        free(self.metrics.items)
        free(self.texts)
        free(self.points)
        free(self.bounds_bytes)

    @property
    def ready(self):
        """Whether enough frames are finished for ``take``."""
        return self.out.used >= BATCH

    def resource(self, bytes before not None, bytes after not None):
        """What follows belongs to this resource."""
        self.close_resource()
        if not self.whole and self.frame_points:
            self.emit()
            self.restart()
        self.open_level(&self.resources, before, after)

    def scope(self, bytes before not None, bytes after not None):
        """What follows belongs to this scope."""
        if not self.resources.open:
            raise ValueError("a scope outside a resource")
        self.close_scope()
        self.open_level(&self.scopes, before, after)

    def metric(self, bytes head not None, bytes data_tag not None, bytes tail not None):
        """What follows are points of this metric, in a data field ``data_tag`` that ends in
        ``tail``."""
        cdef Level *metric
        if not self.scopes.open:
            raise ValueError("a metric outside a scope")
        self.close_metric()
        metric = self.open_level(&self.metrics, head, tail)
        metric.size = metric.after
        metric.data_tag = data_tag[0]

    def add(self, bytes body not None):
        """Take a point. False, and nothing is changed, when it is too large for any frame."""
        cdef size_t size = PyBytes_GET_SIZE(body)
        cdef uint8_t *to
        if not self.metrics.open:
            raise ValueError("a point outside a metric")
        to = self.room_for(self.points + self.points_used, size + FIXED_PART)
        to = put_head(to, DATA_POINT, size)
        put_bytes(to, PyBytes_AS_STRING(body), size)
        return self.commit(field_size(size)) == 1

    def end(self):
        """No more comes: finish the last frame."""
        self.close_resource()
        if self.whole or self.frame_points:
            self.emit()
            self.restart()

    def take(self):
        """The frames that are finished since the last ``take``."""
        cdef Frames frames = self.out
        self.out = Frames.__new__(Frames)
        self.alike = 0
        return frames

    # Columns -----------------------------------------------------------------------------------

    def numbers(
        self,
        Py_ssize_t index,
        list attributes not None,
        list starts,
        list times not None,
        list values not None,
        list exemplars,
    ):
        """Points of a Sum, or of a Gauge where ``starts`` is None, from ``index`` on.

        ``exemplars`` is None for none at all, or a list: for each point its fields as bytes, or an
        empty list or tuple; anything else leaves the point. Returns the index of the first point
        that was not taken.
        """
        cdef Py_ssize_t count = self.check(
            index, times, starts, exemplars, (attributes, values)
        )
        cdef uint8_t *to
        cdef PyObject *value
        cdef int64_t integer = 0
        while index < count and self.out.used < BATCH:
            to = self.begin_point()
            if starts is not None:
                to = self.put_time(to, POINT_START, item(starts, index))
                if to == NULL:
                    return index
            to = self.put_time(to, POINT_TIME, item(times, index))
            if to == NULL:
                return index
            value = item(values, index)
            if PyFloat_CheckExact(<object>value):
                to = put_double(to, NUMBER_AS_DOUBLE, PyFloat_AS_DOUBLE(<object>value))
                to = self.put_exemplars(to, exemplars, index)
                if to == NULL:
                    return index
            else:
                if not PyLong_CheckExact(<object>value) or not as_int64(value, &integer):
                    return index
                to = self.put_exemplars(to, exemplars, index)
                if to == NULL:
                    return index
                to = put_fixed64(to, NUMBER_AS_INT, <uint64_t>integer)
            to = self.put_attributes(to, NUMBER_ATTRIBUTE, item(attributes, index))
            if to == NULL or not self.end_point(to):
                return index
            index += 1
        return index

    def histograms(
        self,
        Py_ssize_t index,
        list attributes not None,
        list starts not None,
        list times not None,
        list counts not None,
        list sums not None,
        list bucket_counts not None,
        list bounds not None,
        list minima not None,
        list maxima not None,
        list exemplars,
    ):
        """Points of a Histogram from ``index`` on; as ``numbers``."""
        cdef Py_ssize_t count = self.check(
            index,
            times,
            starts,
            exemplars,
            (attributes, counts, sums, bucket_counts, bounds, minima, maxima),
        )
        cdef uint8_t *to
        while index < count and self.out.used < BATCH:
            to = self.begin_point()
            to = self.put_time(to, POINT_START, item(starts, index))
            if to != NULL:
                to = self.put_time(to, POINT_TIME, item(times, index))
            if to != NULL:
                to = self.put_unsigned(to, POINT_COUNT, item(counts, index))
            if to != NULL:
                to = self.put_number(to, POINT_SUM, item(sums, index))
            if to != NULL:
                to = self.put_fixed_counts(to, item(bucket_counts, index))
            if to != NULL:
                to = self.put_bounds(to, item(bounds, index))
            if to != NULL:
                to = self.put_exemplars(to, exemplars, index)
            if to != NULL:
                to = self.put_attributes(to, HISTOGRAM_ATTRIBUTE, item(attributes, index))
            if to != NULL:
                to = self.put_number(to, HISTOGRAM_MIN, item(minima, index))
            if to != NULL:
                to = self.put_number(to, HISTOGRAM_MAX, item(maxima, index))
            if to == NULL or not self.end_point(to):
                return index
            index += 1
        return index

    def exponentials(
        self,
        Py_ssize_t index,
        list attributes not None,
        list starts not None,
        list times not None,
        list counts not None,
        list sums not None,
        list scales not None,
        list zero_counts not None,
        list positive_offsets not None,
        list positive_counts not None,
        list negative_offsets not None,
        list negative_counts not None,
        list flags not None,
        list minima not None,
        list maxima not None,
        list exemplars,
    ):
        """Points of an ExponentialHistogram from ``index`` on; as ``numbers``."""
        cdef Py_ssize_t count = self.check(
            index,
            times,
            starts,
            exemplars,
            (
                attributes, counts, sums, scales, zero_counts, positive_offsets, positive_counts,
                negative_offsets, negative_counts, flags, minima, maxima,
            ),
        )
        cdef uint8_t *to
        while index < count and self.out.used < BATCH:
            to = self.begin_point()
            to = self.put_attributes(to, EXPONENTIAL_ATTRIBUTE, item(attributes, index))
            if to != NULL:
                to = self.put_time(to, POINT_START, item(starts, index))
            if to != NULL:
                to = self.put_time(to, POINT_TIME, item(times, index))
            if to != NULL:
                to = self.put_unsigned(to, POINT_COUNT, item(counts, index))
            if to != NULL:
                to = self.put_number(to, POINT_SUM, item(sums, index))
            if to != NULL:
                to = self.put_zigzag(to, EXPONENTIAL_SCALE, item(scales, index))
            if to != NULL:
                to = self.put_unsigned(to, EXPONENTIAL_ZERO_COUNT, item(zero_counts, index))
            if to != NULL:
                to = self.put_buckets(
                    to, EXPONENTIAL_POSITIVE, item(positive_offsets, index),
                    item(positive_counts, index),
                )
            if to != NULL:
                to = self.put_buckets(
                    to, EXPONENTIAL_NEGATIVE, item(negative_offsets, index),
                    item(negative_counts, index),
                )
            if to != NULL:
                to = self.put_flags(to, item(flags, index))
            if to != NULL:
                to = self.put_exemplars(to, exemplars, index)
            if to != NULL:
                to = self.put_number(to, EXPONENTIAL_MIN, item(minima, index))
            if to != NULL:
                to = self.put_number(to, EXPONENTIAL_MAX, item(maxima, index))
            if to == NULL or not self.end_point(to):
                return index
            index += 1
        return index

    cdef Py_ssize_t check(
        self, Py_ssize_t index, times, starts, exemplars, tuple columns
    ) except -1:
        """The number of points. Columns of different length would be read out of bounds."""
        if index < 0:
            raise IndexError(f"a point before the first: {index}")
        if not self.metrics.open:
            raise ValueError("points outside a metric")
        for column in columns:
            if len(column) != len(times):
                raise ValueError("columns of different length")
        for column in (starts, exemplars):
            if column is not None and len(column) != len(times):
                raise ValueError("columns of different length")
        return len(times)

    # Fields of a point: each returns the place behind what it wrote, or NULL where the point is not
    # an everyday one; an exception is a lack of memory.

    cdef inline uint8_t *begin_point(self) except NULL:
        """Where the body of the next point begins, if its length takes what the last one took."""
        cdef uint8_t *to = self.room_for(self.points + self.points_used, FIXED_PART)
        return to + 1 + self.length_width

    cdef inline int end_point(self, uint8_t *to) except -1:
        """Write the point's head before its body and take it. 0 when it is too large."""
        cdef uint8_t *field = self.points + self.points_used
        cdef size_t size = to - (field + 1 + self.length_width)
        cdef size_t width = varint_size(size)
        if width != self.length_width:
            # FIXED_PART leaves room for the greatest length.
            self.room_for(to, FIXED_PART)
            field = self.points + self.points_used
            memmove(field + 1 + width, field + 1 + self.length_width, size)
            self.length_width = width
        put_head(field, DATA_POINT, size)
        return self.commit(1 + width + size)

    cdef inline uint8_t *put_time(
        self, uint8_t *to, uint8_t tag, PyObject *given
    ) noexcept:
        """A start or a time, converted once for as long as it is the same object."""
        cdef uint64_t number = 0
        if tag == POINT_START:
            if given == <PyObject *>self.start:
                number = self.start_value
            elif given == <PyObject *>None:
                return to
            elif as_uint64(given, &number):
                self.start, self.start_value = <object>given, number
            else:
                return NULL
        else:
            if given == <PyObject *>self.time:
                number = self.time_value
            elif as_uint64(given, &number):
                self.time, self.time_value = <object>given, number
            else:
                return NULL
        return put_fixed64(to, tag, number) if number else to

    cdef inline uint8_t *put_unsigned(self, uint8_t *to, uint8_t tag, PyObject *given) noexcept:
        cdef uint64_t number = 0
        if not as_uint64(given, &number):
            return NULL
        return put_fixed64(to, tag, number) if number else to

    cdef inline uint8_t *put_number(self, uint8_t *to, uint8_t tag, PyObject *given) noexcept:
        """An optional double."""
        cdef double number = 0.0
        if given == <PyObject *>None:
            return to
        if not as_double(<object>given, &number):
            return NULL
        return put_double(to, tag, number)

    cdef inline uint8_t *put_zigzag(self, uint8_t *to, uint8_t tag, PyObject *given) noexcept:
        cdef int64_t number = 0
        if not PyLong_CheckExact(<object>given) or not as_int64(given, &number):
            return NULL
        if number != <int32_t>number:
            return NULL
        if number == 0:
            return to
        to[0] = tag
        return put_varint(to + 1, zigzag(number))

    cdef inline uint8_t *put_flags(self, uint8_t *to, PyObject *given) noexcept:
        cdef uint64_t number = 0
        if not as_uint64(given, &number) or number != <uint32_t>number:
            return NULL
        if number == 0:
            return to
        to[0] = EXPONENTIAL_FLAGS
        return put_varint(to + 1, number)

    cdef inline uint8_t *put_exemplars(
        self, uint8_t *to, object exemplars, Py_ssize_t index
    ) except? NULL:
        cdef PyObject *fields
        cdef size_t size
        if exemplars is None:
            return to
        fields = PyList_GET_ITEM(<PyObject *>exemplars, index)
        if PyList_CheckExact(<object>fields):
            return to if PyList_GET_SIZE(<object>fields) == 0 else NULL
        if PyTuple_CheckExact(<object>fields):
            return to if PyTuple_GET_SIZE(<object>fields) == 0 else NULL
        if not PyBytes_CheckExact(<object>fields):
            return NULL
        size = PyBytes_GET_SIZE(<object>fields)
        to = self.room_for(to, size + FIXED_PART)
        return put_bytes(to, PyBytes_AS_STRING(<object>fields), size)

    cdef uint8_t *put_fixed_counts(self, uint8_t *to, PyObject *given) except? NULL:
        """Packed fixed64; nothing when there are none."""
        cdef uint8_t *counts
        cdef Py_ssize_t size
        if PyTuple_CheckExact(<object>given):
            size = PyTuple_GET_SIZE(<object>given)
        elif PyList_CheckExact(<object>given):
            size = PyList_GET_SIZE(<object>given)
        else:
            return NULL
        if size == 0:
            return to
        to = self.room_for(to, 8 * size + FIXED_PART)
        counts = put_head(to, HISTOGRAM_BUCKET_COUNTS, 8 * size)
        with cython.critical_section(<object>given):
            to = put_packed(counts, given, size, False)
        return to

    cdef uint8_t *put_bounds(self, uint8_t *to, PyObject *given) except? NULL:
        """Packed doubles. Points of one stream share the tuple, so its bytes are kept."""
        cdef Py_ssize_t size
        cdef Py_ssize_t place
        cdef double bound = 0.0
        cdef uint8_t *end
        cdef void *memory
        if given != <PyObject *>self.bounds:
            if not PyTuple_CheckExact(<object>given):
                return NULL
            size = PyTuple_GET_SIZE(<object>given)
            self.bounds = None
            if self.bounds_room < 8 * <size_t>size + 16:
                memory = realloc(self.bounds_bytes, 8 * size + 16)
                if memory == NULL:
                    raise MemoryError(f"no memory for {size} bounds")
                self.bounds_bytes = <uint8_t *>memory
                self.bounds_room = 8 * size + 16
            self.bounds_size = 0
            if size:
                end = put_head(self.bounds_bytes, HISTOGRAM_BOUNDS, 8 * size)
                for place in range(size):
                    if not as_double(<object>PyTuple_GET_ITEM(given, place), &bound):
                        return NULL
                    end = store_double(end, bound)
                self.bounds_size = end - self.bounds_bytes
            self.bounds = <object>given
        to = self.room_for(to, self.bounds_size + FIXED_PART)
        return put_bytes(to, self.bounds_bytes, self.bounds_size)

    cdef uint8_t *put_buckets(
        self, uint8_t *to, uint8_t tag, PyObject *offset, PyObject *given
    ) except? NULL:
        """One side of an exponential histogram; nothing when it has no counts at all.

        The counts are written behind room for what stands before them, then moved to it.
        """
        cdef uint8_t *counts
        cdef uint8_t *end
        cdef uint8_t *offset_end
        cdef uint8_t offset_field[16]
        cdef size_t offset_size, size
        if PyList_CheckExact(<object>given):
            size = PyList_GET_SIZE(<object>given)
        elif PyTuple_CheckExact(<object>given):
            size = PyTuple_GET_SIZE(<object>given)
        else:
            return NULL
        if size == 0:
            return to
        offset_end = self.put_zigzag(offset_field, BUCKETS_OFFSET, offset)
        if offset_end == NULL:
            return NULL
        offset_size = offset_end - offset_field
        to = self.room_for(to, 10 * size + FIXED_PART)
        counts = to + 64
        with cython.critical_section(<object>given):
            end = put_packed(counts, given, size, True)
        if end == NULL:
            return NULL
        size = end - counts
        to = put_head(to, tag, offset_size + field_size(size))
        to = put_bytes(to, offset_field, offset_size)
        to = put_head(to, BUCKETS_COUNTS, size)
        memmove(to, counts, size)
        return to + size

    cdef inline uint8_t *put_attributes(
        self, uint8_t *to, uint8_t tag, PyObject *given
    ) except? NULL:
        if not PyDict_CheckExact(<object>given):
            return NULL
        with cython.critical_section(<object>given):
            to = self.put_items(to, tag, given)
        if to != NULL and self.constants:
            to = self.put_constants(to, tag, <object>given)
        return to

    cdef uint8_t *put_items(self, uint8_t *to, uint8_t tag, PyObject *given) except? NULL:
        cdef Py_ssize_t position = 0
        cdef PyObject *key = NULL
        cdef PyObject *value = NULL
        cdef const char *key_text
        cdef const char *text = NULL
        cdef Py_ssize_t key_length = 0, length = 0
        cdef size_t key_size, value_size
        cdef int64_t integer = 0
        cdef uint8_t kind
        while PyDict_Next(<object>given, &position, &key, &value):
            if not PyUnicode_CheckExact(<object>key):
                return NULL
            key_text = PyUnicode_AsUTF8AndSize(key, &key_length)
            if key_text == NULL:
                return no_unicode()
            key_size = field_size(key_length) if key_length else 0

            if PyUnicode_CheckExact(<object>value):
                text = PyUnicode_AsUTF8AndSize(value, &length)
                if text == NULL:
                    return no_unicode()
                kind = VALUE_STRING
                value_size = field_size(length)
            elif PyLong_CheckExact(<object>value):
                if not as_int64(value, &integer):
                    return NULL
                kind = VALUE_INT
                value_size = 1 + varint_size(<uint64_t>integer)
            elif PyFloat_CheckExact(<object>value):
                kind = VALUE_DOUBLE
                value_size = 9
            elif <object>value is True or <object>value is False:
                kind = VALUE_BOOL
                value_size = 2
            else:
                return NULL

            to = self.room_for(to, key_size + value_size + FIXED_PART)
            to = put_head(to, tag, key_size + field_size(value_size))
            if key_size:
                to = put_head(to, KEY_VALUE_KEY, key_length)
                to = put_bytes(to, key_text, key_length)
            to = put_head(to, KEY_VALUE_VALUE, value_size)
            if kind == VALUE_STRING:
                to = put_head(to, kind, length)
                to = put_bytes(to, text, length)
            elif kind == VALUE_INT:
                to[0] = kind
                to = put_varint(to + 1, <uint64_t>integer)
            elif kind == VALUE_DOUBLE:
                to = put_double(to, kind, PyFloat_AS_DOUBLE(<object>value))
            else:
                to[0] = kind
                to[1] = <object>value is True
                to += 2
        return to

    cdef uint8_t *put_constants(self, uint8_t *to, uint8_t tag, object given) except NULL:
        cdef bytes body
        for key, body in self.constants:
            if not PyDict_Contains(given, key):
                to = self.room_for(to, len(body) + FIXED_PART)
                to = put_head(to, tag, len(body))
                to = put_bytes(to, PyBytes_AS_STRING(body), len(body))
        return to

    cdef inline uint8_t *room_for(self, uint8_t *to, size_t size) except NULL:
        """``to``, wherever it now is, with ``size`` bytes of room behind it."""
        if self.points_room - (to - self.points) >= size and self.points != NULL:
            return to
        return self.grow(to, size)

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
        self.spare = self.alike = 0
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

        0, and nothing is changed, when it is too large for any frame.
        """
        cdef size_t begin, whole
        cdef Level *metric
        if size == self.alike:
            return self.emit_alike(size)
        if size <= self.spare:
            self.spare -= size
        else:
            self.spare = 0
            whole = self.size_with(size)
            if whole > self.limit:
                if self.size_alone(size) > self.limit:
                    return 0
                begin = self.points_used
                self.finish()
                memmove(self.points, self.points + begin, size)
            elif self.limit - whole > LENGTHS_GROW:
                self.spare = self.limit - whole - LENGTHS_GROW
        metric = last(&self.metrics)
        metric.size += size
        metric.points += 1
        self.points_used += size
        self.frame_points += 1
        if self.frame_points == self.max_points:
            self.finish()
        return 1

    cdef int emit_alike(self, size_t size) except -1:
        """A frame that differs from the last one in its point alone, which is as long."""
        cdef size_t begin = self.out.begin(self.out.count - 1)
        cdef size_t whole = self.out.used - begin
        cdef uint8_t *to = self.out.reserve(whole)
        memcpy(to, self.out.data + begin, whole)
        memcpy(to + whole - self.behind - size, self.points, size)
        self.out.close_frame(whole, 1)
        return 1

    cdef int finish(self) except -1:
        """Finish the open frame, which has points; what is open stays open around the next."""
        cdef bint resource = self.resources.open, scope = self.scopes.open
        cdef bint metric = self.metrics.open
        # Copies: what is closed without points is taken away.
        cdef Level resource_level = last(&self.resources)[0]
        cdef Level scope_level
        cdef Level metric_level
        if metric and self.resources.count == self.scopes.count == self.metrics.count == 1:
            return self.finish_single()
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
        return 0

    cdef int finish_single(self) except -1:
        """``finish`` of a frame that is all of one metric: every level stays where it is."""
        cdef Level *resource = self.resources.items
        cdef Level *scope = self.scopes.items
        cdef Level *metric = self.metrics.items
        self.spare = 0
        if self.max_points == 1:
            self.alike = self.points_used
            self.behind = metric.after + scope.after + resource.after
        metric.end = self.points_used
        scope.size += field_size(metric_size(metric))
        resource.size += field_size(scope.size)
        scope.end = resource.end = 1
        self.emit()
        resource.size = resource.before + resource.after
        scope.size = scope.before + scope.after
        metric.size = metric.after
        metric.points = 0
        self.points_used = self.frame_points = 0
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
        self.texts_used = self.points_used = self.frame_points = self.spare = self.alike = 0

    cdef void close_metric(self) noexcept:
        cdef Level *metric
        cdef Level *scope
        if not self.metrics.open:
            return
        self.metrics.open = False
        metric = last(&self.metrics)
        metric.end = self.points_used
        if metric.points or self.whole:
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
        if scope.points or self.whole:
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
        if not last(&self.resources).points and not self.whole:
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
        return 0


cdef uint8_t *no_unicode() noexcept:
    """Lone surrogates: not an everyday text."""
    PyErr_Clear()
    return NULL


cdef uint8_t *put_packed(
    uint8_t *to, PyObject *given, Py_ssize_t size, bint varint
) noexcept:
    """Counts, as varints or as fixed64. ``given`` is a list or a tuple of ``size``.

    Most buckets are empty, so most counts are the same object as their neighbour: converted once.
    A list that another thread made shorter meanwhile is no everyday one.
    """
    cdef Py_ssize_t place = 0, begin
    cdef uint64_t number = 0
    cdef PyObject **counts = PySequence_Fast_ITEMS(given)
    cdef PyObject *count
    if PyList_CheckExact(<object>given) and PyList_GET_SIZE(<object>given) != size:
        return NULL
    while place < size:
        begin, count = place, counts[place]
        if not as_uint64(count, &number):
            return NULL
        place += 1
        while place < size and counts[place] == count:
            place += 1
        if varint and number <= 0x7F:
            memset(to, <int>number, place - begin)
            to += place - begin
        else:
            for _ in range(begin, place):
                to = put_varint(to, number) if varint else store_fixed64(to, number)
    return to
