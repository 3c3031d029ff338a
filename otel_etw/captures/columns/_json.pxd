"""Attributes as JSON: what ``attributes_json`` of ``reference.py`` defines."""

from libc.stdint cimport uint64_t

from otel_etw.captures.columns._growing cimport Buffer
from otel_etw.captures.columns._protobuf cimport Span

cdef int write_attributes(Buffer *out, Span message, uint64_t tag) noexcept nogil
cdef bint has_key(Span key_value, const char *key, size_t size) noexcept nogil
cdef bint find_text(Span key_value, Span *text) noexcept nogil
