"""Exact str, int and float as C values: False, or NULL, for others. No exception stays set."""

from cpython.exc cimport PyErr_Clear, PyErr_Occurred
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(PyObject *text) noexcept
    void *PyUnicode_DATA(PyObject *text) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *text) noexcept
    # Declared here, for failures are looked for here.
    const char *PyUnicode_AsUTF8AndSize(PyObject *text, Py_ssize_t *size)
    double PyLong_AsDouble(object number)
    long long PyLong_AsLongLongAndOverflow(PyObject *number, int *overflow)


cdef inline const char *as_utf8(PyObject *text, Py_ssize_t *length) noexcept:
    """NULL for lone surrogates. ``text`` is an exact str, and owns the bytes."""
    cdef const char *data
    if PyUnicode_IS_COMPACT_ASCII(text):
        length[0] = PyUnicode_GET_LENGTH(text)
        return <const char *>PyUnicode_DATA(text)
    data = PyUnicode_AsUTF8AndSize(text, length)
    if data == NULL:
        PyErr_Clear()
    return data


cdef inline bint as_uint64(PyObject *given, uint64_t *number) noexcept:
    """False for what is no exact int from 0 to 2**63 - 1."""
    cdef int overflow = 0
    cdef long long value
    if not PyLong_CheckExact(<object>given):
        return False
    value = PyLong_AsLongLongAndOverflow(given, &overflow)
    number[0] = <uint64_t>value
    return overflow == 0 and value >= 0


cdef inline bint as_int64(PyObject *given, int64_t *number) noexcept:
    """False for an int of more than 64 bits. ``given`` is an exact int."""
    cdef int overflow = 0
    number[0] = PyLong_AsLongLongAndOverflow(given, &overflow)
    return overflow == 0


cdef inline bint as_double(PyObject *given, double *number) noexcept:
    """False for what is no exact float or int, or too large an int."""
    if PyFloat_CheckExact(<object>given):
        number[0] = PyFloat_AS_DOUBLE(<object>given)
        return True
    if not PyLong_CheckExact(<object>given):
        return False
    number[0] = PyLong_AsDouble(<object>given)
    if number[0] == -1.0 and PyErr_Occurred() != NULL:
        PyErr_Clear()
        return False
    return True
