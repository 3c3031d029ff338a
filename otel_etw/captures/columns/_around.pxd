"""Reading what is around points: the resource, the scope and the metric of a frame."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from otel_etw.captures.columns._interning cimport intern_bytes
from otel_etw.captures.columns._json cimport find_text, has_key
from otel_etw.captures.columns._known cimport (
    NO_TEXT,
    Known,
    Metric,
    Scope,
    intern_form,
    intern_text,
    intern_word,
)
from otel_etw.captures.columns._pieces cimport Pieces, add_piece, pieces_span
from otel_etw.captures.columns._point_fields cimport (
    EXPONENTIAL,
    HISTOGRAM,
    SUM_OF,
    kind_of,
    kind_word,
)
from otel_etw.captures.columns._protobuf cimport Field, Span, next_field

cdef enum ContextTag:
    RESOURCE_METRICS_RESOURCE = 0x0A
    RESOURCE_ATTRIBUTE = 0x0A
    RESOURCE_DROPPED_COUNT = 0x10
    SCOPE_METRICS_SCOPE = 0x0A
    NAME = 0x0A
    VERSION = 0x12
    SCOPE_ATTRIBUTE = 0x1A
    SCOPE_DROPPED_COUNT = 0x20
    SCHEMA_URL = 0x1A
    DESCRIPTION = 0x12
    UNIT = 0x1A
    METADATA = 0x62
    AGGREGATION_TEMPORALITY = 0x10
    MONOTONIC = 0x18


cdef inline int64_t intern_attributes(
    Known *known, const Pieces *pieces, uint64_t tag
) noexcept nogil:
    """The text of their JSON; -1 when there is no memory."""
    cdef int64_t form = intern_form(known, pieces_span(pieces, &known.gathered), tag)
    return known.forms.entries[form].value if form >= 0 else -1


cdef inline int read_resource(Known *known, Span message, Scope *scope) noexcept nogil:
    """Of a ResourceMetrics, what its scopes share; -1 when there is no memory."""
    cdef Span resource, service
    cdef Field field
    cdef Pieces attributes
    cdef Span schema_url
    cdef bint has_service = False
    cdef int64_t attributes_text, url_text, service_text = NO_TEXT
    memset(scope, 0, sizeof(Scope))
    memset(&attributes, 0, sizeof(attributes))
    schema_url.at = schema_url.end = message.at
    service = schema_url
    while next_field(&message, &field):
        if field.tag == SCHEMA_URL:
            schema_url = field.content
        elif field.tag == RESOURCE_METRICS_RESOURCE:
            resource = field.content
            while next_field(&resource, &field):
                if field.tag == RESOURCE_DROPPED_COUNT:
                    scope.resource_dropped = <uint32_t>field.number
                elif field.tag == RESOURCE_ATTRIBUTE:
                    if add_piece(&attributes, &known.gathered, field.start, resource.at) < 0:
                        return -1
                    if has_key(field.content, "service.name", 12):
                        has_service = find_text(field.content, &service)
    attributes_text = intern_attributes(known, &attributes, RESOURCE_ATTRIBUTE)
    url_text = intern_text(known, schema_url)
    if has_service:
        service_text = intern_text(known, service)
    if attributes_text < 0 or url_text < 0 or service_text < 0:
        return -1
    scope.resource_attributes = <uint32_t>attributes_text
    scope.resource_schema_url = <uint32_t>url_text
    scope.service = <uint32_t>service_text
    return 0


cdef inline int64_t read_scope(Known *known, Span message, const Scope *resource) noexcept nogil:
    """The number of the scope of a ScopeMetrics; -1 when there is no memory."""
    cdef Span piece, name, version, schema_url
    cdef Field field
    cdef Pieces attributes
    cdef Scope scope = resource[0]
    cdef int64_t attributes_text, name_text, version_text, url_text
    cdef bint is_new = False
    memset(&attributes, 0, sizeof(attributes))
    name.at = name.end = message.at
    version = schema_url = name
    while next_field(&message, &field):
        if field.tag == SCHEMA_URL:
            schema_url = field.content
        elif field.tag == SCOPE_METRICS_SCOPE:
            piece = field.content
            while next_field(&piece, &field):
                if field.tag == NAME:
                    name = field.content
                elif field.tag == VERSION:
                    version = field.content
                elif field.tag == SCOPE_DROPPED_COUNT:
                    scope.dropped = <uint32_t>field.number
                elif field.tag == SCOPE_ATTRIBUTE:
                    if add_piece(&attributes, &known.gathered, field.start, piece.at) < 0:
                        return -1
    attributes_text = intern_attributes(known, &attributes, SCOPE_ATTRIBUTE)
    name_text = intern_text(known, name)
    version_text = intern_text(known, version)
    url_text = intern_text(known, schema_url)
    if attributes_text < 0 or name_text < 0 or version_text < 0 or url_text < 0:
        return -1
    scope.attributes = <uint32_t>attributes_text
    scope.name = <uint32_t>name_text
    scope.version = <uint32_t>version_text
    scope.schema_url = <uint32_t>url_text
    return intern_bytes(
        &known.scopes, <const uint8_t *>&scope, sizeof(scope), &known.key, &is_new
    )


cdef inline int64_t intern_temporality(
    Known *known, Span message, uint64_t data_tag, int kind, Metric *metric
) noexcept nogil:
    """The temporality's text, and whether a sum is monotonic."""
    cdef Span data
    cdef Field field
    cdef uint32_t temporality = 0
    while next_field(&message, &field):
        if field.tag == data_tag:
            data = field.content
            while next_field(&data, &field):
                if field.tag == AGGREGATION_TEMPORALITY:
                    temporality = <uint32_t>field.number
                elif field.tag == MONOTONIC and kind == SUM_OF:
                    metric.monotonic = field.number != 0
        elif kind_of(field.tag) >= 0:
            # Another kind stood there: what was read is no part of this one.
            temporality = 0
            if kind == SUM_OF:
                metric.monotonic = 0
    if temporality == 1:
        return intern_word(known, "delta")
    if temporality == 2:
        return intern_word(known, "cumulative")
    return NO_TEXT


cdef inline int64_t read_metric(
    Known *known, Span message, uint64_t data_tag, int kind
) noexcept nogil:
    """The number of a metric whose data are of this kind; -1 when there is no memory."""
    cdef Span whole = message
    cdef Span name, unit, description
    cdef Field field
    cdef Pieces metadata
    cdef Metric metric
    cdef int64_t name_text, unit_text, description_text, metadata_text, kind_text
    cdef int64_t temporality_text = NO_TEXT
    cdef bint is_new = False
    memset(&metadata, 0, sizeof(metadata))
    memset(&metric, 0, sizeof(metric))
    name.at = name.end = message.at
    unit = description = name
    while next_field(&message, &field):
        if field.tag == NAME:
            name = field.content
        elif field.tag == DESCRIPTION:
            description = field.content
        elif field.tag == UNIT:
            unit = field.content
        elif field.tag == METADATA:
            if add_piece(&metadata, &known.gathered, field.start, message.at) < 0:
                return -1
    metadata_text = intern_attributes(known, &metadata, METADATA)
    name_text = intern_text(known, name)
    unit_text = intern_text(known, unit)
    description_text = intern_text(known, description)
    kind_text = intern_word(known, kind_word(kind))
    metric.kind_number = kind
    metric.monotonic = 0 if kind == SUM_OF else -1
    if kind == SUM_OF or kind == HISTOGRAM or kind == EXPONENTIAL:
        temporality_text = intern_temporality(known, whole, data_tag, kind, &metric)
    if (
        metadata_text < 0 or name_text < 0 or unit_text < 0 or description_text < 0
        or kind_text < 0 or temporality_text < 0
    ):
        return -1
    metric.name = <uint32_t>name_text
    metric.kind = <uint32_t>kind_text
    metric.unit = <uint32_t>unit_text
    metric.description = <uint32_t>description_text
    metric.metadata = <uint32_t>metadata_text
    metric.temporality = <uint32_t>temporality_text
    return intern_bytes(
        &known.metrics, <const uint8_t *>&metric, sizeof(metric), &known.key, &is_new
    )
