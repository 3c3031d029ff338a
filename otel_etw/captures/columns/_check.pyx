"""Whether bytes are an ExportMetricsServiceRequest, by the rules of protobuf's own parser.

It accepts and refuses exactly what upb does, the parser inside the package protobuf, from 7.34 to
7.36. Older ones took lengths of more than 5 bytes, and no field number 0 in a group. Where the
specification of the encoding (https://protobuf.dev/programming-guides/encoding/) leaves a choice,
these are upb's rules:

- A tag takes at most 5 bytes and is less than 2**32; its field number is not 0. A length takes at
  most 5 bytes and is less than 2**31. Any other varint takes at most 10, and bits that do not fit
  into 64 are ignored. None needs to be of the shortest form.
- A field with another wire type than its own is an unknown field, but for lists of numbers, which
  may be packed or not. A packed list holds whole numbers.
- An unknown field is skipped by its wire type: of what a length delimits nothing is looked at. In a
  group the field number 0 is allowed, and the end must have the number of the beginning.
- Messages and groups may be nested 100 deep below the request.
- Text of known fields is UTF-8: no surrogates, nothing overlong, nothing above U+10FFFF.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

__all__ = ["check_request"]

# What may be wrong, in the order of `_REASONS`.
cdef enum:
    SOUND
    TORN
    BAD_NUMBER
    BAD_WIRE_TYPE
    LONG_VARINT
    TOO_DEEP
    NO_UTF8
    PART_OF_NUMBER
    STRAY_END
    TOO_LARGE

_REASONS = (
    "",
    "a field goes on behind the end of its message",
    "a field number that does not exist",
    "a wire type that does not exist",
    "a varint that is too long",
    "it is nested too deeply",
    "text that is not UTF-8",
    "a packed list that ends within a number",
    "a group that ends without having begun",
    "it is larger than 2 GiB",
)

# What to do with a field.
cdef enum:
    VARINT
    FIXED64
    FIXED32
    GROUP
    END_GROUP
    NO_WIRE_TYPE
    NO_NUMBER
    # From here on a length comes next.
    BYTES
    STRING
    FIXED64_LIST
    VARINT_LIST
    # And the number of the message's row in `_MESSAGES`.
    MESSAGE

cdef enum:
    DEPTH = 100
    ROWS = 32
    TAGS = 128
    INT32_MAX = 0x7FFFFFFF

# The fields of each message that something is to be said about; of all others the wire type says
# it all. A field is a message of this table, text, or a list of numbers.
_MESSAGES = {
    "Request": {1: "ResourceMetrics"},
    "ResourceMetrics": {1: "Resource", 2: "ScopeMetrics", 3: STRING},
    "Resource": {1: "KeyValue", 3: "EntityRef"},
    "EntityRef": {1: STRING, 2: STRING, 3: STRING, 4: STRING},
    "ScopeMetrics": {1: "Scope", 2: "Metric", 3: STRING},
    "Scope": {1: STRING, 2: STRING, 3: "KeyValue"},
    "Metric": {
        1: STRING,
        2: STRING,
        3: STRING,
        5: "NumberData",
        7: "NumberData",
        9: "HistogramData",
        10: "ExponentialData",
        11: "SummaryData",
        12: "KeyValue",
    },
    "NumberData": {1: "NumberPoint"},
    "HistogramData": {1: "HistogramPoint"},
    "ExponentialData": {1: "ExponentialPoint"},
    "SummaryData": {1: "SummaryPoint"},
    "NumberPoint": {5: "Exemplar", 7: "KeyValue"},
    "HistogramPoint": {6: FIXED64_LIST, 7: FIXED64_LIST, 8: "Exemplar", 9: "KeyValue"},
    "ExponentialPoint": {1: "KeyValue", 8: "Buckets", 9: "Buckets", 11: "Exemplar"},
    "Buckets": {2: VARINT_LIST},
    "SummaryPoint": {6: "Quantile", 7: "KeyValue"},
    "Quantile": {},
    "Exemplar": {7: "KeyValue"},
    "KeyValue": {1: STRING, 2: "AnyValue"},
    "AnyValue": {1: STRING, 5: "ArrayValue", 6: "KeyValueList"},
    "ArrayValue": {1: "AnyValue"},
    "KeyValueList": {1: "KeyValue"},
}

# What to do with a field of the message by its tag, where that is a single byte; and by its wire
# type, where it is not.
cdef uint8_t ACTIONS[ROWS][TAGS]
cdef uint8_t BY_WIRE_TYPE[8]
cdef uint8_t METRIC
# The highest bits of the first bytes of a word, from none to all eight.
cdef uint64_t HIGH_BITS[9]


cdef int fill_tables() except -1:
    global METRIC
    names = list(_MESSAGES)
    if len(names) > ROWS:
        raise AssertionError("more messages than rows")
    METRIC = MESSAGE + names.index("Metric")
    BY_WIRE_TYPE[0] = VARINT
    BY_WIRE_TYPE[1] = FIXED64
    BY_WIRE_TYPE[2] = BYTES
    BY_WIRE_TYPE[3] = GROUP
    BY_WIRE_TYPE[4] = END_GROUP
    BY_WIRE_TYPE[5] = FIXED32
    BY_WIRE_TYPE[6] = BY_WIRE_TYPE[7] = NO_WIRE_TYPE
    cdef int row, tag
    for row, fields in enumerate(_MESSAGES.values()):
        for tag in range(TAGS):
            ACTIONS[row][tag] = BY_WIRE_TYPE[tag & 7] if tag >> 3 else NO_NUMBER
        for number, kind in fields.items():
            kind = MESSAGE + names.index(kind) if isinstance(kind, str) else kind
            ACTIONS[row][number << 3 | 2] = kind
    cdef uint8_t high[8]
    cdef int count
    for count in range(9):
        memset(high, 0, 8)
        memset(high, 0x80, count)
        memcpy(&HIGH_BITS[count], high, 8)
    return 0


fill_tables()


cdef inline uint64_t word_at(const uint8_t *at) noexcept nogil:
    cdef uint64_t word = 0
    memcpy(&word, at, 8)
    return word


cdef int check_utf8(const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Whether the bytes are UTF-8: the table of well-formed sequences of Unicode 3.9 (D92)."""
    cdef uint8_t first, second
    cdef int more
    while at < end:
        if end - at >= 8 and not word_at(at) & HIGH_BITS[8]:
            at += 8
            continue
        first = at[0]
        at += 1
        if first < 0x80:
            continue
        if first < 0xC2 or first > 0xF4:
            return NO_UTF8
        more = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        if end - at < more:
            return NO_UTF8
        second = at[0]
        if second & 0xC0 != 0x80:
            return NO_UTF8
        if (
            (first == 0xE0 and second < 0xA0)
            or (first == 0xED and second > 0x9F)
            or (first == 0xF0 and second < 0x90)
            or (first == 0xF4 and second > 0x8F)
        ):
            return NO_UTF8
        if more > 1 and at[1] & 0xC0 != 0x80:
            return NO_UTF8
        if more > 2 and at[2] & 0xC0 != 0x80:
            return NO_UTF8
        at += more
    return SOUND


cdef inline int check_text(
    const uint8_t *at, const uint8_t *end, const uint8_t *stop
) noexcept nogil:
    """The same, fast for ASCII. Up to ``stop`` memory may be read."""
    cdef size_t size = end - at
    if size <= 8:
        if stop - at >= 8:
            if not word_at(at) & HIGH_BITS[size]:
                return SOUND
    else:
        while end - at > 8 and not word_at(at) & HIGH_BITS[8]:
            at += 8
        if end - at <= 8 and not word_at(end - 8) & HIGH_BITS[8]:
            return SOUND
    return check_utf8(at, end)


cdef int check_varints(const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Whether the bytes are whole varints of at most 10 bytes each."""
    cdef const uint8_t *start = at
    cdef uint64_t goes_on
    cdef uint64_t half = 0x80808080
    cdef int count = 0
    if at == end:
        return SOUND
    if (end - 1)[0] & 0x80:
        return PART_OF_NUMBER
    # Of 10 bytes in a row that say that the number goes on, 4 are one half of a word, also where
    # some stand behind the last word: these are 6 at most.
    while end - at >= 8:
        goes_on = word_at(at) & HIGH_BITS[8]
        if goes_on & half == half or goes_on >> 32 == half:
            break
        at += 8
    if end - at < 8:
        return SOUND
    at = start
    while at < end:
        if at[0] & 0x80:
            count += 1
            if count == 10:
                return LONG_VARINT
        else:
            count = 0
        at += 1
    return SOUND


cdef const uint8_t *read_varint(
    const uint8_t *at, const uint8_t *end, int most, uint64_t *value, int *fault
) noexcept nogil:
    """Behind the varint of at most ``most`` bytes at ``at``; NULL where there is none."""
    cdef uint64_t found = 0
    cdef int shift = 0
    while True:
        if at == end:
            fault[0] = TORN
            return NULL
        if shift == 7 * most:
            fault[0] = LONG_VARINT
            return NULL
        found |= <uint64_t>(at[0] & 0x7F) << shift
        shift += 7
        at += 1
        if not (at - 1)[0] & 0x80:
            value[0] = found
            return at


cdef const uint8_t *skip_group(
    const uint8_t *at, const uint8_t *end, uint64_t number, int depth, int *fault
) noexcept nogil:
    """Behind the group that begins at ``at`` with its first field; NULL where it is broken.

    ``depth``: of the group itself.
    """
    cdef uint64_t numbers[DEPTH + 1]
    cdef uint64_t tag = 0
    cdef uint64_t length = 0
    cdef int opened = 0
    cdef int action
    if depth > DEPTH:
        fault[0] = TOO_DEEP
        return NULL
    numbers[0] = number
    while True:
        at = read_varint(at, end, 5, &tag, fault)
        if at == NULL:
            return NULL
        if tag >> 32:
            fault[0] = BAD_NUMBER
            return NULL
        action = BY_WIRE_TYPE[tag & 7]
        if action == VARINT:
            at = read_varint(at, end, 10, &length, fault)
            if at == NULL:
                return NULL
        elif action == BYTES:
            at = read_varint(at, end, 5, &length, fault)
            if at == NULL:
                return NULL
            if length > <size_t>(end - at):
                fault[0] = TORN
                return NULL
            at += length
        elif action == FIXED64:
            if end - at < 8:
                fault[0] = TORN
                return NULL
            at += 8
        elif action == FIXED32:
            if end - at < 4:
                fault[0] = TORN
                return NULL
            at += 4
        elif action == GROUP:
            opened += 1
            if depth + opened > DEPTH:
                fault[0] = TOO_DEEP
                return NULL
            numbers[opened] = tag >> 3
        elif action == END_GROUP:
            if numbers[opened] != tag >> 3:
                fault[0] = STRAY_END
                return NULL
            opened -= 1
            if opened < 0:
                return at
        else:
            fault[0] = BAD_WIRE_TYPE
            return NULL


cdef int check_request_c(const uint8_t *data, size_t size, bint *holds_metrics) noexcept nogil:
    """0 where the bytes are a request, and whether any metric is in it; otherwise a number for
    `reason_text`. Needs no interpreter and allocates nothing."""
    cdef const uint8_t *ends[DEPTH + 1]
    cdef uint8_t rows[DEPTH + 1]
    cdef const uint8_t *at = data
    cdef const uint8_t *end = data + size
    cdef const uint8_t *stop = end
    cdef const uint8_t *actions = ACTIONS[0]
    cdef uint64_t tag = 0
    cdef uint64_t length = 0
    cdef int depth = 0
    cdef int fault = SOUND
    cdef int action
    holds_metrics[0] = False
    if size > INT32_MAX:
        return TOO_LARGE
    ends[0] = end
    rows[0] = 0
    while True:
        while at == end:
            if not depth:
                return SOUND
            depth -= 1
            end = ends[depth]
            actions = ACTIONS[rows[depth]]
        tag = at[0]
        if tag < TAGS:
            at += 1
            action = actions[tag]
        else:
            at = read_varint(at, end, 5, &tag, &fault)
            if at == NULL:
                return fault
            if tag >> 32:
                return BAD_NUMBER
            action = actions[tag] if tag < TAGS else BY_WIRE_TYPE[tag & 7]
        if action >= BYTES:
            if at == end:
                return TORN
            length = at[0]
            if length < 0x80:
                at += 1
            else:
                at = read_varint(at, end, 5, &length, &fault)
                if at == NULL:
                    return fault
            if length > <size_t>(end - at):
                return TORN
            if action >= MESSAGE:
                if action == METRIC:
                    holds_metrics[0] = True
                depth += 1
                if depth > DEPTH:
                    return TOO_DEEP
                end = at + length
                ends[depth] = end
                rows[depth] = action - MESSAGE
                actions = ACTIONS[action - MESSAGE]
                continue
            if action == STRING:
                fault = check_text(at, at + length, stop)
                if fault:
                    return fault
            elif action == FIXED64_LIST:
                if length & 7:
                    return PART_OF_NUMBER
            elif action == VARINT_LIST:
                fault = check_varints(at, at + length)
                if fault:
                    return fault
            at += length
        elif action == FIXED64:
            if end - at < 8:
                return TORN
            at += 8
        elif action == VARINT:
            if at == end:
                return TORN
            if at[0] < 0x80:
                at += 1
            else:
                at = read_varint(at, end, 10, &length, &fault)
                if at == NULL:
                    return fault
        elif action == FIXED32:
            if end - at < 4:
                return TORN
            at += 4
        elif action == GROUP:
            at = skip_group(at, end, tag >> 3, depth + 1, &fault)
            if at == NULL:
                return fault
        elif action == END_GROUP:
            return STRAY_END
        elif action == NO_NUMBER:
            return BAD_NUMBER
        else:
            return BAD_WIRE_TYPE


cdef str reason_text(int fault):
    return f"its protobuf is broken: {_REASONS[fault]}"


# Bytes that are checked without the GIL: less would cost more than it gives.
cdef enum:
    WORTH_RELEASING = 1 << 14


def check_request(data, Py_ssize_t start=0, end=None):
    """Whether the bytes from ``start`` to ``end``, a serialized request, hold any metric.

    ``data``: contiguous bytes that nobody changes meanwhile. ValueError with a reason where
    protobuf's own parser would refuse it.
    """
    cdef Py_buffer view
    cdef bint holds_metrics = False
    cdef int fault
    cdef const uint8_t *bytes
    cdef size_t size
    cdef Py_ssize_t stop
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        stop = view.len if end is None else <Py_ssize_t> end
        if not 0 <= start <= stop <= view.len:
            raise IndexError(f"no bytes from {start} to {stop}")
        bytes = <const uint8_t *> view.buf + start
        size = stop - start
        if size < WORTH_RELEASING:
            fault = check_request_c(bytes, size, &holds_metrics)
        else:
            with nogil:
                fault = check_request_c(bytes, size, &holds_metrics)
    finally:
        PyBuffer_Release(&view)
    if fault:
        raise ValueError(reason_text(fault))
    return holds_metrics
