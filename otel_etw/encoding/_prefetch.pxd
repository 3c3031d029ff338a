"""Prefetching: reading a large export waits for memory more than for instructions. These are hints
to the processor, without any effect on what is read.
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

    static inline int otel_etw_has_type(PyObject *object, PyObject *type) {
        return Py_TYPE(object) == (PyTypeObject *)type;
    }

    static int otel_etw_visit(PyObject *object, void *unused) {
        (void)unused;
        otel_etw_prefetch(object);
        return 0;
    }

    /* The fields of an object of a class that is written in Python. Where they lie only the object
       knows, so it is asked as the garbage collector asks. Not for other classes: their tp_traverse
       may end the process (that of ``type``, asked of ``int``) or do anything. Not where another
       thread may be changing the object. */
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
    bint has_type "otel_etw_has_type"(PyObject *object, PyObject *type) noexcept
    void prefetch_object "otel_etw_prefetch_object"(PyObject *object) noexcept
    void prefetch_fields "otel_etw_prefetch_fields"(PyObject *object) noexcept
