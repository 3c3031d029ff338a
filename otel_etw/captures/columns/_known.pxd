"""What is remembered between frames, so that what comes again need not be read again.

Texts are numbers of entries in one table of texts. Encoded attributes are looked up by their bytes:
the form of an attribute set. Its JSON is made the first time only. A series is a metric, a scope
and attributes; it remembers which one came after it the last time.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset, strlen

from otel_etw.captures.columns._growing cimport Buffer, release
from otel_etw.captures.columns._interning cimport (
    Entry,
    HashKey,
    Table,
    empty_table,
    entry_bytes,
    free_table,
    intern_bytes,
    table_size,
)
from otel_etw.captures.columns._json cimport write_attributes
from otel_etw.captures.columns._protobuf cimport Span, span_size, store64
from otel_etw.captures.columns._xxh64 cimport xxh64

cdef extern from "<stdint.h>" nogil:
    # Stands for null where a text may be null. No member of an enum, which is an int: Microsoft's
    # compiler would make it -1.
    const uint32_t NO_TEXT "UINT32_MAX"


cdef struct Scope:
    uint32_t name
    uint32_t version
    uint32_t attributes
    uint32_t schema_url
    uint32_t service
    uint32_t resource_attributes
    uint32_t resource_schema_url
    uint32_t dropped
    uint32_t resource_dropped


cdef struct Metric:
    uint32_t name
    uint32_t kind
    uint32_t unit
    uint32_t description
    uint32_t metadata
    uint32_t temporality
    int32_t monotonic       # -1: null
    int32_t kind_number


cdef struct SeriesKey:
    uint32_t scope
    uint32_t metric
    uint32_t attributes


cdef struct Series:
    uint64_t id
    uint64_t form_at        # the encoded attributes that were seen last
    uint32_t form_size
    SeriesKey key
    uint32_t next           # the series that came after it the last time
    uint32_t stamp          # the batch for which ``index`` holds
    uint32_t index          # of its attributes in the dictionary


cdef struct Known:
    HashKey key
    Table texts
    Table forms             # the value of an entry is the text of its JSON
    Table scopes
    Table metrics
    Table series_keys
    Series *series          # beside their keys
    size_t series_room
    uint32_t last_series
    uint32_t stamp          # tells one column of one batch from all others
    Buffer json
    Buffer gathered         # fields in pieces
    size_t form_bytes       # what was remembered beyond texts, since the counter was set back
    # The hashes of the texts that make a series' id, of this scope and metric.
    bint has_hashes
    uint32_t hashed_scope
    uint32_t hashed_metric
    uint64_t[12] hashes


cdef inline void forget(Known *known) noexcept nogil:
    empty_table(&known.texts)
    empty_table(&known.forms)
    empty_table(&known.scopes)
    empty_table(&known.metrics)
    empty_table(&known.series_keys)
    known.last_series = known.stamp = 0
    known.has_hashes = False


cdef inline void free_known(Known *known) noexcept nogil:
    free_table(&known.texts)
    free_table(&known.forms)
    free_table(&known.scopes)
    free_table(&known.metrics)
    free_table(&known.series_keys)
    free(known.series)
    release(&known.json)
    release(&known.gathered)


cdef inline size_t known_size(const Known *known) noexcept nogil:
    """Bytes in use, about."""
    return (
        table_size(&known.texts) + table_size(&known.forms) + table_size(&known.scopes)
        + table_size(&known.metrics) + table_size(&known.series_keys)
        + known.series_keys.count * sizeof(Series)
    )


# Texts -------------------------------------------------------------------------------------------

cdef inline int64_t intern_text(Known *known, Span content) noexcept nogil:
    """The number of this text; -1 when there is no memory."""
    cdef bint is_new = False
    return intern_bytes(&known.texts, content.at, span_size(content), &known.key, &is_new)


cdef inline int64_t intern_word(Known *known, const char *word) noexcept nogil:
    cdef Span content
    content.at = <const uint8_t *>word
    content.end = content.at + strlen(word)
    return intern_text(known, content)


cdef inline int64_t intern_form(Known *known, Span encoded, uint64_t tag) noexcept nogil:
    """The number of these encoded attributes, fields with this tag; the value of its entry is
    the text of their JSON. -1 when there is no memory."""
    cdef bint is_new = False
    cdef int64_t form, text
    cdef Span json
    form = intern_bytes(&known.forms, encoded.at, span_size(encoded), &known.key, &is_new)
    if form >= 0 and is_new:
        known.json.used = 0
        if write_attributes(&known.json, encoded, tag) < 0:
            return -1
        json.at = known.json.data
        json.end = json.at + known.json.used
        text = intern_text(known, json)
        if text < 0:
            return -1
        known.forms.entries[form].value = <uint32_t>text
        # What is remembered beyond the text counts as the batch's too: so it has a bound.
        if span_size(encoded) > known.json.used:
            known.form_bytes += span_size(encoded) - known.json.used
    return form


cdef inline size_t scope_texts_size(const Known *known, uint32_t number) noexcept nogil:
    cdef const Scope *scope = <const Scope *>entry_bytes(&known.scopes, number)
    cdef uint32_t[7] texts
    cdef size_t size = 0
    cdef int i
    memcpy(texts, scope, sizeof(texts))
    for i in range(7):
        if texts[i] != NO_TEXT:
            size += known.texts.entries[texts[i]].size
    return size


cdef inline size_t metric_texts_size(const Known *known, uint32_t number) noexcept nogil:
    cdef uint32_t[5] texts
    cdef size_t size = 0
    cdef int i
    memcpy(texts, entry_bytes(&known.metrics, number), sizeof(texts))
    for i in range(5):
        size += known.texts.entries[texts[i]].size
    return size


# Series ------------------------------------------------------------------------------------------

cdef inline uint64_t text_hash(const Known *known, uint32_t text) noexcept nogil:
    if text == NO_TEXT:
        return xxh64(NULL, 0)
    return xxh64(entry_bytes(&known.texts, text), known.texts.entries[text].size)


cdef inline void hash_texts_around(
    Known *known, uint32_t scope_number, uint32_t metric_number
) noexcept nogil:
    cdef const Scope *scope = <const Scope *>entry_bytes(&known.scopes, scope_number)
    cdef const Metric *metric = <const Metric *>entry_bytes(&known.metrics, metric_number)
    cdef const char *monotonic = ""
    if metric.monotonic >= 0:
        monotonic = "true" if metric.monotonic else "false"
    known.hashes[0] = text_hash(known, metric.name)
    known.hashes[1] = text_hash(known, metric.kind)
    known.hashes[2] = text_hash(known, metric.unit)
    known.hashes[3] = text_hash(known, metric.temporality)
    known.hashes[4] = xxh64(<const uint8_t *>monotonic, strlen(monotonic))
    known.hashes[6] = text_hash(known, scope.name)
    known.hashes[7] = text_hash(known, scope.version)
    known.hashes[8] = text_hash(known, scope.attributes)
    known.hashes[9] = text_hash(known, scope.schema_url)
    known.hashes[10] = text_hash(known, scope.resource_attributes)
    known.hashes[11] = text_hash(known, scope.resource_schema_url)
    known.has_hashes = True
    known.hashed_scope = scope_number
    known.hashed_metric = metric_number


cdef inline uint64_t series_id(
    Known *known, uint32_t scope_number, uint32_t metric_number, uint32_t attributes
) noexcept nogil:
    """As ``series_id`` of ``reference.py``."""
    cdef uint8_t[12 * 8] bytes
    cdef int i
    if not (
        known.has_hashes
        and known.hashed_scope == scope_number
        and known.hashed_metric == metric_number
    ):
        hash_texts_around(known, scope_number, metric_number)
    known.hashes[5] = text_hash(known, attributes)
    for i in range(12):
        store64(bytes + 8 * i, known.hashes[i])
    return xxh64(bytes, sizeof(bytes))


cdef inline int64_t series_of(
    Known *known, uint32_t scope_number, uint32_t metric_number, uint32_t form
) noexcept nogil:
    """The number of the series of this metric that has these attributes; -1 when there is no
    memory."""
    cdef SeriesKey key
    cdef Series *series
    cdef Entry *entry = &known.forms.entries[form]
    cdef bint is_new = False
    cdef int64_t number
    key.scope = scope_number
    key.metric = metric_number
    key.attributes = entry.value
    number = intern_bytes(
        &known.series_keys, <const uint8_t *>&key, sizeof(key), &known.key, &is_new
    )
    if number < 0:
        return -1
    if is_new:
        if known.series_keys.count > known.series_room:
            series = <Series *>realloc(
                known.series, (2 * known.series_room + 1024) * sizeof(Series)
            )
            if series == NULL:
                return -1
            known.series = series
            known.series_room = 2 * known.series_room + 1024
        series = &known.series[number]
        memset(series, 0, sizeof(Series))
        series.key = key
        series.next = <uint32_t>number
        series.id = series_id(known, scope_number, metric_number, key.attributes)
    series = &known.series[number]
    series.form_at = entry.at
    series.form_size = entry.size
    return number


cdef inline bint is_next(
    Known *known, uint32_t scope_number, uint32_t metric_number, const uint8_t *at, size_t size
) noexcept nogil:
    """Whether here stand the attributes of the series that came after the last one before."""
    cdef const Series *series
    if known.series_keys.count == 0:
        return False
    series = &known.series[known.series[known.last_series].next]
    return (
        series.key.metric == metric_number
        and series.key.scope == scope_number
        and series.form_size <= size
        and (
            series.form_size == 0
            or memcmp(at, known.forms.bytes.data + series.form_at, series.form_size) == 0
        )
    )
