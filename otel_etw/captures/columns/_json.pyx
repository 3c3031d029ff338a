"""Attributes as JSON, from their bytes: what ``attributes_json`` of ``reference.py`` defines.

An AnyValue may stand in pieces, which protobuf merges: the last member of its oneof counts, and of
members that are messages all pieces since another member stood there.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, strlen

from otel_etw.captures.columns._growing cimport Buffer, append, append_byte, reserve
from otel_etw.captures.columns._protobuf cimport (
    MOST_NESTING,
    Field,
    Span,
    find,
    next_field,
    span_size,
)
from otel_etw.captures.columns._shortest cimport (
    MOST_DIGITS,
    MOST_TEXT,
    digits_before,
    put_finite,
)

cdef enum Tag:
    KEY = 0x0A
    VALUE = 0x12
    STRING = 0x0A
    BOOL = 0x10
    INT = 0x18
    DOUBLE = 0x21
    ARRAY = 0x2A
    KEY_VALUES = 0x32
    BYTES = 0x3A
    # An int32: an index into a table of strings that metrics do not have, so the number stays.
    STRING_INDEX = 0x40
    ITEM = 0x0A

cdef enum:
    FEW = 16


cdef struct Pair:
    Span key
    Span key_value


cdef struct Pairs:
    Pair *items
    size_t count
    size_t room
    Pair[FEW] few


cdef struct Value:
    uint64_t tag        # of the member that counts; 0: none
    uint64_t number
    Span content
    # Of a member that is a message, where its pieces begin:
    Span piece          # in this piece of the value
    Span others         # then in those that stand here
    uint64_t others_tag


# Text --------------------------------------------------------------------------------------------

cdef const char *HEX = "0123456789abcdef"
cdef const char *BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


cdef inline uint8_t escaped(uint8_t byte) noexcept nogil:
    """What stands behind the backslash; 0: the byte's number."""
    if byte == c"\n":
        return c"n"
    if byte == c"\r":
        return c"r"
    if byte == c"\t":
        return c"t"
    if byte == c"\f":
        return c"f"
    if byte == c"\b":
        return c"b"
    if byte == c'"' or byte == c"\\":
        return byte
    return 0


cdef int write_text(Buffer *out, Span text) noexcept nogil:
    cdef const uint8_t *at = text.at
    cdef const uint8_t *start = at
    cdef uint8_t byte
    cdef uint8_t[6] escape
    if append_byte(out, c'"') < 0:
        return -1
    while at < text.end:
        byte = at[0]
        at += 1
        if byte >= 0x20 and byte != c'"' and byte != c"\\":
            continue
        if append(out, start, <size_t>(at - 1 - start)) < 0:
            return -1
        start = at
        escape[0] = c"\\"
        escape[1] = escaped(byte)
        if escape[1]:
            if append(out, escape, 2) < 0:
                return -1
        else:
            escape[1] = c"u"
            escape[2] = escape[3] = c"0"
            escape[4] = HEX[byte >> 4]
            escape[5] = HEX[byte & 15]
            if append(out, escape, 6) < 0:
                return -1
    if append(out, start, <size_t>(at - start)) < 0:
        return -1
    return append_byte(out, c'"')


cdef int write_word(Buffer *out, const char *word) noexcept nogil:
    return append(out, word, strlen(word))


cdef int write_bytes(Buffer *out, Span content) noexcept nogil:
    cdef const uint8_t *at = content.at
    cdef size_t left = span_size(content)
    cdef uint32_t triple
    cdef uint8_t *to
    if write_word(out, '{"base64": "') < 0 or reserve(out, left // 3 * 4 + 4) < 0:
        return -1
    to = out.data + out.used
    while left:
        triple = <uint32_t>at[0] << 16
        if left > 1:
            triple |= <uint32_t>at[1] << 8
        if left > 2:
            triple |= at[2]
        to[0] = BASE64[triple >> 18]
        to[1] = BASE64[triple >> 12 & 63]
        to[2] = BASE64[triple >> 6 & 63] if left > 1 else c"="
        to[3] = BASE64[triple & 63] if left > 2 else c"="
        to += 4
        out.used += 4
        at += 3 if left > 3 else left
        left -= 3 if left > 3 else left
    return write_word(out, '"}')


# Numbers -----------------------------------------------------------------------------------------

cdef int write_integer(Buffer *out, int64_t value) noexcept nogil:
    cdef char[MOST_DIGITS] digits
    cdef uint64_t rest = <uint64_t>value
    cdef int count
    if value < 0:
        rest = 0 - rest
        if append_byte(out, c"-") < 0:
            return -1
    count = digits_before(digits + MOST_DIGITS, rest)
    return append(out, digits + MOST_DIGITS - count, <size_t>count)


cdef int write_double(Buffer *out, double value) noexcept nogil:
    if value != value:
        return write_word(out, '"NaN"')
    if value - value != 0:
        return write_word(out, '"Infinity"' if value > 0 else '"-Infinity"')
    if reserve(out, MOST_TEXT) < 0:
        return -1
    out.used += <size_t>put_finite(<char *>out.data + out.used, value)
    return 0


# Values ------------------------------------------------------------------------------------------

cdef void read_value(Span message, uint64_t tag, Value *value) noexcept nogil:
    """The AnyValue whose pieces are the fields of ``message`` with this tag."""
    cdef Span piece, before
    cdef Field field
    value.tag = 0
    value.others_tag = tag
    while find(&message, tag, &piece):
        while True:
            before = piece
            if not next_field(&piece, &field):
                break
            if field.tag == ARRAY or field.tag == KEY_VALUES:
                if field.tag != value.tag:
                    value.piece = before
                    value.others = message
            elif field.tag == STRING or field.tag == BYTES:
                value.content = field.content
            elif field.tag == BOOL or field.tag == INT or field.tag == DOUBLE:
                value.number = field.number
            elif field.tag != STRING_INDEX:
                continue
            value.tag = field.tag


cdef inline bint next_piece(Value *value, Span *content) noexcept nogil:
    """The next piece of the member that counts."""
    while not find(&value.piece, value.tag, content):
        if not find(&value.others, value.others_tag, &value.piece):
            return False
    return True


cdef int write_value(Buffer *out, Span message, uint64_t tag, int depth) noexcept nogil:
    cdef Value value
    cdef double number = 0
    read_value(message, tag, &value)
    if value.tag == STRING:
        return write_text(out, value.content)
    if value.tag == INT:
        return write_integer(out, <int64_t>value.number)
    if value.tag == BOOL:
        return write_word(out, "true" if value.number else "false")
    if value.tag == DOUBLE:
        memcpy(&number, &value.number, 8)
        return write_double(out, number)
    if value.tag == BYTES:
        return write_bytes(out, value.content)
    # A message that was checked is not nested deeper.
    if value.tag == ARRAY and depth < MOST_NESTING:
        return write_array(out, &value, depth)
    if value.tag == KEY_VALUES and depth < MOST_NESTING:
        return write_key_values(out, &value, depth)
    return write_word(out, "null")


cdef int write_array(Buffer *out, Value *value, int depth) noexcept nogil:
    cdef Span piece, item, rest
    cdef bint is_first = True
    if append_byte(out, c"[") < 0:
        return -1
    while next_piece(value, &piece):
        while True:
            item = piece
            if not find(&piece, ITEM, &rest):
                break
            item.end = piece.at
            if not is_first and write_word(out, ", ") < 0:
                return -1
            is_first = False
            if write_value(out, item, ITEM, depth + 1) < 0:
                return -1
    return append_byte(out, c"]")


cdef int write_key_values(Buffer *out, Value *value, int depth) noexcept nogil:
    cdef Pairs pairs
    cdef Span piece
    cdef int status = 0
    begin(&pairs)
    while status == 0 and next_piece(value, &piece):
        status = add_pairs(&pairs, piece, ITEM)
    if status == 0:
        status = write_object(out, &pairs, depth)
    end(&pairs)
    return status


# Objects -----------------------------------------------------------------------------------------

cdef inline void begin(Pairs *pairs) noexcept nogil:
    pairs.items = pairs.few
    pairs.count = 0
    pairs.room = FEW


cdef inline void end(Pairs *pairs) noexcept nogil:
    if pairs.items != pairs.few:
        free(pairs.items)


cdef int add_pairs(Pairs *pairs, Span message, uint64_t tag) noexcept nogil:
    """The KeyValues that are the fields of ``message`` with this tag."""
    cdef Span key_value
    cdef Pair *items
    while find(&message, tag, &key_value):
        if pairs.count == pairs.room:
            items = <Pair *>realloc(
                NULL if pairs.items == pairs.few else pairs.items, 2 * pairs.room * sizeof(Pair)
            )
            if items == NULL:
                return -1
            if pairs.items == pairs.few:
                memcpy(items, pairs.few, sizeof(pairs.few))
            pairs.items = items
            pairs.room *= 2
        pairs.items[pairs.count].key_value = key_value
        read_key(key_value, &pairs.items[pairs.count].key)
        pairs.count += 1
    return 0


cdef inline void read_key(Span key_value, Span *key) noexcept nogil:
    """The last one counts."""
    key.at = key.end = key_value.at
    while find(&key_value, KEY, key):
        pass


cdef inline int compare(const Pair *one, const Pair *other) noexcept nogil:
    """By code points, whose order is that of the bytes in UTF-8."""
    cdef size_t size = span_size(one.key)
    cdef size_t other_size = span_size(other.key)
    cdef size_t least = size if size < other_size else other_size
    cdef int order = memcmp(one.key.at, other.key.at, least) if least else 0
    if order == 0:
        order = (size > other_size) - (size < other_size)
    return order


cdef int sort(Pairs *pairs) noexcept nogil:
    """A merge sort: stable, fast where the keys are sorted already, and never quadratic."""
    cdef size_t width = 1, start, middle, stop
    cdef Pair[FEW] few
    cdef Pair *spare = NULL
    while width < pairs.count:
        start = 0
        while start + width < pairs.count:
            middle = start + width
            stop = middle + width if width < pairs.count - middle else pairs.count
            if compare(&pairs.items[middle - 1], &pairs.items[middle]) > 0:
                if spare == NULL:
                    spare = few
                    if pairs.count > FEW:
                        spare = <Pair *>malloc(pairs.count * sizeof(Pair))
                        if spare == NULL:
                            return -1
                merge(pairs.items, spare, start, middle, stop)
            start = stop
        width *= 2
    if spare != few:
        free(spare)
    return 0


cdef void merge(
    Pair *items, Pair *spare, size_t start, size_t middle, size_t stop
) noexcept nogil:
    cdef size_t left = 0, count = middle - start, right = middle, to = start
    memcpy(spare, items + start, count * sizeof(Pair))
    while left < count:
        if right < stop and compare(&spare[left], &items[right]) > 0:
            items[to] = items[right]
            right += 1
        else:
            items[to] = spare[left]
            left += 1
        to += 1


cdef int write_object(Buffer *out, Pairs *pairs, int depth) noexcept nogil:
    cdef size_t i
    cdef bint is_first = True
    if sort(pairs) < 0 or append_byte(out, c"{") < 0:
        return -1
    for i in range(pairs.count):
        # Of a key that stands twice the last one counts.
        if i + 1 < pairs.count and compare(&pairs.items[i], &pairs.items[i + 1]) == 0:
            continue
        if not is_first and write_word(out, ", ") < 0:
            return -1
        is_first = False
        if write_text(out, pairs.items[i].key) < 0 or write_word(out, ": ") < 0:
            return -1
        if write_value(out, pairs.items[i].key_value, VALUE, depth + 1) < 0:
            return -1
    return append_byte(out, c"}")


# For the decoder ---------------------------------------------------------------------------------

cdef int write_attributes(Buffer *out, Span message, uint64_t tag) noexcept nogil:
    """Append the object of the KeyValues that are the fields of ``message`` with this tag; -1 when
    there is no memory."""
    cdef Pairs pairs
    cdef int status
    begin(&pairs)
    status = add_pairs(&pairs, message, tag)
    if status == 0:
        status = write_object(out, &pairs, 0)
    end(&pairs)
    return status


cdef bint has_key(Span key_value, const char *key, size_t size) noexcept nogil:
    cdef Span found
    read_key(key_value, &found)
    return span_size(found) == size and memcmp(found.at, key, size) == 0


cdef bint find_text(Span key_value, Span *text) noexcept nogil:
    """Whether the value is a string, and which."""
    cdef Value value
    read_value(key_value, VALUE, &value)
    text[0] = value.content
    return value.tag == STRING
