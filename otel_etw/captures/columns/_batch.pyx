"""A finished batch of rows, handed over by the Arrow C data interface without copying.

https://arrow.apache.org/docs/format/CDataInterface.html and
https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

cimport cython
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from otel_etw.captures.columns._arrow cimport ARROW_FLAG_NULLABLE, ArrowArray, ArrowSchema
from otel_etw.captures.columns._growing cimport Buffer
from otel_etw.captures.columns._storage cimport (
    COLUMN_COUNT,
    VECTOR_COUNT,
    WIDTHS,
    Storage,
    Vector,
    hold,
    let_go,
)

from otel_etw.captures.columns.schema import COLUMNS, Column, Type

cdef enum:
    MOST_BUFFERS = 3

# Stands for memory that a column never needed: of no items, or the one offset of no texts.
cdef uint64_t[1] NOTHING = [0]

# Bytes of an item by its format; 0: bits.
_WIDTHS = {"b": 0, "S": 2, "i": 4, "I": 4, "l": 8, "L": 8, "g": 8, "tsn:UTC": 8, "+l": 4}


# What is exported ------------------------------------------------------------------------------

cdef struct Held:
    # What an array holds until it is released.
    Storage *storage
    const void *buffers[MOST_BUFFERS]


cdef void release_array(ArrowArray *array) noexcept nogil:
    cdef Held *held = <Held *>array.private_data
    cdef int64_t i
    for i in range(array.n_children):
        # A consumer may have moved a child, or released it already.
        if array.children[i] != NULL:
            if array.children[i].release != NULL:
                array.children[i].release(array.children[i])
            free(array.children[i])
    free(array.children)
    if array.dictionary != NULL:
        if array.dictionary.release != NULL:
            array.dictionary.release(array.dictionary)
        free(array.dictionary)
    let_go(held.storage)
    free(held)
    array.release = NULL


cdef int begin_array(
    ArrowArray *array, Storage *storage, int64_t length, int64_t null_count, int buffers
) except -1:
    """An array without children, which may be released from here on."""
    cdef Held *held = <Held *>calloc(1, sizeof(Held))
    if held == NULL:
        raise MemoryError("no memory for an Arrow array")
    hold(storage)
    held.storage = storage
    memset(array, 0, sizeof(ArrowArray))
    array.length = length
    array.null_count = null_count
    array.n_buffers = buffers
    array.buffers = held.buffers
    array.private_data = held
    array.release = release_array
    return 0


cdef int add_children(ArrowArray *array, int64_t count) except -1:
    """Empty children, which have no release yet."""
    array.children = <ArrowArray **>calloc(<size_t>count, sizeof(ArrowArray *))
    if array.children == NULL:
        raise MemoryError(f"no memory for {count} Arrow arrays")
    array.n_children = count
    for i in range(count):
        array.children[i] = <ArrowArray *>calloc(1, sizeof(ArrowArray))
        if array.children[i] == NULL:
            raise MemoryError("no memory for an Arrow array")
    return 0


cdef inline const void *memory_of(const Buffer *buffer) noexcept nogil:
    return buffer.data if buffer.data != NULL else <const void *>NOTHING


cdef inline int64_t text_count(const Buffer *ends) noexcept nogil:
    return <int64_t>(ends.used // 4) - 1 if ends.used else 0


cdef int fill_array(
    ArrowArray *array, Storage *storage, object column, int64_t length, object numbers, object inner
) except -1:
    """The array of the next vector of ``numbers``; what is in lists comes from ``inner``."""
    cdef Vector *vector
    cdef object kind = column.type
    cdef bint is_text = kind.format == "u" and not kind.is_dictionary
    cdef int64_t i
    if kind.format == "+s":
        begin_array(array, storage, length, 0, 1)
        add_children(array, len(kind.children))
        for i in range(array.n_children):
            fill_array(array.children[i], storage, kind.children[i], length, numbers, inner)
        return 0
    vector = &storage.vectors[<int>next(numbers)]
    begin_array(array, storage, length, 0, 3 if is_text else 2)
    if column.is_nullable:
        array.null_count = length - vector.present
        if array.null_count:
            array.buffers[0] = memory_of(&vector.validity)
    array.buffers[1] = memory_of(&vector.data)
    if is_text:
        array.buffers[2] = memory_of(&vector.texts)
    elif kind.is_dictionary:
        array.dictionary = <ArrowArray *>calloc(1, sizeof(ArrowArray))
        if array.dictionary == NULL:
            raise MemoryError("no memory for an Arrow array")
        begin_array(array.dictionary, storage, text_count(&vector.ends), 0, 3)
        array.dictionary.buffers[1] = memory_of(&vector.ends)
        array.dictionary.buffers[2] = memory_of(&vector.texts)
    elif kind.format == "+l":
        add_children(array, 1)
        length = (<int32_t *>vector.data.data)[length]
        fill_array(array.children[0], storage, kind.children[0], length, inner, inner)
    return 0


cdef void free_array(object capsule) noexcept:
    cdef ArrowArray *array = <ArrowArray *>PyCapsule_GetPointer(capsule, "arrow_array")
    if array.release != NULL:
        array.release(array)
    free(array)


# Its type ----------------------------------------------------------------------------------------

cdef void release_schema(ArrowSchema *schema) noexcept nogil:
    cdef int64_t i
    for i in range(schema.n_children):
        if schema.children[i] != NULL:
            if schema.children[i].release != NULL:
                schema.children[i].release(schema.children[i])
            free(schema.children[i])
    free(schema.children)
    if schema.dictionary != NULL:
        if schema.dictionary.release != NULL:
            schema.dictionary.release(schema.dictionary)
        free(schema.dictionary)
    free(schema.private_data)
    schema.release = NULL


cdef int fill_schema(ArrowSchema *schema, object column) except -1:
    cdef object kind = column.type
    cdef bytes format = ("i" if kind.is_dictionary else kind.format).encode() + b"\0"
    cdef bytes texts = format + column.name.encode()
    cdef size_t size = <size_t>len(texts) + 1
    cdef int64_t i
    memset(schema, 0, sizeof(ArrowSchema))
    schema.private_data = malloc(size)
    if schema.private_data == NULL:
        raise MemoryError(f"no memory for {size} bytes of an Arrow schema")
    memcpy(schema.private_data, <const char *>texts, size)
    schema.format = <const char *>schema.private_data
    schema.name = schema.format + len(format)
    schema.flags = ARROW_FLAG_NULLABLE if column.is_nullable else 0
    schema.release = release_schema
    if kind.is_dictionary:
        schema.dictionary = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
        if schema.dictionary == NULL:
            raise MemoryError("no memory for an Arrow schema")
        fill_schema(schema.dictionary, Column("", Type(kind.format), ""))
    elif kind.children:
        schema.children = <ArrowSchema **>calloc(<size_t>len(kind.children), sizeof(ArrowSchema *))
        if schema.children == NULL:
            raise MemoryError("no memory for an Arrow schema")
        schema.n_children = len(kind.children)
        for i in range(schema.n_children):
            schema.children[i] = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
            if schema.children[i] == NULL:
                raise MemoryError("no memory for an Arrow schema")
            fill_schema(schema.children[i], kind.children[i])
    return 0


cdef void free_schema(object capsule) noexcept:
    cdef ArrowSchema *schema = <ArrowSchema *>PyCapsule_GetPointer(capsule, "arrow_schema")
    if schema.release != NULL:
        schema.release(schema)
    free(schema)


# The layout --------------------------------------------------------------------------------------

def _widths(columns):
    """Bytes of an item of each column."""
    return [4 if each.type.is_dictionary else _WIDTHS[each.type.format] for each in columns]


def _leaves(kind):
    """How many vectors what is in a list takes."""
    if kind.format in ("+l", "+s"):
        return sum([_leaves(child.type) for child in kind.children])
    return 1


if _widths(COLUMNS) != [WIDTHS[number] for number in range(COLUMN_COUNT)]:
    raise ImportError("the columns of schema.py are not those of _storage.pxd")
if sum([_leaves(each.type) for each in COLUMNS if each.type.format == "+l"]) != (
    VECTOR_COUNT - COLUMN_COUNT
):
    raise ImportError("the lists of schema.py are not those of _storage.pxd")

_ROW = Column("", Type("+s", children=COLUMNS), "one point")


# The batch ---------------------------------------------------------------------------------------

@cython.final
cdef class Batch:
    """Rows, one a point, as one Arrow struct array with the columns of `COLUMNS`.

    It may be exported several times; all exports share its memory, which lives as long as any of
    them. It never changes, so any number of threads may use it.
    """

    def __cinit__(self):
        self.storage = NULL

    def __init__(self):
        raise TypeError("a Decoder makes batches")

    def __dealloc__(self):
        if self.storage != NULL:
            let_go(self.storage)

    def __len__(self):
        return self.storage.rows if self.storage != NULL else 0

    def __arrow_c_schema__(self):
        """The type as a capsule of the Arrow C data interface."""
        cdef ArrowSchema *schema = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
        if schema == NULL:
            raise MemoryError("no memory for an Arrow schema")
        capsule = PyCapsule_New(schema, "arrow_schema", free_schema)
        fill_schema(schema, _ROW)
        return capsule

    def __arrow_c_array__(self, requested_schema=None):
        """Type and data as capsules of the Arrow C data interface.

        ``requested_schema`` is not looked at, as the interface allows.
        """
        cdef ArrowArray *array
        if self.storage == NULL:
            raise ValueError("this batch was not made by a Decoder")
        array = <ArrowArray *>calloc(1, sizeof(ArrowArray))
        if array == NULL:
            raise MemoryError("no memory for an Arrow array")
        capsule = PyCapsule_New(array, "arrow_array", free_array)
        numbers, inner = iter(range(COLUMN_COUNT)), iter(range(COLUMN_COUNT, VECTOR_COUNT))
        fill_array(array, self.storage, _ROW, <int64_t>self.storage.rows, numbers, inner)
        return self.__arrow_c_schema__(), capsule


cdef Batch new_batch(Storage *storage):
    """A batch that takes over this reference."""
    cdef Batch batch = Batch.__new__(Batch)
    batch.storage = storage
    return batch
