"""Batches → JSON Lines and CSV: the compiled twin of ``text.py``, equal byte for byte.

A row is a list of cells, each of one or two columns. Texts of dictionaries are escaped when a row
has them first, and then copied.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport NAN, isnan
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcmp, memcpy, memset

from otel_etw.captures.columns._arrow cimport ArrowArray
from otel_etw.captures.columns._batch_view cimport BatchView, Values, bit, is_null, validity_of
from otel_etw.captures.columns._quantiles cimport Histogram, Side, Total, estimated, total_of
from otel_etw.captures.columns._text_buffer cimport (
    Text,
    free_text,
    put,
    put_again,
    put_double,
    put_signed,
    put_time,
    put_unsigned,
    put_words,
)

from otel_etw.captures.columns.schema import COLUMNS
from otel_etw.captures.texts import QUANTILES, csv_text, escaped_json, json_text

__all__ = ["csv_rows", "json_rows"]

# How a cell is printed; the rest is told by the formats of Arrow (https://arrow.apache.org/docs/
# format/CDataInterface.html#data-type-description-format-strings).
cdef enum CellKind:
    TEXT
    JSON
    TRUTH
    UINT16
    UINT32
    UINT64
    INT32
    DOUBLE
    VALUE
    TIME
    UINTS
    DOUBLES
    QUANTILE_LIST
    EXEMPLARS
    EXEMPLAR_COUNT
    ESTIMATE
    ESTIMATES

cdef enum:
    # A piece is given away when it has so many bytes.
    PIECE = 1 << 20
    CELLS = 64

# (what stands before it, column, kind, what behind it, what instead of both where it is null)
JSON_CELLS = (
    (b'{"file": ', "File", TEXT, b"", b""),
    (b', "offset": ', "Offset", UINT64, b"", b""),
    (b', "event_time": ', "EventTime", TIME, b"", b""),
    (b', "pid": ', "ProcessId", UINT32, b"", b""),
    (b', "tid": ', "ThreadId", UINT32, b"", b""),
    (b', "processor": ', "Processor", UINT16, b"", b""),
    (b', "metric": ', "MetricName", TEXT, b"", b""),
    (b', "kind": ', "MetricKind", TEXT, b"", b""),
    (b', "unit": ', "MetricUnit", TEXT, b"", b""),
    (b', "description": ', "MetricDescription", TEXT, b"", b""),
    (b', "metadata": ', "MetricMetadata", JSON, b"", b""),
    (b', "temporality": ', "AggregationTemporality", TEXT, b"", b""),
    (b', "monotonic": ', "IsMonotonic", TRUTH, b"", b""),
    (b', "attributes": ', "Attributes", JSON, b"", b""),
    (b', "scope": {"name": ', "ScopeName", TEXT, b"", b""),
    (b', "version": ', "ScopeVersion", TEXT, b"", b""),
    (b', "attributes": ', "ScopeAttributes", JSON, b"", b""),
    (b', "schema_url": ', "ScopeSchemaUrl", TEXT, b"", b""),
    (b', "dropped_attributes_count": ', "ScopeDroppedAttrCount", UINT32, b"}", b""),
    (b', "resource": {"attributes": ', "ResourceAttributes", JSON, b"", b""),
    (b', "schema_url": ', "ResourceSchemaUrl", TEXT, b"", b""),
    (b', "dropped_attributes_count": ', "ResourceDroppedAttrCount", UINT32, b"}", b""),
    (b', "start": ', "StartTimeUnix", TIME, b"", b', "start": null'),
    (b', "time": ', "TimeUnix", TIME, b"", b', "time": null'),
    (b', "flags": ', "Flags", UINT32, b"", b""),
    (b', "value": ', "Value", VALUE, b"", b""),
    (b', "count": ', "Count", UINT64, b"", b""),
    (b', "sum": ', "Sum", DOUBLE, b"", b""),
    (b', "min": ', "Min", DOUBLE, b"", b""),
    (b', "max": ', "Max", DOUBLE, b"", b""),
    (b', "bounds": [', "ExplicitBounds", DOUBLES, b"]", b""),
    (b', "bucket_counts": [', "BucketCounts", UINTS, b"]", b""),
    (b', "scale": ', "Scale", INT32, b"", b""),
    (b', "zero_count": ', "ZeroCount", UINT64, b"", b""),
    (b', "zero_threshold": ', "ZeroThreshold", DOUBLE, b"", b""),
    (b', "positive": {"offset": ', "PositiveOffset", INT32, b"", b""),
    (b', "counts": [', "PositiveBucketCounts", UINTS, b"]}", b""),
    (b', "negative": {"offset": ', "NegativeOffset", INT32, b"", b""),
    (b', "counts": [', "NegativeBucketCounts", UINTS, b"]}", b""),
    (b', "quantiles": [', "ValueAtQuantiles", QUANTILE_LIST, b"]", b""),
    (b', "exemplars": [', "Exemplars", EXEMPLARS, b"]", b""),
    (b', "estimates": {', "Count", ESTIMATES, b"}", b""),
)

CSV_CELLS = tuple(
    (b"," if number else b"", column, kind, b"", b"," if number else b"")
    for number, (column, kind) in enumerate(
        (
            ("File", TEXT),
            ("Offset", UINT64),
            ("MetricName", TEXT),
            ("MetricKind", TEXT),
            ("MetricUnit", TEXT),
            ("MetricDescription", TEXT),
            ("AggregationTemporality", TEXT),
            ("IsMonotonic", TRUTH),
            ("Attributes", JSON),
            ("Value", VALUE),
            ("Count", UINT64),
            ("Sum", DOUBLE),
            ("Min", DOUBLE),
            ("Max", DOUBLE),
            ("Count", ESTIMATE),
            ("Count", ESTIMATE),
            ("Count", ESTIMATE),
            ("StartTimeUnix", TIME),
            ("TimeUnix", TIME),
            ("Flags", UINT32),
            ("Exemplars", EXEMPLAR_COUNT),
            ("ScopeName", TEXT),
            ("ScopeVersion", TEXT),
            ("ResourceAttributes", JSON),
            ("EventTime", TIME),
            ("ProcessId", UINT32),
            ("ThreadId", UINT32),
            ("Processor", UINT16),
        )
    )
)

_INDEX = {column.name: index for index, column in enumerate(COLUMNS)}
_NULLABLE = {column.name for column in COLUMNS if column.is_nullable}

cdef bytes _QUOTE = b'"'


def json_rows(batch, *, bytes before=b"", bytes after=b"\n", bint ascii_only=False):
    """Each row as a JSON object with ``before`` before it and ``after`` behind it.

    ``ascii_only``: other characters stand as ``\\uXXXX``.
    """
    return _Rows(batch, JSON_CELLS, before, b"}" + after, True, ascii_only)


def csv_rows(batch, *, bint ascii_only=False):
    """Each row as a line of CSV with the columns `CSV_COLUMNS`.

    ``ascii_only``: other characters in cells of JSON stand as ``\\uXXXX``.
    """
    return _Rows(batch, CSV_CELLS, b"", b"\n", False, ascii_only)


cdef struct Words:
    const char *data
    size_t size


cdef struct Escaped:
    # An entry of a dictionary as it is printed, in the arena.
    size_t start
    size_t size
    bint is_known


cdef struct Cell:
    CellKind kind
    bint is_nullable
    bint is_dictionary
    int which  # of an estimate
    Values values
    Values integers  # of VALUE: where it is an integer
    Words before
    Words behind
    Words instead
    Escaped *entries
    int64_t entry_count


cdef struct Distribution:
    # The columns that quantiles are estimated from.
    Values count
    Values least
    Values most
    Values bounds
    Values counts
    Values scale
    Values zero_count
    Values positive_offset
    Values positive
    Values negative_offset
    Values negative


cdef Words words_of(bytes data) noexcept:
    cdef Words words
    words.data = PyBytes_AS_STRING(data)
    words.size = PyBytes_GET_SIZE(data)
    return words


cdef Values values_of(ArrowArray *array, int64_t offset) noexcept nogil:
    """A member of a list or a struct whose items begin at ``offset``."""
    cdef Values values
    values.array = array
    values.validity = validity_of(array)
    values.data = array.buffers[1] if array.n_buffers > 1 else NULL
    values.offset = offset + array.offset
    return values


cdef inline uint64_t uint64_at(const Values *values, int64_t row) noexcept nogil:
    cdef uint64_t number = 0
    memcpy(&number, <const char *> values.data + (values.offset + row) * 8, 8)
    return number


cdef inline double double_at(const Values *values, int64_t row) noexcept nogil:
    cdef double number = 0
    memcpy(&number, <const char *> values.data + (values.offset + row) * 8, 8)
    return number


cdef inline uint32_t uint32_at(const Values *values, int64_t row) noexcept nogil:
    cdef uint32_t number = 0
    memcpy(&number, <const char *> values.data + (values.offset + row) * 4, 4)
    return number


cdef inline uint16_t uint16_at(const Values *values, int64_t row) noexcept nogil:
    cdef uint16_t number = 0
    memcpy(&number, <const char *> values.data + (values.offset + row) * 2, 2)
    return number


cdef inline int32_t start_of(const Values *values, int64_t row) noexcept nogil:
    """Where the list of a row, or a text, begins; that of the next row is its end."""
    return <int32_t> uint32_at(values, row)


cdef inline int64_t length_of(const Values *values, int64_t row) noexcept nogil:
    return <int64_t> start_of(values, row + 1) - start_of(values, row)


cdef inline const char *items_of(const Values *values, int64_t row) noexcept nogil:
    """The items of a list of 8-byte values."""
    cdef Values items = values_of(values.array.children[0], 0)
    return <const char *> items.data + (items.offset + start_of(values, row)) * 8


cdef inline bint is_plain(const char *data, size_t size) noexcept nogil:
    """Whether all is printable ASCII."""
    cdef size_t index
    cdef uint8_t odd = 0
    for index in range(size):
        odd |= <uint8_t> (<uint8_t> data[index] - 0x20) > 0x5e
    return not odd


cdef inline bint are_equal(const Values *values, int64_t row, int width) noexcept nogil:
    """Whether the values of a row and of the one before it are, bit for bit."""
    cdef const char *at = <const char *> values.data + (values.offset + row) * width
    if width == 8:
        return memcmp(at, at - 8, 8) == 0
    return memcmp(at, at - 4, 4) == 0 if width == 4 else memcmp(at, at - 2, 2) == 0


cdef bint is_as_before(
    const Cell *cell, const Distribution *distribution, int64_t row
) noexcept nogil:
    """Whether a cell of a row, not the first one, is known to be that of the row before it."""
    cdef const Values *values = &cell.values
    cdef CellKind kind = cell.kind
    cdef int64_t length
    cdef bint has_none
    if kind == ESTIMATE or kind == ESTIMATES:
        return not (has_buckets(distribution, row) or has_buckets(distribution, row - 1))
    if kind == VALUE:
        has_none = is_null(&cell.integers, row)
        if has_none != is_null(&cell.integers, row - 1):
            return False
        if not has_none:
            return are_equal(&cell.integers, row, 8)
    has_none = is_null(values, row)
    if has_none != is_null(values, row - 1):
        return False
    if has_none:
        return True
    if kind == TEXT or kind == JSON or kind == UINT32 or kind == INT32:
        return are_equal(values, row, 4)
    if kind == UINT64 or kind == DOUBLE or kind == TIME or kind == VALUE:
        return are_equal(values, row, 8)
    if kind == UINT16:
        return are_equal(values, row, 2)
    if kind == TRUTH:
        return bit(<const uint8_t *> values.data, values.offset + row) == bit(
            <const uint8_t *> values.data, values.offset + row - 1
        )
    length = length_of(values, row)
    if length != length_of(values, row - 1):
        return False
    if length == 0 or kind == EXEMPLAR_COUNT:
        return True
    if kind == DOUBLES or kind == UINTS:
        return memcmp(items_of(values, row), items_of(values, row - 1), length * 8) == 0
    return False


cdef inline bint has_buckets(const Distribution *columns, int64_t row) noexcept nogil:
    return not (is_null(&columns.counts, row) and is_null(&columns.positive, row))


@cython.final
@cython.internal
cdef class _Rows:
    """An iterator over pieces of text, each of whole rows."""

    cdef BatchView view
    cdef tuple texts  # what cells point into
    cdef bytes before
    cdef bytes after
    cdef bint is_json
    cdef bint ascii_only
    cdef const char *quote  # before and behind what is no number and no text
    cdef Cell cells[CELLS]
    cdef int cell_count
    cdef Distribution distribution
    cdef double quantiles[3]
    cdef double estimates[3]
    cdef bint has_estimates  # of the current row
    # Where in ``out`` the cells of the latest row begin, and where each of them ends.
    cdef size_t row_start
    cdef size_t cell_ends[CELLS]
    cdef Text names[3]
    cdef Text arena
    cdef Text out
    cdef int64_t row

    def __cinit__(self, batch, tuple cells, bytes before, bytes after, bint is_json,
                  bint ascii_only):
        memset(self.cells, 0, sizeof(self.cells))
        memset(&self.arena, 0, sizeof(Text))
        memset(&self.out, 0, sizeof(Text))
        self.view = BatchView(batch)
        self.texts = cells
        self.before = before
        self.after = after
        self.is_json = is_json
        self.ascii_only = ascii_only
        self.quote = b'"' if is_json else b""
        for which, q in enumerate(QUANTILES.values()):
            self.quantiles[which] = q
        self.describe_distribution()
        for before_it, name, kind, behind, instead in cells:
            self.add_cell(before_it, name, kind, behind, instead)

    def __dealloc__(self):
        cdef int index
        for index in range(self.cell_count):
            free(self.cells[index].entries)
        free_text(&self.arena)
        free_text(&self.out)

    def __iter__(self):
        return self

    @cython.critical_section
    def __next__(self):
        if self.row >= self.view.length:
            raise StopIteration
        self.out.size = 0
        while self.row < self.view.length and self.out.size < PIECE:
            self.put_row(self.row, self.out.size == 0)
            self.row += 1
        return PyBytes_FromStringAndSize(self.out.data, self.out.size)

    cdef Values column(self, str name):
        return self.view.column(_INDEX[name])

    cdef int describe_distribution(self) except -1:
        self.distribution.count = self.column("Count")
        self.distribution.least = self.column("Min")
        self.distribution.most = self.column("Max")
        self.distribution.bounds = self.column("ExplicitBounds")
        self.distribution.counts = self.column("BucketCounts")
        self.distribution.scale = self.column("Scale")
        self.distribution.zero_count = self.column("ZeroCount")
        self.distribution.positive_offset = self.column("PositiveOffset")
        self.distribution.positive = self.column("PositiveBucketCounts")
        self.distribution.negative_offset = self.column("NegativeOffset")
        self.distribution.negative = self.column("NegativeBucketCounts")
        return 0

    cdef int add_cell(
        self, bytes before, str name, CellKind kind, bytes behind, bytes instead
    ) except -1:
        cdef Cell *cell = &self.cells[self.cell_count]
        if self.cell_count == CELLS:
            raise ValueError(f"more than {<int> CELLS} cells a row")
        cell.kind = kind
        cell.values = self.column(name)
        cell.is_nullable = name in _NULLABLE
        cell.before = words_of(before)
        cell.behind = words_of(behind)
        cell.instead = words_of(instead)
        if kind == VALUE:
            cell.integers = self.column("ValueInt")
        elif kind == ESTIMATE and self.cell_count and (cell - 1).kind == ESTIMATE:
            cell.which = (cell - 1).which + 1
        elif kind == TEXT or kind == JSON:
            cell.entry_count = cell.values.array.dictionary.length
            cell.entries = <Escaped *> calloc(cell.entry_count or 1, sizeof(Escaped))
            if cell.entries == NULL:
                raise MemoryError(f"no memory for a dictionary of {cell.entry_count:,} texts")
        self.cell_count += 1
        return 0

    cdef int put_row(self, int64_t row, bint is_first) except -1:
        """``is_first``: no row stands before it in ``out``.

        Most cells are as in the row before: what stands there is copied, many cells at a time.
        """
        cdef int index = 0
        cdef int first
        # Where cells of the row before begin and end.
        cdef size_t start, end
        cdef size_t before = self.row_start
        put(&self.out, PyBytes_AS_STRING(self.before), PyBytes_GET_SIZE(self.before))
        self.has_estimates = False
        self.row_start = self.out.size
        while index < self.cell_count:
            first, start = index, before
            while (
                not is_first
                and index < self.cell_count
                and is_as_before(&self.cells[index], &self.distribution, row)
            ):
                end = self.cell_ends[index]
                self.cell_ends[index] = self.out.size + end - start
                before = end
                index += 1
            if index > first:
                put_again(&self.out, start, before - start)
            if index < self.cell_count:
                self.put_cell(&self.cells[index], row)
                before = self.cell_ends[index]
                self.cell_ends[index] = self.out.size
                index += 1
        return put(&self.out, PyBytes_AS_STRING(self.after), PyBytes_GET_SIZE(self.after))

    cdef int put_cell(self, Cell *cell, int64_t row) except -1:
        cdef size_t start = self.out.size
        put(&self.out, cell.before.data, cell.before.size)
        if self.put_content(cell, row):
            return put(&self.out, cell.behind.data, cell.behind.size)
        self.out.size = start
        return put(&self.out, cell.instead.data, cell.instead.size)

    cdef int put_content(self, Cell *cell, int64_t row) except -1:
        """Whether there is any: 0 or 1."""
        cdef Text *out = &self.out
        cdef Values *values = &cell.values
        cdef CellKind kind = cell.kind
        cdef uint64_t time
        if kind == ESTIMATE:
            return self.put_estimate(cell.which, row)
        if kind == ESTIMATES:
            return self.put_estimates(row)
        if kind == VALUE and not is_null(&cell.integers, row):
            put_signed(out, <int64_t> uint64_at(&cell.integers, row))
            return 1
        if is_null(values, row):
            if not cell.is_nullable:
                raise ValueError(f"row {row} has a null in a column that has none")
            return 0
        if kind == TEXT or kind == JSON:
            self.put_entry(cell, <int32_t> uint32_at(values, row))
        elif kind == TIME:
            time = uint64_at(values, row)
            if not time:
                return 0
            put_words(out, self.quote)
            put_time(out, time)
            put_words(out, self.quote)
        elif kind == UINT32:
            put_unsigned(out, uint32_at(values, row))
        elif kind == UINT64:
            put_unsigned(out, uint64_at(values, row))
        elif kind == DOUBLE or kind == VALUE:
            put_double(out, double_at(values, row), self.quote)
        elif kind == TRUTH:
            put_words(
                out,
                b"true" if bit(<const uint8_t *> values.data, values.offset + row) else b"false",
            )
        elif kind == INT32:
            put_signed(out, <int32_t> uint32_at(values, row))
        elif kind == UINT16:
            put_unsigned(out, uint16_at(values, row))
        elif kind == EXEMPLAR_COUNT:
            put_unsigned(out, <uint64_t> length_of(values, row))
        elif kind == EXEMPLARS:
            self.put_exemplars(values, row)
        elif kind == QUANTILE_LIST:
            self.put_quantiles(values, row)
        else:
            self.put_list(values, row, kind == DOUBLES)
        return 1

    cdef int put_list(self, const Values *values, int64_t row, bint of_doubles) except -1:
        cdef const char *item = items_of(values, row)
        cdef int64_t index
        cdef uint64_t count = 0
        cdef double number = 0
        for index in range(length_of(values, row)):
            if index:
                put(&self.out, b", ", 2)
            if of_doubles:
                memcpy(&number, item + index * 8, 8)
                put_double(&self.out, number, self.quote)
            else:
                memcpy(&count, item + index * 8, 8)
                put_unsigned(&self.out, count)
        return 0

    cdef int put_quantiles(self, const Values *values, int64_t row) except -1:
        cdef ArrowArray *pairs = values.array.children[0]
        cdef Values quantile = values_of(pairs.children[0], pairs.offset)
        cdef Values value = values_of(pairs.children[1], pairs.offset)
        cdef int64_t index
        for index in range(start_of(values, row), start_of(values, row + 1)):
            put_words(&self.out, b", [" if index > start_of(values, row) else b"[")
            put_double(&self.out, double_at(&quantile, index), self.quote)
            put(&self.out, b", ", 2)
            put_double(&self.out, double_at(&value, index), self.quote)
            put(&self.out, b"]", 1)
        return 0

    cdef int put_exemplars(self, const Values *values, int64_t row) except -1:
        cdef ArrowArray *exemplars
        cdef Text *out = &self.out
        cdef Values time, value, integer, trace, span, attributes
        cdef int64_t index
        if not length_of(values, row):
            return 0
        exemplars = values.array.children[0]
        time = values_of(exemplars.children[0], exemplars.offset)
        value = values_of(exemplars.children[1], exemplars.offset)
        integer = values_of(exemplars.children[2], exemplars.offset)
        trace = values_of(exemplars.children[3], exemplars.offset)
        span = values_of(exemplars.children[4], exemplars.offset)
        attributes = values_of(exemplars.children[5], exemplars.offset)
        for index in range(start_of(values, row), start_of(values, row + 1)):
            put_words(out, b", {" if index > start_of(values, row) else b"{")
            if not is_null(&integer, index):
                put_words(out, b'"value": ')
                put_signed(out, <int64_t> uint64_at(&integer, index))
                put(out, b", ", 2)
            elif not is_null(&value, index):
                put_words(out, b'"value": ')
                put_double(out, double_at(&value, index), self.quote)
                put(out, b", ", 2)
            if is_null(&time, index) or not uint64_at(&time, index):
                put_words(out, b'"time": null')
            else:
                put_words(out, b'"time": "')
                put_time(out, uint64_at(&time, index))
                put(out, b'"', 1)
            put_words(out, b', "trace_id": ')
            self.put_text(out, &trace, index, TEXT)
            put_words(out, b', "span_id": ')
            self.put_text(out, &span, index, TEXT)
            put_words(out, b', "attributes": ')
            self.put_text(out, &attributes, index, JSON)
            put(out, b"}", 1)
        return 0

    # Texts ----------------------------------------------------------------------------------

    cdef int put_entry(self, Cell *cell, int64_t index) except -1:
        """An entry of the cell's dictionary."""
        cdef Escaped *entry
        cdef Values values
        if index < 0 or index >= cell.entry_count:
            raise ValueError(f"a dictionary of {cell.entry_count:,} texts has no entry {index:,}")
        entry = &cell.entries[index]
        if not entry.is_known:
            values = values_of(cell.values.array.dictionary, 0)
            entry.start = self.arena.size
            if not is_null(&values, index):
                self.put_text(&self.arena, &values, index, cell.kind)
            entry.size = self.arena.size - entry.start
            entry.is_known = True
        return put(&self.out, self.arena.data + entry.start, entry.size)

    cdef int put_text(
        self, Text *out, const Values *values, int64_t index, CellKind kind
    ) except -1:
        """A text of an array, or JSON, as the format has it."""
        cdef const char *data = <const char *> values.array.buffers[2]
        cdef size_t size = <size_t> length_of(values, index)
        cdef bytes escaped
        cdef bint is_formula
        if not size:
            return put_words(out, b'""' if self.is_json and kind == TEXT else b"")
        data += start_of(values, index)
        if is_plain(data, size):
            if not self.is_json:
                is_formula = kind == TEXT and size > 1 and memchr(b"=+-@", data[0], 4) != NULL
                return put_quoted(out, data, size, is_formula)
            if kind == JSON:
                return put(out, data, size)
            if memchr(data, c'"', size) == NULL and memchr(data, c"\\", size) == NULL:
                put(out, b'"', 1)
                put(out, data, size)
                return put(out, b'"', 1)
        text = PyUnicode_DecodeUTF8(data, size, NULL)
        if kind == JSON:
            escaped = escaped_json(text, self.ascii_only).encode()
        elif self.is_json:
            escaped = json_text(text, self.ascii_only).encode()
        else:
            escaped = csv_text(text).encode()
        if self.is_json:
            return put(out, PyBytes_AS_STRING(escaped), PyBytes_GET_SIZE(escaped))
        return put_quoted(out, PyBytes_AS_STRING(escaped), PyBytes_GET_SIZE(escaped), False)

    # Estimates ------------------------------------------------------------------------------

    cdef int estimate(self, int64_t row) except -1:
        """Fills in ``estimates`` for this row; NaN where there is none."""
        cdef Histogram histogram
        cdef Total total
        cdef uint64_t count
        cdef int which
        self.has_estimates = True
        for which in range(3):
            self.estimates[which] = NAN
        if is_null(&self.distribution.count, row):
            return 0
        count = uint64_at(&self.distribution.count, row)
        if not describe(&self.distribution, row, &count, &histogram):
            return 0
        total = total_of(&histogram)
        for which in range(3):
            self.estimates[which] = estimated(&histogram, &total, self.quantiles[which])
        return 0

    cdef int put_estimate(self, int which, int64_t row) except -1:
        if not self.has_estimates:
            self.estimate(row)
        if isnan(self.estimates[which]):
            return 0
        put_double(&self.out, self.estimates[which], self.quote)
        return 1

    cdef int put_estimates(self, int64_t row) except -1:
        cdef const char *before = b'"'
        cdef int which
        self.estimate(row)
        for which, name in enumerate(_ESTIMATE_KEYS):
            if not isnan(self.estimates[which]):
                put_words(&self.out, before)
                put_words(&self.out, name)
                put_double(&self.out, self.estimates[which], self.quote)
                before = b', "'
        return before[0] == c","


cdef tuple _ESTIMATE_KEYS = tuple(f'{name}": '.encode() for name in QUANTILES)


cdef bint describe(
    const Distribution *columns, int64_t row, const uint64_t *count, Histogram *histogram
) noexcept nogil:
    """The histogram of a row; False for other kinds of points."""
    memset(histogram, 0, sizeof(Histogram))
    histogram.least = histogram.most = NAN
    if not is_null(&columns.least, row):
        histogram.least = double_at(&columns.least, row)
    if not is_null(&columns.most, row):
        histogram.most = double_at(&columns.most, row)
    if not is_null(&columns.counts, row) and not is_null(&columns.bounds, row):
        histogram.bounds = items_of(&columns.bounds, row)
        histogram.bounds_size = length_of(&columns.bounds, row)
        histogram.positive.counts = items_of(&columns.counts, row)
        histogram.positive.size = length_of(&columns.counts, row)
        if not histogram.positive.size:
            # Without buckets all values are in one.
            histogram.positive.counts = <const char *> count
            histogram.positive.size = 1
        return True
    if is_null(&columns.positive, row) or is_null(&columns.negative, row):
        return False
    histogram.is_exponential = True
    if not is_null(&columns.scale, row):
        histogram.scale = <int32_t> uint32_at(&columns.scale, row)
    if not is_null(&columns.zero_count, row):
        histogram.zero_count = uint64_at(&columns.zero_count, row)
    describe_side(&columns.positive_offset, &columns.positive, row, &histogram.positive)
    describe_side(&columns.negative_offset, &columns.negative, row, &histogram.negative)
    return True


cdef void describe_side(
    const Values *offset, const Values *counts, int64_t row, Side *side
) noexcept nogil:
    side.counts = items_of(counts, row)
    side.size = length_of(counts, row)
    if not is_null(offset, row):
        side.offset = <int32_t> uint32_at(offset, row)


cdef int put_quoted(Text *out, const char *data, size_t size, bint is_formula) except -1:
    """A cell of CSV, in quotes where it needs them; of a formula with an apostrophe before it."""
    cdef size_t index
    cdef size_t start = 0
    cdef bint has_quotes = memchr(data, c'"', size) != NULL
    cdef bint is_quoted = has_quotes or memchr(data, c",", size) != NULL
    if is_quoted:
        put(out, b'"', 1)
    if is_formula:
        put(out, b"'", 1)
    if has_quotes:
        for index in range(size):
            if data[index] == c'"':
                put(out, data + start, index + 1 - start)
                start = index
    put(out, data + start, size - start)
    return put(out, b'"', 1) if is_quoted else 0
