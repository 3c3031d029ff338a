"""Chosen rows of a batch as a batch of their own: see _gather.pyx."""

from libc.stdint cimport int64_t

from otel_etw.captures.columns._arrow cimport ArrowArray, ArrowSchema
from otel_etw.captures.columns._batch_view cimport BatchView


cdef class GatheredRows:
    cdef ArrowSchema _schema
    cdef ArrowArray _array


cdef GatheredRows gather(BatchView view, const int64_t *rows, int64_t count)
