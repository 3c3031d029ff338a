from libc.stdint cimport uint8_t

cdef int check_request_c(const uint8_t *data, size_t size, bint *holds_metrics) noexcept nogil
cdef str reason_text(int fault)
