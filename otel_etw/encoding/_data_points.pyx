"""Data points, compiled: the twin of ``data_points.py`` for exact str, int, float, bool, dict, list
and tuple, as the SDK makes them.

Rules:

1. A point comes as its fields, which the interpreter has read (``fast_path.py``); no attribute of
   an object is looked up here.
2. At any other type, and at any number outside its field, a method returns FALLBACK and the packer
   is as if the point had never begun: ``data_points.py`` encodes it or says what is wrong with it,
   so each policy stands in one place.
3. C macros are used only on objects whose exact type was checked, and no code of the user's runs
   between `begin_point` and `end_point`.
4. A pointer into ``points`` is valid until ``room_for`` or ``commit``.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_CheckExact, PyDict_Contains, PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact, PyList_GET_SIZE
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memmove, memset

from otel_etw.encoding._packing cimport FALLBACK, FIXED_PART, Packer, as_object, room_for
from otel_etw.encoding._prefetch cimport has_type, prefetch_fields, prefetch_object
from otel_etw.encoding._tags cimport (
    BUCKETS_COUNTS,
    BUCKETS_OFFSET,
    DATA_POINT,
    EXPONENTIAL_ATTRIBUTE,
    EXPONENTIAL_FLAGS,
    EXPONENTIAL_MAX,
    EXPONENTIAL_MIN,
    EXPONENTIAL_NEGATIVE,
    EXPONENTIAL_POSITIVE,
    EXPONENTIAL_SCALE,
    EXPONENTIAL_ZERO_COUNT,
    HISTOGRAM_ATTRIBUTE,
    HISTOGRAM_BOUNDS,
    HISTOGRAM_BUCKET_COUNTS,
    HISTOGRAM_MAX,
    HISTOGRAM_MIN,
    KEY_VALUE_KEY,
    KEY_VALUE_VALUE,
    METRIC_DESCRIPTION,
    METRIC_NAME,
    METRIC_UNIT,
    NUMBER_AS_DOUBLE,
    NUMBER_AS_INT,
    NUMBER_ATTRIBUTE,
    POINT_COUNT,
    POINT_START,
    POINT_SUM,
    POINT_TIME,
    VALUE_BOOL,
    VALUE_DOUBLE,
    VALUE_INT,
    VALUE_STRING,
)
from otel_etw.encoding._values cimport as_double, as_int64, as_uint64, as_utf8
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

from opentelemetry.sdk.metrics.export import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    NumberDataPoint,
)

from otel_etw.encoding.data_points import exemplars as encode_exemplars
from otel_etw.encoding.losses import Losses
from otel_etw.encoding.otlp import EXPONENTIAL_POINT, HISTOGRAM_POINT, NUMBER_POINT

cdef enum:
    # Points that are prefetched at a time. From 4 to 32 the gain is much the same.
    AHEAD = 8

cdef extern from "Python.h":
    # Borrowed.
    PyObject *PyList_GET_ITEM(PyObject *list, Py_ssize_t index)
    PyObject *PyTuple_GET_ITEM(PyObject *tuple, Py_ssize_t index)
    PyObject **PySequence_Fast_ITEMS(PyObject *list_or_tuple)

cdef bytes NUMBER_EXEMPLARS = NUMBER_POINT.EXEMPLARS
cdef bytes HISTOGRAM_EXEMPLARS = HISTOGRAM_POINT.EXEMPLARS
cdef bytes EXPONENTIAL_EXEMPLARS = EXPONENTIAL_POINT.EXEMPLARS

# The SDK's classes of points. Held here: nobody can take them away or put another in their place.
cdef type number_class = NumberDataPoint
cdef type histogram_class = HistogramDataPoint
cdef type exponential_class = ExponentialHistogramDataPoint


ctypedef struct Text:
    # A text field, which is not written at all when it is empty.
    const char *data
    Py_ssize_t length
    size_t size
    uint8_t tag


cdef bint as_text(object given, uint8_t tag, Text *text) noexcept:
    if not PyUnicode_CheckExact(given):
        return False
    text.data = as_utf8(<PyObject *>given, &text.length)
    if text.data == NULL:
        return False
    text.size = field_size(text.length) if text.length else 0
    text.tag = tag
    return True


@cython.final
cdef class PointPacker(Packer):
    """A packer that also encodes points: the compiled end of the fast path.

    ``number``, ``histogram`` and ``exponential`` return TAKEN, FLUSH or FALLBACK (``results.py``).
    A point that is too large for any frame is FALLBACK too: ``add`` then says so.
    """

    cdef tuple constants
    # Bytes of the length of the point before: the guess for the next.
    cdef size_t length_width
    # The last objects of these fields and what they were converted to: mostly, many points in a row
    # share one object. None is converted to no bytes.
    cdef object start, time, bounds
    cdef uint64_t start_value, time_value
    cdef uint8_t *bounds_bytes
    cdef size_t bounds_size, bounds_room
    # Points that come next, the place among them, and the place up to which they are prefetched.
    cdef list coming
    cdef Py_ssize_t place, prefetched
    # The result of the last call; FALLBACK while one runs.
    cdef int last_result

    def __cinit__(self):
        self.bounds_bytes = NULL
        self.constants = ()
        self.length_width = 1
        self.last_result = FALLBACK

    def __init__(self, limit, max_points, constants=()):
        """As ``Packer``; ``constants``: attributes of every point, the key and the encoded
        KeyValue."""
        Packer.__init__(self, limit, max_points)
        self.constants = tuple([(str.__str__(key), bytes(body)) for key, body in constants])

    def __dealloc__(self):
        free(self.bounds_bytes)

    def expect(self, list points not None):
        """The points that come next, so that their memory can be prefetched. A hint: other points
        may come, and the list may change meanwhile."""
        self.coming = points
        self.place = self.prefetched = 0

    def result_of(self, Py_ssize_t index):
        """The result of the call with the point at ``index`` of those that were expected, for a
        caller to whom an exception came in its place: a signal handler's, which runs after calls,
        or one of reading the point, before the call. Then it falls back.

        Each expected point must be given once, or asked for here.
        """
        if self.place > index:
            return as_object(self.last_result)
        self.place = index + 1
        return FALLBACK

    def metric_fields(
        self, name, description, unit, bytes data_tag not None, bytes tail not None
    ):
        """``metric``, its head encoded here: TAKEN. FALLBACK, and nothing is changed, where one of
        the texts is no exact str, or has lone surrogates."""
        cdef Text texts[3]
        cdef bytes head
        cdef uint8_t *to
        if not (
            as_text(name, METRIC_NAME, &texts[0])
            and as_text(description, METRIC_DESCRIPTION, &texts[1])
            and as_text(unit, METRIC_UNIT, &texts[2])
        ):
            return FALLBACK
        head = PyBytes_FromStringAndSize(NULL, texts[0].size + texts[1].size + texts[2].size)
        to = <uint8_t *>PyBytes_AS_STRING(head)
        for text in texts:
            if text.size:
                to = put_head(to, text.tag, text.length)
                to = put_bytes(to, text.data, text.length)
        self.begin_metric(head, data_tag, tail)
        return None  # TAKEN

    @cython.binding(False)
    def number(self, attributes, start, time, value, exemplars):
        """A point of a Sum, or of a Gauge, which has no ``start``."""
        cdef bytes exemplar_fields = None
        cdef uint8_t *to
        cdef int64_t integer = 0
        self.begin_call()
        if not is_empty(exemplars):
            exemplar_fields = exact_exemplars(NUMBER_EXEMPLARS, exemplars)
            if exemplar_fields is None:
                return FALLBACK
        to = self.begin_point()
        to = self.put_start(to, <PyObject *>start)
        if to != NULL:
            to = self.put_time(to, <PyObject *>time)
        if to != NULL:
            if PyFloat_CheckExact(value):
                to = put_double(to, NUMBER_AS_DOUBLE, PyFloat_AS_DOUBLE(value))
                if exemplar_fields is not None:
                    to = self.put_encoded(to, exemplar_fields)
            elif PyLong_CheckExact(value) and as_int64(<PyObject *>value, &integer):
                if exemplar_fields is not None:
                    to = self.put_encoded(to, exemplar_fields)
                to = put_fixed64(to, NUMBER_AS_INT, <uint64_t>integer)
            else:
                to = NULL
        if to != NULL:
            to = self.put_attributes(to, NUMBER_ATTRIBUTE, <PyObject *>attributes)
        return as_object(self.end_point(to))

    @cython.binding(False)
    def histogram(
        self,
        attributes,
        start,
        time,
        count,
        total,
        bucket_counts,
        bounds,
        minimum,
        maximum,
        exemplars,
    ):
        """A point of a Histogram."""
        cdef bytes exemplar_fields = None
        cdef uint8_t *to
        self.begin_call()
        if not is_empty(exemplars):
            exemplar_fields = exact_exemplars(HISTOGRAM_EXEMPLARS, exemplars)
            if exemplar_fields is None:
                return FALLBACK
        to = self.begin_point()
        to = self.put_start(to, <PyObject *>start)
        if to != NULL:
            to = self.put_time(to, <PyObject *>time)
        if to != NULL:
            to = put_unsigned(to, POINT_COUNT, <PyObject *>count)
        if to != NULL:
            to = put_number(to, POINT_SUM, <PyObject *>total)
        if to != NULL:
            to = self.put_fixed_counts(to, <PyObject *>bucket_counts)
        if to != NULL:
            to = self.put_bounds(to, <PyObject *>bounds)
        if to != NULL and exemplar_fields is not None:
            to = self.put_encoded(to, exemplar_fields)
        if to != NULL:
            to = self.put_attributes(to, HISTOGRAM_ATTRIBUTE, <PyObject *>attributes)
        if to != NULL:
            to = put_number(to, HISTOGRAM_MIN, <PyObject *>minimum)
        if to != NULL:
            to = put_number(to, HISTOGRAM_MAX, <PyObject *>maximum)
        return as_object(self.end_point(to))

    @cython.binding(False)
    def exponential(
        self,
        attributes,
        start,
        time,
        count,
        total,
        scale,
        zero_count,
        positive_offset,
        positive_counts,
        negative_offset,
        negative_counts,
        flags,
        minimum,
        maximum,
        exemplars,
    ):
        """A point of an ExponentialHistogram."""
        cdef bytes exemplar_fields = None
        cdef uint8_t *to
        self.begin_call()
        if not is_empty(exemplars):
            exemplar_fields = exact_exemplars(EXPONENTIAL_EXEMPLARS, exemplars)
            if exemplar_fields is None:
                return FALLBACK
        to = self.begin_point()
        to = self.put_attributes(to, EXPONENTIAL_ATTRIBUTE, <PyObject *>attributes)
        if to != NULL:
            to = self.put_start(to, <PyObject *>start)
        if to != NULL:
            to = self.put_time(to, <PyObject *>time)
        if to != NULL:
            to = put_unsigned(to, POINT_COUNT, <PyObject *>count)
        if to != NULL:
            to = put_number(to, POINT_SUM, <PyObject *>total)
        if to != NULL:
            to = put_zigzag(to, EXPONENTIAL_SCALE, <PyObject *>scale)
        if to != NULL:
            to = put_unsigned(to, EXPONENTIAL_ZERO_COUNT, <PyObject *>zero_count)
        if to != NULL:
            to = self.put_buckets(
                to,
                EXPONENTIAL_POSITIVE,
                <PyObject *>positive_offset,
                <PyObject *>positive_counts,
            )
        if to != NULL:
            to = self.put_buckets(
                to,
                EXPONENTIAL_NEGATIVE,
                <PyObject *>negative_offset,
                <PyObject *>negative_counts,
            )
        if to != NULL:
            to = put_flags(to, <PyObject *>flags)
        if to != NULL and exemplar_fields is not None:
            to = self.put_encoded(to, exemplar_fields)
        if to != NULL:
            to = put_number(to, EXPONENTIAL_MIN, <PyObject *>minimum)
        if to != NULL:
            to = put_number(to, EXPONENTIAL_MAX, <PyObject *>maximum)
        return as_object(self.end_point(to))

    # Fields of a point: each returns the place behind what it wrote, or NULL where the point must
    # fall back. The only exception is MemoryError.

    cdef inline int begin_call(self) except -1:
        if self.place == self.prefetched:
            self.look_ahead()
        self.place += 1
        self.last_result = FALLBACK
        return 0

    cdef inline uint8_t *begin_point(self) except NULL:
        """Where the body of the next point begins, if its length takes as many bytes as the last
        one's."""
        cdef uint8_t *to
        if not self.metrics.open:
            if self.broken:
                raise MemoryError("memory ran out amid an earlier frame")
            raise ValueError("a point outside a metric")
        to = room_for(self, self.points + self.points_used, FIXED_PART)
        return to + 1 + self.length_width

    cdef int look_ahead(self) except -1:
        """Prefetch the fields of the points that come next, and the points after those.

        Fields only of objects of exactly the SDK's classes: see ``prefetch_fields``.
        """
        cdef list points = self.coming
        cdef Py_ssize_t at, count
        cdef PyObject *point
        if points is None:
            return 0
        with cython.critical_section(points):
            count = PyList_GET_SIZE(points)
            for at in range(self.prefetched + AHEAD, min(self.prefetched + 2 * AHEAD, count)):
                point = PyList_GET_ITEM(<PyObject *>points, at)
                if (
                    has_type(point, <PyObject *>number_class)
                    or has_type(point, <PyObject *>histogram_class)
                    or has_type(point, <PyObject *>exponential_class)
                ):
                    prefetch_fields(point)
            for at in range(self.prefetched + 2 * AHEAD, min(self.prefetched + 3 * AHEAD, count)):
                prefetch_object(PyList_GET_ITEM(<PyObject *>points, at))
        self.prefetched += AHEAD
        return 0

    cdef inline int end_point(self, uint8_t *to) except -1:
        """Write the point's head before its body and commit it: a Result. NULL: it falls back."""
        cdef uint8_t *field
        cdef size_t size, width
        if to == NULL:
            return FALLBACK
        field = self.points + self.points_used
        size = to - (field + 1 + self.length_width)
        width = varint_size(size)
        if width != self.length_width:
            # FIXED_PART leaves room for the greatest length.
            room_for(self, to, FIXED_PART)
            field = self.points + self.points_used
            memmove(field + 1 + width, field + 1 + self.length_width, size)
            self.length_width = width
        put_head(field, DATA_POINT, size)
        self.last_result = self.commit(1 + width + size)
        return self.last_result

    cdef inline uint8_t *put_start(self, uint8_t *to, PyObject *given) noexcept:
        """Converted once for as long as it is the same object."""
        cdef uint64_t number = 0
        if given == <PyObject *>None:
            return to
        if given != <PyObject *>self.start:
            if not as_uint64(given, &number):
                return NULL
            self.start, self.start_value = <object>given, number
        return put_fixed64(to, POINT_START, self.start_value) if self.start_value else to

    cdef inline uint8_t *put_time(self, uint8_t *to, PyObject *given) noexcept:
        cdef uint64_t number = 0
        if given != <PyObject *>self.time:
            if not as_uint64(given, &number):
                return NULL
            self.time, self.time_value = <object>given, number
        return put_fixed64(to, POINT_TIME, self.time_value) if self.time_value else to

    cdef uint8_t *put_encoded(self, uint8_t *to, bytes fields) except NULL:
        cdef size_t size = PyBytes_GET_SIZE(fields)
        to = room_for(self, to, size + FIXED_PART)
        return put_bytes(to, PyBytes_AS_STRING(fields), size)

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
        to = room_for(self, to, 8 * size + FIXED_PART)
        counts = put_head(to, HISTOGRAM_BUCKET_COUNTS, 8 * size)
        with cython.critical_section(<object>given):
            to = put_packed(counts, given, size, False)
        return to

    cdef uint8_t *put_bounds(self, uint8_t *to, PyObject *given) except? NULL:
        """Packed doubles. Points of one stream share the tuple, so its bytes are cached."""
        cdef Py_ssize_t size
        cdef Py_ssize_t place
        cdef double bound = 0.0
        cdef uint8_t *end
        cdef void *memory
        if given != <PyObject *>self.bounds:
            if not PyTuple_CheckExact(<object>given):
                return NULL
            size = PyTuple_GET_SIZE(<object>given)
            # Both at once: None has no bytes, and what follows may fail.
            self.bounds = None
            self.bounds_size = 0
            if self.bounds_room < 8 * <size_t>size + 16:
                memory = realloc(self.bounds_bytes, 8 * size + 16)
                if memory == NULL:
                    raise MemoryError(f"no memory for {size} bounds")
                self.bounds_bytes = <uint8_t *>memory
                self.bounds_room = 8 * size + 16
            if size:
                end = put_head(self.bounds_bytes, HISTOGRAM_BOUNDS, 8 * size)
                for place in range(size):
                    if not as_double(PyTuple_GET_ITEM(given, place), &bound):
                        return NULL
                    end = store_double(end, bound)
                self.bounds_size = end - self.bounds_bytes
            self.bounds = <object>given
        to = room_for(self, to, self.bounds_size + FIXED_PART)
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
        offset_end = put_zigzag(offset_field, BUCKETS_OFFSET, offset)
        if offset_end == NULL:
            return NULL
        offset_size = offset_end - offset_field
        to = room_for(self, to, 10 * size + FIXED_PART)
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
            key_text = as_utf8(key, &key_length)
            if key_text == NULL:
                return NULL
            key_size = field_size(key_length) if key_length else 0

            if PyUnicode_CheckExact(<object>value):
                text = as_utf8(value, &length)
                if text == NULL:
                    return NULL
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

            to = room_for(self, to, key_size + value_size + FIXED_PART)
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
                to = room_for(self, to, len(body) + FIXED_PART)
                to = put_head(to, tag, len(body))
                to = put_bytes(to, PyBytes_AS_STRING(body), len(body))
        return to


cdef inline bint is_empty(object exemplars) noexcept:
    """Whether it is an exact list or tuple without exemplars, as of nearly all points."""
    if PyTuple_CheckExact(exemplars):
        return PyTuple_GET_SIZE(exemplars) == 0
    return PyList_CheckExact(exemplars) and PyList_GET_SIZE(exemplars) == 0


cdef bytes exact_exemplars(bytes tag, object given):
    """Exemplars as fields ``tag``, encoded in pure Python, which runs the user's code. None where
    they are no exact list or tuple, or one is lost: counting that is for the fallback."""
    if not PyList_CheckExact(given) and not PyTuple_CheckExact(given):
        return None
    losses = Losses()
    fields = encode_exemplars(tag, given, losses, "")
    return None if losses.counts else fields


cdef inline uint8_t *put_unsigned(uint8_t *to, uint8_t tag, PyObject *given) noexcept:
    cdef uint64_t number = 0
    if not as_uint64(given, &number):
        return NULL
    return put_fixed64(to, tag, number) if number else to


cdef inline uint8_t *put_number(uint8_t *to, uint8_t tag, PyObject *given) noexcept:
    """An optional double."""
    cdef double number = 0.0
    if given == <PyObject *>None:
        return to
    if not as_double(given, &number):
        return NULL
    return put_double(to, tag, number)


cdef inline uint8_t *put_zigzag(uint8_t *to, uint8_t tag, PyObject *given) noexcept:
    cdef int64_t number = 0
    if not PyLong_CheckExact(<object>given) or not as_int64(given, &number):
        return NULL
    if number != <int32_t>number:
        return NULL
    if number == 0:
        return to
    to[0] = tag
    return put_varint(to + 1, zigzag(number))


cdef inline uint8_t *put_flags(uint8_t *to, PyObject *given) noexcept:
    cdef uint64_t number = 0
    if not as_uint64(given, &number) or number != <uint32_t>number:
        return NULL
    if number == 0:
        return to
    to[0] = EXPONENTIAL_FLAGS
    return put_varint(to + 1, number)


cdef uint8_t *put_packed(
    uint8_t *to, PyObject *given, Py_ssize_t size, bint varint
) noexcept:
    """Counts, as varints or as fixed64. ``given`` is a list or a tuple of ``size``.

    Most buckets are empty, so most counts are the same object as their neighbour: converted once.
    NULL, to fall back, for a list that another thread made shorter meanwhile.
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
