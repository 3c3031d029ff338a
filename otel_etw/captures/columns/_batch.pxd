"""Batches, and how other compiled modules make them."""

from otel_etw.captures.columns._storage cimport Storage


cdef class Batch:
    cdef Storage *storage


cdef Batch new_batch(Storage *storage)
