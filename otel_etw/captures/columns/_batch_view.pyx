"""A look into a batch of points, whichever library made it, through the Arrow C data interface.

https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport strcmp

from otel_etw.captures.columns._arrow cimport ArrowArray, ArrowSchema

from otel_etw.captures.columns._batch import Batch
from otel_etw.captures.columns.schema import COLUMNS

__all__ = ["BatchView"]


cdef class BatchView:
    """Holds a batch as long as it is looked at.

    Takes any object with ``__arrow_c_array__`` whose first columns are those of ``schema.py``.
    TypeError for what has no such method, ValueError for other columns, and for a row that has no
    text of its dictionary where it must have one: consumers may look up texts without asking.
    """

    def __cinit__(self, batch):
        if not hasattr(batch, "__arrow_c_array__"):
            raise TypeError(f"expected a batch with __arrow_c_array__, got {type(batch).__name__}")
        self._schema_capsule, self._array_capsule = batch.__arrow_c_array__()
        self.schema = <ArrowSchema *> PyCapsule_GetPointer(self._schema_capsule, "arrow_schema")
        self.array = <ArrowArray *> PyCapsule_GetPointer(self._array_capsule, "arrow_array")
        self.length = self.array.length
        _require_columns(self.schema, _EXPECTED)
        if type(batch) not in _TRUSTED:
            for index, column in enumerate(COLUMNS):
                if column.type.is_dictionary:
                    self._require_texts(index, column.name, column.is_nullable)

    cdef int _require_texts(self, int index, str name, bint is_nullable) except -1:
        """Each row of a column of texts has one, or is null where it may be."""
        cdef Values values = self.column(index)
        cdef ArrowArray *texts = values.array.dictionary
        cdef const uint8_t *validity = validity_of(texts)
        cdef int64_t row
        cdef int32_t text = 0
        cdef bint is_right = True
        with nogil:
            for row in range(self.length):
                if is_null(&values, row):
                    is_right = is_nullable
                else:
                    text = entry(&values, row)
                    is_right = 0 <= text < texts.length and (
                        validity == NULL or bit(validity, texts.offset + text)
                    )
                if not is_right:
                    break
        if is_right:
            return 0
        if is_null(&values, row):
            raise ValueError(f"row {row} of column {name} is null, which it may not be")
        if not 0 <= text < texts.length:
            raise ValueError(
                f"row {row} of column {name}: a dictionary of {texts.length:,} texts has no entry "
                f"{text}"
            )
        raise ValueError(f"row {row} of column {name} has entry {text}, which is null")

    cdef Values column(self, int index) noexcept nogil:
        cdef Values values
        cdef ArrowArray *array = self.array.children[index]
        values.array = array
        values.validity = validity_of(array)
        values.data = array.buffers[1]
        values.offset = self.array.offset + array.offset
        return values


# Types whose batches are right as they were made here.
_TRUSTED = {Batch}


cdef int trust(type batches) except -1:
    """Batches of this very type are not checked row by row."""
    _TRUSTED.add(batches)
    return 0


cdef const uint8_t *validity_of(const ArrowArray *array) noexcept nogil:
    if array.null_count == 0 or array.n_buffers == 0:
        return NULL
    return <const uint8_t *> array.buffers[0]


cdef str text_at(const ArrowArray *texts, int64_t index):
    """The text at an index of an array of the type ``u``."""
    cdef const int32_t *offsets = <const int32_t *> texts.buffers[1] + texts.offset + index
    cdef const char *data = <const char *> texts.buffers[2]
    if offsets[0] == offsets[1]:
        return ""
    return PyUnicode_DecodeUTF8(data + offsets[0], offsets[1] - offsets[0], NULL)


def _expected(column):
    """A column of schema.py as bytes: (name, format, format of its dictionary, children)."""
    type_ = column.type
    own = b"i" if type_.is_dictionary else type_.format.encode()
    distinct = type_.format.encode() if type_.is_dictionary else None
    return column.name.encode(), own, distinct, tuple(map(_expected, type_.children))


_EXPECTED = tuple(map(_expected, COLUMNS))


cdef int _require_columns(ArrowSchema *schema, tuple expected) except -1:
    cdef ArrowSchema *child
    cdef bytes name, own
    cdef Py_ssize_t index = 0
    if strcmp(schema.format, b"+s") != 0:
        raise ValueError("a batch is a struct of columns, and this is something else")
    if schema.n_children < len(expected):
        raise ValueError(f"a batch has {len(expected)} columns, and this has {schema.n_children}")
    for name, own, distinct, children in expected:
        child = schema.children[index]
        index += 1
        if child.name == NULL or strcmp(child.name, name) != 0:
            found = "no name" if child.name == NULL else (<bytes> child.name).decode()
            raise ValueError(f"column {index} of a batch is {name.decode()}, and this has {found}")
        _require_type(child, name, own, distinct, children)
    return 0


cdef int _require_type(
    ArrowSchema *schema, bytes name, bytes own, object distinct, tuple children
) except -1:
    cdef bytes wanted
    cdef Py_ssize_t index = 0
    if strcmp(schema.format, own) != 0:
        raise ValueError(
            f"column {name.decode()} has Arrow's format {(<bytes> schema.format).decode()}, "
            f"not {own.decode()}"
        )
    if (distinct is not None) != (schema.dictionary != NULL):
        raise ValueError(f"column {name.decode()} must {'not ' * (not distinct)}be a dictionary")
    if distinct is not None:
        wanted = distinct
        if strcmp(schema.dictionary.format, wanted) != 0:
            raise ValueError(
                f"the dictionary of {name.decode()} has Arrow's format "
                f"{(<bytes> schema.dictionary.format).decode()}, not {wanted.decode()}"
            )
    if schema.n_children != len(children):
        raise ValueError(f"column {name.decode()} has {schema.n_children} members")
    for _, inner, inner_distinct, inner_children in children:
        _require_type(schema.children[index], name, inner, inner_distinct, inner_children)
        index += 1
    return 0
