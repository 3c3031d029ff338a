"""Points → rows of columns."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from otel_etw.captures.columns._growing cimport Buffer, append, append_byte, reserve
from otel_etw.captures.columns._interning cimport Entry
from otel_etw.captures.columns._json cimport write_attributes
from otel_etw.captures.columns._known cimport Known, Series, intern_form, is_next, series_of
from otel_etw.captures.columns._pieces cimport Pieces, add_piece, pieces_span
from otel_etw.captures.columns._point_fields cimport *
from otel_etw.captures.columns._protobuf cimport (
    Field,
    Span,
    copy_words,
    load64,
    next_field,
    read_length,
    read_varint,
    skip_value,
    span_size,
)
from otel_etw.captures.columns._storage cimport *

cdef enum:
    # What is measured of an exemplar beside its texts.
    EXEMPLAR_BYTES = 40

cdef enum PointTag:
    BUCKETS_OFFSET = 0x08
    BUCKETS_COUNT = 0x10
    BUCKETS_COUNTS = 0x12
    QUANTILE_QUANTILE = 0x09
    QUANTILE_VALUE_OF = 0x11
    EXEMPLAR_TIME_UNIX = 0x11
    EXEMPLAR_DOUBLE = 0x19
    EXEMPLAR_INT = 0x31
    EXEMPLAR_SPAN_ID = 0x22
    EXEMPLAR_TRACE_ID = 0x2A
    EXEMPLAR_ATTRIBUTE = 0x3A


cdef struct Rows:
    # Those of the batch that is being filled.
    Storage *storage
    size_t count
    size_t exemplars
    size_t bytes            # of lists and attributes


cdef inline uint32_t zigzag(uint64_t number) noexcept nogil:
    """A sint32."""
    cdef uint32_t half = <uint32_t>number
    return (half >> 1) ^ (0 - (half & 1))


cdef inline size_t item_count(const Vector *items) noexcept nogil:
    return items.data.used >> 3


cdef inline int append_optional(
    Vector *items, bint is_present, uint64_t number
) noexcept nogil:
    """-1 when there is no memory."""
    cdef size_t item = item_count(items)
    if item & 7 == 0 and append_byte(&items.validity, 0) < 0:
        return -1
    if is_present:
        mark(items, item)
    else:
        number = 0
    return append(&items.data, &number, 8)


cdef inline int append_hex(Vector *items, Span content) noexcept nogil:
    """-1 when there is no memory."""
    cdef const char *digits = "0123456789abcdef"
    cdef const uint8_t *at = content.at
    cdef uint8_t *to
    if reserve(&items.texts, 2 * span_size(content)) < 0:
        return -1
    to = items.texts.data + items.texts.used
    while at < content.end:
        to[0] = digits[at[0] >> 4]
        to[1] = digits[at[0] & 15]
        to += 2
        at += 1
    items.texts.used += 2 * span_size(content)
    return append_text_end(&items.data, &items.texts)


cdef inline int64_t index_of(Rows *rows, Known *known, int column, uint32_t text) noexcept nogil:
    """Where the text stands in the batch's dictionary of this column; -1 when there is no
    memory. The stamp tells one column of one batch."""
    cdef Entry *entry = &known.texts.entries[text]
    cdef Vector *vector = &rows.storage.vectors[column]
    if entry.stamp != known.stamp:
        if (
            append(&vector.texts, known.texts.bytes.data + entry.at, entry.size) < 0
            or append_text_end(&vector.ends, &vector.texts) < 0
        ):
            return -1
        entry.stamp = known.stamp
        entry.index = <uint32_t>(vector.ends.used // 4) - 2
        rows.bytes += entry.size
    return entry.index


# Lists -------------------------------------------------------------------------------------------

cdef inline int append_words(Rows *rows, int items, Span content) noexcept nogil:
    cdef Buffer *data = &rows.storage.vectors[items].data
    cdef size_t count = span_size(content) >> 3
    if reserve(data, count * 8) < 0:
        return -1
    # Of no items there may be no memory.
    if count:
        copy_words(data.data + data.used, content.at, count)
    data.used += count * 8
    rows.bytes += count * 8
    return 0


cdef inline int append_varints(Buffer *data, Span content) noexcept nogil:
    cdef const uint8_t *at = content.at
    cdef const uint8_t *start
    cdef uint64_t *to
    cdef uint64_t number
    cdef size_t count = 0
    while at < content.end:
        count += at[0] < 0x80
        at += 1
    if reserve(data, count * 8) < 0:
        return -1
    to = <uint64_t *>(data.data + data.used)
    at = content.at
    data.used += count * 8
    while count:
        start = at
        number = start[0]
        at += 1
        if number >= 0x80:
            # There is another byte: this number's last one was counted.
            number = (number & 0x7F) | <uint64_t>start[1] << 7
            at += 1
            if start[1] >= 0x80:
                at = read_varint(start, content.end, &number)
                if at == NULL:
                    # More than ten bytes.
                    data.used -= count * 8
                    return 0
        to[0] = number
        to += 1
        count -= 1
    return 0


cdef inline int append_buckets(Rows *rows, Span message, int items, int32_t *offset) noexcept nogil:
    cdef Buffer *data = &rows.storage.vectors[items].data
    cdef size_t before = data.used
    cdef Field field
    while next_field(&message, &field):
        if field.tag == BUCKETS_OFFSET:
            offset[0] = <int32_t>zigzag(field.number)
        elif field.tag == BUCKETS_COUNT:
            if append(data, &field.number, 8) < 0:
                return -1
        elif field.tag == BUCKETS_COUNTS:
            if append_varints(data, field.content) < 0:
                return -1
    rows.bytes += data.used - before
    return 0


cdef inline int append_quantile(Rows *rows, Span message) noexcept nogil:
    cdef Vector *vectors = rows.storage.vectors
    cdef Field field
    cdef uint64_t quantile = 0, value = 0
    while next_field(&message, &field):
        if field.tag == QUANTILE_QUANTILE:
            quantile = field.number
        elif field.tag == QUANTILE_VALUE_OF:
            value = field.number
    rows.bytes += 16
    if append(&vectors[QUANTILE].data, &quantile, 8) < 0:
        return -1
    return append(&vectors[QUANTILE_VALUE].data, &value, 8)


cdef inline int append_exemplar(Rows *rows, Known *known, Span message) noexcept nogil:
    cdef Vector *vectors = rows.storage.vectors
    cdef Field field
    cdef Pieces attributes
    cdef Span span_id, trace_id
    cdef uint64_t time = 0, value_tag = 0, number = 0
    cdef double value
    cdef Buffer *texts = &vectors[FILTERED_ATTRIBUTES].texts
    cdef size_t before = texts.used
    memset(&attributes, 0, sizeof(attributes))
    span_id.at = span_id.end = message.at
    trace_id = span_id
    while next_field(&message, &field):
        if field.tag == EXEMPLAR_TIME_UNIX:
            time = field.number
        elif field.tag == EXEMPLAR_DOUBLE or field.tag == EXEMPLAR_INT:
            value_tag = field.tag
            number = field.number
        elif field.tag == EXEMPLAR_SPAN_ID:
            span_id = field.content
        elif field.tag == EXEMPLAR_TRACE_ID:
            trace_id = field.content
        elif field.tag == EXEMPLAR_ATTRIBUTE:
            if add_piece(&attributes, &known.json, field.start, message.at) < 0:
                return -1
    if (
        write_attributes(texts, pieces_span(&attributes, &known.json), EXEMPLAR_ATTRIBUTE) < 0
        or append_text_end(&vectors[FILTERED_ATTRIBUTES].data, texts) < 0
        or append_hex(&vectors[TRACE_ID], trace_id) < 0
        or append_hex(&vectors[SPAN_ID], span_id) < 0
        or append_optional(&vectors[EXEMPLAR_INTEGER], value_tag == EXEMPLAR_INT, number) < 0
    ):
        return -1
    if value_tag == EXEMPLAR_INT:
        value = <double><int64_t>number
        memcpy(&number, &value, 8)
    if append_optional(&vectors[EXEMPLAR_VALUE], value_tag != 0, number) < 0:
        return -1
    rows.bytes += (
        EXEMPLAR_BYTES + texts.used - before + 2 * (span_size(trace_id) + span_size(span_id))
    )
    return append_optional(&vectors[EXEMPLAR_TIME], time != 0, time)


# Points ------------------------------------------------------------------------------------------

cdef inline void set_number(
    Rows *rows, int column, size_t row, const uint64_t *words, int word, uint32_t present
) noexcept nogil:
    """A number that the point has even where the file does not say it: 0 then."""
    cdef Vector *vector = &rows.storage.vectors[column]
    set_word(vector, row, words[word] if present >> word & 1 else 0)
    mark(vector, row)


cdef inline void end_items(Rows *rows, int column, int items, size_t row) noexcept nogil:
    end_list(&rows.storage.vectors[column], row, item_count(&rows.storage.vectors[items]))
    mark(&rows.storage.vectors[column], row)


cdef inline void end_distribution(
    Rows *rows, int kind, size_t row,
    uint32_t present,
    const uint64_t *words,
    int32_t scale,
    const int32_t *offsets,
) noexcept nogil:
    cdef Vector *columns = rows.storage.vectors
    set_number(rows, COUNT, row, words, WORD_COUNT, present)
    if kind == SUMMARY or present >> WORD_SUM & 1:
        set_number(rows, SUM, row, words, WORD_SUM, present)
    if present >> WORD_MIN & 1:
        set_number(rows, MIN, row, words, WORD_MIN, present)
    if present >> WORD_MAX & 1:
        set_number(rows, MAX, row, words, WORD_MAX, present)
    if kind == HISTOGRAM:
        end_items(rows, EXPLICIT_BOUNDS, BOUND_ITEMS, row)
        end_items(rows, BUCKET_COUNTS, BUCKET_ITEMS, row)
    elif kind == SUMMARY:
        end_items(rows, QUANTILES, QUANTILE, row)
    else:
        set_number(rows, ZERO_COUNT, row, words, WORD_ZERO_COUNT, present)
        set_number(rows, ZERO_THRESHOLD, row, words, WORD_ZERO_THRESHOLD, present)
        set_half(&columns[SCALE], row, <uint32_t>scale)
        mark(&columns[SCALE], row)
        set_half(&columns[POSITIVE_OFFSET], row, <uint32_t>offsets[0])
        mark(&columns[POSITIVE_OFFSET], row)
        set_half(&columns[NEGATIVE_OFFSET], row, <uint32_t>offsets[1])
        mark(&columns[NEGATIVE_OFFSET], row)
        end_items(rows, POSITIVE_COUNTS, POSITIVE_ITEMS, row)
        end_items(rows, NEGATIVE_COUNTS, NEGATIVE_ITEMS, row)


cdef inline int end_point(
    Rows *rows, Known *known, int kind, uint32_t number,
    uint32_t present,
    const uint64_t *words,
    uint32_t flags,
    int32_t scale,
    const int32_t *offsets,
) noexcept nogil:
    """Write the row, now that all of the point was read."""
    cdef Vector *columns = rows.storage.vectors
    cdef Series *series = &known.series[number]
    cdef size_t row = rows.count
    cdef int64_t index
    cdef double value
    cdef uint64_t bits = 0
    if series.stamp != known.stamp:
        index = index_of(rows, known, ATTRIBUTES, series.key.attributes)
        if index < 0:
            return -1
        series.index = <uint32_t>index
        series.stamp = known.stamp
    known.series[known.last_series].next = number
    known.last_series = number
    set_half(&columns[ATTRIBUTES], row, series.index)
    set_word(&columns[SERIES_ID], row, series.id)
    set_half(&columns[FLAGS], row, flags)
    if words[WORD_START]:
        set_word(&columns[START_TIME], row, words[WORD_START])
        mark(&columns[START_TIME], row)
    if words[WORD_TIME]:
        set_word(&columns[TIME], row, words[WORD_TIME])
        mark(&columns[TIME], row)
    if kind <= SUM_OF:
        if present >> WORD_INT & 1:
            value = <double><int64_t>words[WORD_INT]
            memcpy(&bits, &value, 8)
            set_word(&columns[VALUE], row, bits)
            mark(&columns[VALUE], row)
            set_word(&columns[VALUE_INT], row, words[WORD_INT])
            mark(&columns[VALUE_INT], row)
        elif present >> WORD_DOUBLE & 1:
            set_word(&columns[VALUE], row, words[WORD_DOUBLE])
            mark(&columns[VALUE], row)
    else:
        end_distribution(rows, kind, row, present, words, scale, offsets)
    if item_count(&columns[EXEMPLAR_TIME]) != rows.exemplars:
        rows.exemplars = item_count(&columns[EXEMPLAR_TIME])
        end_list(&columns[EXEMPLARS], row, rows.exemplars)
    rows.count = row + 1
    return 0


cdef inline int read_point(
    Rows *rows,
    Known *known,
    const PointFields *fields,
    int kind,
    uint32_t scope,
    uint32_t metric,
    Span point,
) noexcept nogil:
    """Add the row of a point; -1 when there is no memory, and half a row may be there then."""
    cdef const uint8_t *at = point.at
    cdef const uint8_t *end = point.end
    cdef const uint8_t *start
    cdef const uint8_t *actions = fields.actions[kind]
    cdef uint64_t[WORDS] words
    cdef uint32_t present = 0
    cdef uint64_t tag = 0, number = 0
    cdef uint32_t flags = 0, scale = 0
    cdef int32_t[2] offsets = [0, 0]
    cdef int action, items
    cdef Pieces attributes
    cdef bint is_predicted = False
    cdef int64_t series
    cdef Span content
    memset(&attributes, 0, sizeof(attributes))
    words[WORD_START] = words[WORD_TIME] = 0
    while at < end:
        start = at
        tag = at[0]
        at += 1
        if tag >= 0x80:
            at = read_varint(start, end, &tag)
            if at == NULL:
                break
        action = actions[tag] if tag < 0x80 else SKIP
        if action < WORDS:
            if end - at < 8:
                break
            words[action] = load64(at)
            at += 8
            present |= <uint32_t>1 << action
            if action == WORD_INT:
                present &= ~(<uint32_t>1 << WORD_DOUBLE)
            elif action == WORD_DOUBLE:
                present &= ~(<uint32_t>1 << WORD_INT)
            continue
        if action == READ_ATTRIBUTE:
            if attributes.start == NULL and is_next(
                known, scope, metric, start, <size_t>(end - start)
            ):
                number = known.series[known.series[known.last_series].next].form_size
                if number:
                    attributes.start = start
                    at = attributes.stop = start + number
                    is_predicted = True
                    continue
            at = read_length(at, end, &number)
            if at == NULL:
                break
            at += number
            is_predicted = False
            if add_piece(&attributes, &known.gathered, start, at) < 0:
                return -1
        elif action == READ_FLAGS:
            at = read_varint(at, end, &number)
            if at == NULL:
                break
            flags = <uint32_t>number
        elif action == READ_SCALE:
            at = read_varint(at, end, &number)
            if at == NULL:
                break
            scale = zigzag(number)
        elif action == READ_BOUND or action == READ_BUCKET:
            if end - at < 8:
                break
            content.at = at
            content.end = at = at + 8
            items = BOUND_ITEMS if action == READ_BOUND else BUCKET_ITEMS
            if append_words(rows, items, content) < 0:
                return -1
        elif action == SKIP:
            at = skip_value(at, end, tag)
            if at == NULL:
                break
        else:
            at = read_length(at, end, &number)
            if at == NULL:
                break
            content.at = at
            content.end = at = at + number
            if action == READ_BOUNDS:
                number = <uint64_t>append_words(rows, BOUND_ITEMS, content)
            elif action == READ_BUCKETS:
                number = <uint64_t>append_words(rows, BUCKET_ITEMS, content)
            elif action == READ_POSITIVE:
                number = <uint64_t>append_buckets(rows, content, POSITIVE_ITEMS, &offsets[0])
            elif action == READ_NEGATIVE:
                number = <uint64_t>append_buckets(rows, content, NEGATIVE_ITEMS, &offsets[1])
            elif action == READ_QUANTILE:
                number = <uint64_t>append_quantile(rows, content)
            else:
                number = <uint64_t>append_exemplar(rows, known, content)
            if number:
                return -1
    if is_predicted or (attributes.start == NULL and is_next(known, scope, metric, end, 0)):
        series = known.series[known.last_series].next
    else:
        content = pieces_span(&attributes, &known.gathered)
        series = intern_form(known, content, fields.attribute_tags[kind])
        if series >= 0:
            series = series_of(known, scope, metric, <uint32_t>series)
        if series < 0:
            return -1
    return end_point(
        rows, known, kind, <uint32_t>series, present, words, flags, <int32_t>scale, offsets
    )
