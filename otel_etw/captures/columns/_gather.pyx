"""Copies chosen rows of a batch into a batch of their own, which keeps nothing of the first.

Dictionaries keep only the entries that the rows use, in the order of their first use.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset, strchr, strcmp, strlen, strncmp

from otel_etw.captures.columns._arrow cimport ArrowArray, ArrowSchema
from otel_etw.captures.columns._batch_view cimport BatchView, bit, trust, validity_of

__all__ = ["GatheredRows"]


cdef class GatheredRows:
    """Rows as Arrow's libraries take them. Unchanging, so threads may share it."""

    def __len__(self):
        return self._array.length

    def __arrow_c_schema__(self):
        """The columns' types, as a capsule of the Arrow PyCapsule interface."""
        cdef ArrowSchema *copy = <ArrowSchema *> calloc(1, sizeof(ArrowSchema))
        if copy == NULL:
            raise MemoryError
        try:
            _copy_schema(&self._schema, copy)
            return PyCapsule_New(copy, "arrow_schema", _end_schema_capsule)
        except BaseException:
            _release_if_held_schema(copy)
            free(copy)
            raise

    def __arrow_c_array__(self, requested_schema=None):
        """Schema and rows as two capsules, without copying. ``requested_schema`` is a wish that
        the interface allows to be left aside, and it is."""
        cdef ArrowArray *shared
        schema = self.__arrow_c_schema__()
        shared = <ArrowArray *> calloc(1, sizeof(ArrowArray))
        if shared == NULL:
            raise MemoryError
        try:
            _share(&self._array, shared, self)
            capsule = PyCapsule_New(shared, "arrow_array", _end_array_capsule)
        except BaseException:
            _release_if_held(shared)
            free(shared)
            raise
        # From here on the capsule frees it, also when there is no memory for the tuple.
        return schema, capsule

    def __dealloc__(self):
        _release_if_held(&self._array)
        _release_if_held_schema(&self._schema)


# What is gathered was checked when its batch was.
trust(GatheredRows)


cdef GatheredRows gather(BatchView view, const int64_t *rows, int64_t count):
    """The rows with these indices, which are distinct, in their order. ValueError where a column
    behind those of schema.py has a type that is not copied here.
    """
    cdef GatheredRows gathered = GatheredRows.__new__(GatheredRows)
    cdef int64_t column
    for column in range(view.schema.n_children):
        _require_type(view.schema.children[column], view.schema.children[column].name)
    _copy_schema(view.schema, &gathered._schema)
    with nogil:
        _gather(view.schema, view.array, rows, count, &gathered._array)
    return gathered


# Rows --------------------------------------------------------------------------------------------


cdef void *_allocate(size_t size) except NULL nogil:
    cdef void *memory = malloc(size if size else 1)
    if memory == NULL:
        with gil:
            raise MemoryError
    return memory


cdef void *_allocate_zeroed(size_t size) except NULL nogil:
    cdef void *memory = calloc(size if size else 1, 1)
    if memory == NULL:
        with gil:
            raise MemoryError
    return memory


cdef int _begin(
    ArrowArray *target, int64_t length, int64_t buffers, int64_t children
) except -1 nogil:
    """An array whose parts are not there yet, and which can be released at any time."""
    target.length = length
    target.release = _release_own
    target.buffers = <const void **> _allocate_zeroed(buffers * sizeof(void *))
    target.n_buffers = buffers
    if children:
        target.children = <ArrowArray **> _allocate_zeroed(children * sizeof(ArrowArray *))
        target.n_children = children
    return 0


cdef int _gather(
    const ArrowSchema *schema,
    const ArrowArray *source,
    const int64_t *rows,
    int64_t count,
    ArrowArray *target,
) except -1 nogil:
    cdef const char *format = schema.format
    if schema.dictionary != NULL:
        _begin(target, count, 2, 0)
        _gather_validity(source, rows, count, target)
        _gather_dictionary(schema, source, rows, count, target)
    elif strcmp(format, b"+s") == 0:
        _begin(target, count, 1, schema.n_children)
        _gather_validity(source, rows, count, target)
        _gather_members(schema, source, rows, count, target)
    elif strcmp(format, b"+l") == 0:
        _begin(target, count, 2, 1)
        _gather_validity(source, rows, count, target)
        _gather_lists(schema, source, rows, count, target)
    elif strcmp(format, b"u") == 0:
        _begin(target, count, 3, 0)
        _gather_validity(source, rows, count, target)
        _gather_texts(source, rows, count, target)
    else:
        _begin(target, count, 2, 0)
        _gather_validity(source, rows, count, target)
        if strcmp(format, b"b") == 0:
            target.buffers[1] = _gather_bits(
                <const uint8_t *> source.buffers[1], source.offset, rows, count
            )
        else:
            _gather_numbers(_width(format), source, rows, count, target)
    return 0


cdef size_t _width(const char *format) noexcept nogil:
    """The bytes of a value of a type of fixed width; 0 of any other type."""
    if strlen(format) == 1:
        if strchr(b"lLg", format[0]) != NULL:
            return 8
        if strchr(b"iI", format[0]) != NULL:
            return 4
        return 2 if format[0] == c"S" else 0
    if strlen(format) != 3:
        # A timestamp, with its time zone behind the colon.
        if strncmp(format, b"ts", 2) == 0 and _is_unit(format[2]) and format[3] == c":":
            return 8
        return 0
    if (
        strcmp(format, b"tdD") == 0
        or strcmp(format, b"tts") == 0
        or strcmp(format, b"ttm") == 0
        or strcmp(format, b"tiM") == 0
    ):
        return 4
    if (
        strcmp(format, b"tdm") == 0
        or strcmp(format, b"ttu") == 0
        or strcmp(format, b"ttn") == 0
        or strcmp(format, b"tiD") == 0
        or (strncmp(format, b"tD", 2) == 0 and _is_unit(format[2]))
    ):
        return 8
    return 0


cdef bint _is_unit(char unit) noexcept nogil:
    """Seconds, milliseconds, microseconds or nanoseconds."""
    return unit == c"s" or unit == c"m" or unit == c"u" or unit == c"n"


cdef int _require_type(const ArrowSchema *schema, const char *column) except -1:
    """ValueError where a column, or what it is made of, has a type that is not copied here."""
    cdef const char *format = schema.format
    cdef int64_t child
    if schema.dictionary != NULL:
        if strcmp(format, b"i") != 0:
            raise ValueError(
                f"the indices of column {_name(column)} have Arrow's format "
                f"{(<bytes> format).decode()}; i is allowed"
            )
        return _require_type(schema.dictionary, column)
    if strcmp(format, b"+s") == 0 or strcmp(format, b"+l") == 0:
        for child in range(schema.n_children):
            _require_type(schema.children[child], column)
        return 0
    if strcmp(format, b"u") != 0 and strcmp(format, b"b") != 0 and not _width(format):
        raise ValueError(
            f"column {_name(column)} has Arrow's format {(<bytes> format).decode()}, "
            "of which no rows can be chosen"
        )
    return 0


cdef str _name(const char *column):
    return "without a name" if column == NULL else (<bytes> column).decode("utf-8", "replace")


cdef uint8_t *_gather_bits(
    const uint8_t *bits, int64_t offset, const int64_t *rows, int64_t count
) except NULL nogil:
    cdef uint8_t *found = <uint8_t *> _allocate_zeroed((count + 7) >> 3)
    cdef int64_t i
    for i in range(count):
        if bit(bits, offset + rows[i]):
            found[i >> 3] |= <uint8_t> (1 << (i & 7))
    return found


cdef int _gather_validity(
    const ArrowArray *source, const int64_t *rows, int64_t count, ArrowArray *target
) except -1 nogil:
    cdef const uint8_t *validity = validity_of(source)
    cdef const uint8_t *found
    cdef int64_t i, nulls = 0
    if validity == NULL:
        return 0
    found = _gather_bits(validity, source.offset, rows, count)
    target.buffers[0] = found
    for i in range(count):
        nulls += not bit(found, i)
    target.null_count = nulls
    return 0


cdef int _gather_numbers(
    size_t width, const ArrowArray *source, const int64_t *rows, int64_t count, ArrowArray *target
) except -1 nogil:
    cdef char *to = <char *> _allocate(count * width)
    cdef const char *data = <const char *> source.buffers[1] + source.offset * <int64_t> width
    cdef int64_t i
    target.buffers[1] = to
    # Three loops, so that the compiler knows the size of each copy.
    if width == 8:
        for i in range(count):
            memcpy(to + 8 * i, data + 8 * rows[i], 8)
    elif width == 4:
        for i in range(count):
            memcpy(to + 4 * i, data + 4 * rows[i], 4)
    else:
        for i in range(count):
            memcpy(to + 2 * i, data + 2 * rows[i], 2)
    return 0


cdef int _gather_texts(
    const ArrowArray *source, const int64_t *rows, int64_t count, ArrowArray *target
) except -1 nogil:
    cdef const int32_t *offsets = <const int32_t *> source.buffers[1] + source.offset
    cdef const char *data = <const char *> source.buffers[2]
    cdef int32_t *ends = <int32_t *> _allocate((count + 1) * sizeof(int32_t))
    cdef char *to
    cdef int32_t size, end = 0
    cdef int64_t i
    target.buffers[1] = ends
    ends[0] = 0
    for i in range(count):
        end += offsets[rows[i] + 1] - offsets[rows[i]]
        ends[i + 1] = end
    to = <char *> _allocate(end)
    target.buffers[2] = to
    for i in range(count):
        size = ends[i + 1] - ends[i]
        if size:
            memcpy(to + ends[i], data + offsets[rows[i]], size)
    return 0


cdef int _gather_dictionary(
    const ArrowSchema *schema,
    const ArrowArray *source,
    const int64_t *rows,
    int64_t count,
    ArrowArray *target,
) except -1 nogil:
    cdef const int32_t *entries = <const int32_t *> source.buffers[1] + source.offset
    cdef const uint8_t *validity = <const uint8_t *> target.buffers[0]
    cdef int64_t distinct = source.dictionary.length
    cdef int32_t *to = <int32_t *> _allocate_zeroed(count * sizeof(int32_t))
    cdef int32_t *places = NULL
    cdef int64_t *used = NULL
    cdef int32_t found = 0, entry
    cdef int64_t i
    target.buffers[1] = to
    target.dictionary = <ArrowArray *> _allocate_zeroed(sizeof(ArrowArray))
    try:
        places = <int32_t *> _allocate(distinct * sizeof(int32_t))
        memset(places, 0xFF, distinct * sizeof(int32_t))
        used = <int64_t *> _allocate(min(distinct, count) * sizeof(int64_t))
        for i in range(count):
            if validity != NULL and not bit(validity, i):
                continue
            entry = entries[rows[i]]
            if not 0 <= entry < distinct:
                with gil:
                    raise ValueError(
                        f"row {rows[i]} of column {_name(schema.name)} has entry {entry} of a "
                        f"dictionary of {distinct:,}"
                    )
            if places[entry] < 0:
                places[entry] = found
                used[found] = entry
                found += 1
            to[i] = places[entry]
        _gather(schema.dictionary, source.dictionary, used, found, target.dictionary)
    finally:
        free(places)
        free(used)
    return 0


cdef int _gather_lists(
    const ArrowSchema *schema,
    const ArrowArray *source,
    const int64_t *rows,
    int64_t count,
    ArrowArray *target,
) except -1 nogil:
    cdef const int32_t *offsets = <const int32_t *> source.buffers[1] + source.offset
    cdef const uint8_t *validity = <const uint8_t *> target.buffers[0]
    cdef int32_t *ends = <int32_t *> _allocate((count + 1) * sizeof(int32_t))
    cdef int64_t *items = NULL
    cdef int32_t end = 0, item
    cdef int64_t i, filled = 0
    target.buffers[1] = ends
    ends[0] = 0
    for i in range(count):
        # What a null stands for may have items all the same.
        if validity == NULL or bit(validity, i):
            end += offsets[rows[i] + 1] - offsets[rows[i]]
        ends[i + 1] = end
    target.children[0] = <ArrowArray *> _allocate_zeroed(sizeof(ArrowArray))
    try:
        items = <int64_t *> _allocate(end * sizeof(int64_t))
        for i in range(count):
            for item in range(ends[i + 1] - ends[i]):
                items[filled] = offsets[rows[i]] + item
                filled += 1
        _gather(schema.children[0], source.children[0], items, end, target.children[0])
    finally:
        free(items)
    return 0


cdef int _gather_members(
    const ArrowSchema *schema,
    const ArrowArray *source,
    const int64_t *rows,
    int64_t count,
    ArrowArray *target,
) except -1 nogil:
    cdef int64_t *moved = NULL
    cdef const int64_t *places = rows
    cdef int64_t i, child
    try:
        if source.offset:
            # The offset of a struct holds for its members as well.
            moved = <int64_t *> _allocate(count * sizeof(int64_t))
            for i in range(count):
                moved[i] = rows[i] + source.offset
            places = moved
        for child in range(schema.n_children):
            target.children[child] = <ArrowArray *> _allocate_zeroed(sizeof(ArrowArray))
            _gather(
                schema.children[child],
                source.children[child],
                places,
                count,
                target.children[child],
            )
    finally:
        free(moved)
    return 0


# Ownership ---------------------------------------------------------------------------------------


cdef void _release_if_held(ArrowArray *array) noexcept nogil:
    if array.release != NULL:
        array.release(array)


cdef void _release_if_held_schema(ArrowSchema *schema) noexcept nogil:
    if schema.release != NULL:
        schema.release(schema)


cdef void _release_inner(ArrowArray *array) noexcept nogil:
    """What stands below an array; a consumer may have moved some of it away."""
    cdef int64_t i
    for i in range(array.n_children):
        if array.children[i] != NULL:
            _release_if_held(array.children[i])
            free(array.children[i])
    free(array.children)
    if array.dictionary != NULL:
        _release_if_held(array.dictionary)
        free(array.dictionary)


cdef void _release_own(ArrowArray *array) noexcept nogil:
    """Of an array that `_begin` made: its buffers too."""
    cdef int64_t i
    _release_inner(array)
    for i in range(array.n_buffers):
        free(<void *> array.buffers[i])
    free(<void *> array.buffers)
    array.release = NULL


cdef void _release_shared(ArrowArray *array) noexcept with gil:
    """Of an array that `_share` made: the buffers belong to the rows, which it keeps."""
    cdef PyObject *owner = <PyObject *> array.private_data
    _release_inner(array)
    array.release = NULL
    Py_DECREF(<object> owner)


cdef int _share(ArrowArray *own, ArrowArray *shared, object owner) except -1:
    """The same array for a consumer, which may keep each part of it as long as it likes."""
    cdef int64_t i
    shared[0] = own[0]
    shared.children = NULL
    shared.n_children = 0
    shared.dictionary = NULL
    shared.private_data = <void *> owner
    Py_INCREF(owner)
    shared.release = _release_shared
    if own.n_children:
        shared.children = <ArrowArray **> _allocate_zeroed(own.n_children * sizeof(ArrowArray *))
        shared.n_children = own.n_children
        for i in range(own.n_children):
            shared.children[i] = <ArrowArray *> _allocate_zeroed(sizeof(ArrowArray))
            _share(own.children[i], shared.children[i], owner)
    if own.dictionary != NULL:
        shared.dictionary = <ArrowArray *> _allocate_zeroed(sizeof(ArrowArray))
        _share(own.dictionary, shared.dictionary, owner)
    return 0


cdef char *_copy_text(const char *text) except NULL:
    cdef size_t size = strlen(text) + 1
    cdef char *copy = <char *> _allocate(size)
    memcpy(copy, text, size)
    return copy


cdef int _copy_schema(const ArrowSchema *source, ArrowSchema *copy) except -1:
    """A schema with its names and types; metadata, of which ours has none, are left out."""
    cdef int64_t i
    copy.release = _release_schema
    copy.flags = source.flags
    copy.format = _copy_text(source.format)
    if source.name != NULL:
        copy.name = _copy_text(source.name)
    if source.n_children:
        copy.children = <ArrowSchema **> _allocate_zeroed(
            source.n_children * sizeof(ArrowSchema *)
        )
        copy.n_children = source.n_children
        for i in range(source.n_children):
            copy.children[i] = <ArrowSchema *> _allocate_zeroed(sizeof(ArrowSchema))
            _copy_schema(source.children[i], copy.children[i])
    if source.dictionary != NULL:
        copy.dictionary = <ArrowSchema *> _allocate_zeroed(sizeof(ArrowSchema))
        _copy_schema(source.dictionary, copy.dictionary)
    return 0


cdef void _release_schema(ArrowSchema *schema) noexcept nogil:
    cdef int64_t i
    for i in range(schema.n_children):
        if schema.children[i] != NULL:
            _release_if_held_schema(schema.children[i])
            free(schema.children[i])
    free(schema.children)
    if schema.dictionary != NULL:
        _release_if_held_schema(schema.dictionary)
        free(schema.dictionary)
    free(<void *> schema.format)
    free(<void *> schema.name)
    schema.release = NULL


cdef void _end_array_capsule(object capsule) noexcept:
    cdef ArrowArray *array = <ArrowArray *> PyCapsule_GetPointer(capsule, "arrow_array")
    _release_if_held(array)
    free(array)


cdef void _end_schema_capsule(object capsule) noexcept:
    cdef ArrowSchema *schema = <ArrowSchema *> PyCapsule_GetPointer(capsule, "arrow_schema")
    _release_if_held_schema(schema)
    free(schema)
