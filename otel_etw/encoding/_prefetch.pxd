"""Asking for memory before it is needed: who reads a large export waits for memory more than for
instructions. Hints, without any effect on what is read.
"""

from cpython.object cimport PyObject

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define otel_etw_prefetch(at) __builtin_prefetch(at)
    #elif defined(_M_X64) || defined(_M_IX86)
    #include <xmmintrin.h>
    #define otel_etw_prefetch(at) _mm_prefetch((const char *)(at), _MM_HINT_T0)
    #else
    #define otel_etw_prefetch(at) ((void)(at))
    #endif

    /* An object, and what the interpreter keeps in front of it. */
    static inline void otel_etw_prefetch_object(PyObject *object) {
        otel_etw_prefetch((const char *)object - 32);
        otel_etw_prefetch(object);
    }

    static int otel_etw_visit(PyObject *object, void *unused) {
        (void)unused;
        otel_etw_prefetch(object);
        return 0;
    }

    /* Fields lie in a place of their own that only the object tells, so it is asked as the garbage
       collector asks. Not where another thread may be changing it. */
    static inline void otel_etw_prefetch_fields(PyObject *object) {
    #ifndef Py_GIL_DISABLED
        traverseproc traverse = Py_TYPE(object)->tp_traverse;
        if (traverse != NULL)
            (void)traverse(object, otel_etw_visit, NULL);
    #else
        (void)object;
    #endif
    }
    """
    void prefetch_object "otel_etw_prefetch_object"(PyObject *object) noexcept
    void prefetch_fields "otel_etw_prefetch_fields"(PyObject *object) noexcept
