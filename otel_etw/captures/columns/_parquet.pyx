"""The bodies of Parquet's data pages from a batch, whichever library made it; see parquet.py.

https://github.com/apache/parquet-format/blob/master/Encodings.md
"""

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport isnan
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from otel_etw.captures.columns._arrow cimport ArrowArray
from otel_etw.captures.columns._batch_view cimport BatchView, bit, validity_of
from otel_etw.captures.columns._growing cimport Buffer, append, append_byte, release, reserve

from otel_etw.captures.columns.parquet_leaves import Page

__all__ = ["Pages"]

cdef extern from *:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define OTEL_ETW_BIG_ENDIAN 1
    #else
    #define OTEL_ETW_BIG_ENDIAN 0
    #endif
    """
    const bint OTEL_ETW_BIG_ENDIAN

cdef enum:
    LEAST_RUN = 8  # Runs that are shorter are written value by value.


# Bytes -------------------------------------------------------------------------------------------

cdef int put_number(Buffer *out, uint64_t number, int width) noexcept nogil:
    """Little-endian; -1 when there is no memory."""
    cdef int _
    if reserve(out, <size_t>width) < 0:
        return -1
    for _ in range(width):
        out.data[out.used] = <uint8_t>(number & 0xFF)
        out.used += 1
        number >>= 8
    return 0


cdef int put_values(Buffer *out, const uint8_t *values, int width, int64_t count) noexcept nogil:
    """Numbers of ``width`` bytes, little-endian; -1 when there is no memory."""
    cdef size_t size = <size_t>count * <size_t>width
    cdef int64_t i
    cdef int k
    if not OTEL_ETW_BIG_ENDIAN:
        return append(out, values, size)
    if reserve(out, size) < 0:
        return -1
    for i in range(count):
        for k in range(width):
            out.data[out.used] = values[i * width + width - 1 - k]
            out.used += 1
    return 0


cdef int put_varint(Buffer *out, uint64_t number) noexcept nogil:
    while number >= 0x80:
        if append_byte(out, <uint8_t>(number & 0x7F | 0x80)) < 0:
            return -1
        number >>= 7
    return append_byte(out, <uint8_t>number)


# Levels and numbers of texts: runs and packed bits ------------------------------------------------

cdef int put_packed(Buffer *out, const int32_t *values, int64_t count, int width) noexcept nogil:
    """Values of ``width`` bits, padded to a multiple of eight values."""
    cdef int64_t groups = (count + 7) // 8
    cdef uint64_t bits = 0
    cdef int held = 0
    cdef int64_t i
    cdef uint8_t *at
    if put_varint(out, <uint64_t>groups << 1 | 1) < 0:
        return -1
    if reserve(out, <size_t>(groups * width)) < 0:
        return -1
    at = out.data + out.used
    for i in range(groups * 8):
        if i < count:
            bits |= <uint64_t><uint32_t>values[i] << held
        held += width
        while held >= 8:
            at[0] = <uint8_t>(bits & 0xFF)
            at += 1
            bits >>= 8
            held -= 8
    out.used += <size_t>(groups * width)
    return 0


cdef int put_run(Buffer *out, int32_t value, int64_t count, int width) noexcept nogil:
    if put_varint(out, <uint64_t>count << 1) < 0:
        return -1
    return put_number(out, <uint64_t><uint32_t>value, (width + 7) // 8)


cdef int put_hybrid(Buffer *out, const int32_t *values, int64_t count, int width) noexcept nogil:
    """Values of at least one bit: runs of equal ones, and what stands between them packed; -1 when
    there is no memory."""
    cdef int64_t start = 0, at = 0, end, more
    while at < count:
        end = at + 1
        while end < count and values[end] == values[at]:
            end += 1
        if end == count and at == 0:
            return put_run(out, values[0], count, width)
        # What is packed in front of a run fills whole groups of eight.
        more = (8 - (at - start) % 8) % 8
        if end - at < LEAST_RUN + more:
            at = end
            continue
        at += more
        if at > start and put_packed(out, values + start, at - start, width) < 0:
            return -1
        if put_run(out, values[at], end - at, width) < 0:
            return -1
        start = at = end
    return put_packed(out, values + start, count - start, width) if count > start else 0


cdef int width_of(int64_t most) noexcept nogil:
    """Bits of numbers up to this one."""
    cdef int width = 0
    while most:
        width += 1
        most >>= 1
    return width


cdef int put_levels(Buffer *out, const int32_t *levels, int64_t count, int most) noexcept nogil:
    """Levels behind the length of what they take; -1 when there is no memory."""
    cdef size_t begin = out.used
    cdef size_t size
    cdef int i
    if put_number(out, 0, 4) < 0 or put_hybrid(out, levels, count, width_of(most)) < 0:
        return -1
    size = out.used - begin - 4
    for i in range(4):
        out.data[begin + <size_t>i] = <uint8_t>(size >> (8 * i) & 0xFF)
    return 0


cdef int put_same_level(Buffer *out, int level, int most, int64_t count) noexcept nogil:
    """One level for all, of levels up to ``most``; -1 when there is no memory."""
    cdef Buffer run = Buffer(NULL, 0, 0)
    cdef int done = -1
    if count == 0 or put_run(&run, level, count, width_of(most)) == 0:
        if put_number(out, run.used, 4) == 0:
            done = append(out, run.data, run.used)
    release(&run)
    return done


# Numbers ------------------------------------------------------------------------------------------

cdef int put_split(Buffer *out, const uint8_t *doubles, int64_t count) noexcept nogil:
    """All first bytes, then all second ones …; little-endian; -1 when there is no memory."""
    cdef int64_t i
    cdef int k
    cdef uint64_t number = 0
    cdef uint8_t *at
    if reserve(out, <size_t>count * 8) < 0:
        return -1
    at = out.data + out.used
    for i in range(count):
        memcpy(&number, doubles + i * 8, 8)
        for k in range(8):
            at[k * count + i] = <uint8_t>(number >> (8 * k) & 0xFF)
    out.used += <size_t>count * 8
    return 0


cdef object extremes_of(str format, const uint8_t *values, int64_t count):
    """The least and the greatest number, or two times None."""
    cdef int64_t i, signed = 0, least = 0, greatest = 0
    cdef uint64_t unsigned, least_unsigned = 0, greatest_unsigned = 0
    cdef double number = 0, least_double = 0, greatest_double = 0
    cdef int32_t small = 0
    cdef bint is_signed = format != "L", is_small = format in "iIS", is_natural = format in "IS"
    if count == 0:
        return None, None
    if format == "g":
        for i in range(count):
            memcpy(&number, values + i * 8, 8)
            if isnan(number):
                # NaN has no place in an order, and a reader must not look past it.
                return None, None
            if i == 0 or number < least_double:
                least_double = number
            if i == 0 or number > greatest_double:
                greatest_double = number
        # So that neither zero is missed.
        return (-0.0 if least_double == 0 else least_double,
                0.0 if greatest_double == 0 else greatest_double)
    for i in range(count):
        if is_small:
            memcpy(&small, values + i * 4, 4)
            signed = <int64_t><uint32_t>small if is_natural else small
        else:
            memcpy(&signed, values + i * 8, 8)
        if is_signed:
            if i == 0 or signed < least:
                least = signed
            if i == 0 or signed > greatest:
                greatest = signed
        else:
            unsigned = <uint64_t>signed
            if i == 0 or unsigned < least_unsigned:
                least_unsigned = unsigned
            if i == 0 or unsigned > greatest_unsigned:
                greatest_unsigned = unsigned
    if is_signed:
        return least, greatest
    return least_unsigned, greatest_unsigned


cdef inline int item_width(str format):
    """Bytes of a number in Arrow's memory."""
    return 2 if format == "S" else 4 if format in "iI" else 8


# Which values -------------------------------------------------------------------------------------

cdef struct Scratch:
    # For each value, null or empty list of a leaf, in order: numbers of 32 bits.
    Buffer repeated
    Buffer defined
    # Of each value that is there, its index in the array of the leaf: numbers of 64 bits. Not
    # filled where these are ``values`` indices from ``first`` on.
    Buffer present
    bint is_dense
    int64_t first
    int64_t count
    int64_t values


cdef int make_room(Scratch *scratch, int64_t count) except -1:
    scratch.repeated.used = scratch.defined.used = scratch.present.used = 0
    if (
        reserve(&scratch.repeated, <size_t>count * 4) < 0
        or reserve(&scratch.defined, <size_t>count * 4) < 0
        or reserve(&scratch.present, <size_t>count * 8) < 0
    ):
        raise MemoryError(f"no memory for {count} values of a Parquet page")
    return 0


cdef void fill_flat(
    Scratch *scratch, const uint8_t *validity, int64_t offset, int64_t rows
) noexcept nogil:
    cdef int32_t *defined = <int32_t *>scratch.defined.data
    cdef int64_t *present = <int64_t *>scratch.present.data
    cdef int64_t row, values = 0
    for row in range(rows):
        defined[row] = bit(validity, offset + row)
        if defined[row]:
            present[values] = offset + row
            values += 1
    scratch.count = rows
    scratch.values = values


cdef int64_t first_null(const uint8_t *validity, int64_t offset, int64_t rows) noexcept nogil:
    """The first row that is null; -1 where none is."""
    cdef int64_t row
    if validity != NULL:
        for row in range(rows):
            if not bit(validity, offset + row):
                return row
    return -1


cdef int64_t fill_lists(
    Scratch *scratch, const uint8_t *validity, const int32_t *ends, int64_t rows, int64_t offset,
    const uint8_t *inner, int64_t shift, int row_level, int most_level
) noexcept nogil:
    """``ends`` begins at the first row's list, item i is the leaf's value ``shift + i``. Levels:
    of a null row 0, then those of an empty list, a null item, an item. The first row that has a
    null where these levels leave no room for one; -1 where there is none."""
    cdef int32_t *repeated = <int32_t *>scratch.repeated.data
    cdef int32_t *defined = <int32_t *>scratch.defined.data
    cdef int64_t *present = <int64_t *>scratch.present.data
    cdef int64_t row, i, n = 0, values = 0
    for row in range(rows):
        repeated[n] = 0
        if validity != NULL and not bit(validity, offset + row):
            if row_level == 0:
                return row
            defined[n] = 0
            n += 1
            continue
        if ends[row] == ends[row + 1]:
            defined[n] = row_level
            n += 1
            continue
        for i in range(ends[row], ends[row + 1]):
            repeated[n] = 1
            if inner == NULL or bit(inner, shift + i):
                defined[n] = most_level
                present[values] = shift + i
                values += 1
            elif most_level - row_level == 1:
                return row
            else:
                defined[n] = most_level - 1
            n += 1
        repeated[n - (ends[row + 1] - ends[row])] = 0
    scratch.count = n
    scratch.values = values
    if values and values == present[values - 1] - present[0] + 1:
        scratch.is_dense = True
        scratch.first = present[0]
    return -1


cdef bint fill_full_lists(
    Scratch *scratch, const uint8_t *validity, const int32_t *ends, int64_t rows, int64_t offset,
    int64_t shift
) noexcept nogil:
    """As `fill_lists`, but for the definition levels, which are all the same: where no list is null
    or empty, nor an item null. False where one is."""
    cdef int32_t *repeated = <int32_t *>scratch.repeated.data
    cdef int64_t row, i
    for row in range(rows):
        if ends[row] == ends[row + 1]:
            return False
        if validity != NULL and not bit(validity, offset + row):
            return False
        repeated[ends[row] - ends[0]] = 0
        for i in range(ends[row] + 1 - ends[0], ends[row + 1] - ends[0]):
            repeated[i] = 1
    scratch.is_dense = True
    scratch.first = shift + ends[0]
    scratch.count = scratch.values = ends[rows] - ends[0]
    return True


# Pages --------------------------------------------------------------------------------------------

@cython.final
cdef class Pages:
    """What Parquet stores of batches: see the reference implementation. One thread at a time may
    use it."""

    cdef BatchView _view
    # They keep their memory from page to page.
    cdef Buffer _body
    cdef Buffer _values
    cdef Scratch _scratch
    cdef Py_ssize_t _views

    def __dealloc__(self):
        release(&self._body)
        release(&self._values)
        release(&self._scratch.repeated)
        release(&self._scratch.defined)
        release(&self._scratch.present)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        PyBuffer_FillInfo(
            buffer, self, self._body.data, <Py_ssize_t>self._body.used, True, flags
        )
        self._views += 1

    def __releasebuffer__(self, Py_buffer *buffer):
        self._views -= 1

    def __len__(self):
        """How many rows the batch has."""
        return self._view.length if self._view is not None else 0

    def batch(self, batch):
        """The pages that follow are of this batch; None: it is not needed any more."""
        self._view = None if batch is None else BatchView(batch)

    def texts(self, int column):
        """The distinct texts of a column of dictionaries in the order of their numbers, each
        behind its length in 4 bytes, little-endian; and how many there are."""
        cdef ArrowArray *texts
        cdef Scratch all_texts
        self._require_page_room()
        if not 0 <= column < self._view.array.n_children:
            raise IndexError(f"there is no column {column}")
        texts = self._view.array.children[column].dictionary
        if texts == NULL:
            raise ValueError(f"column {column} is no dictionary")
        memset(&all_texts, 0, sizeof(Scratch))
        all_texts.is_dense = True
        all_texts.first = texts.offset
        all_texts.values = texts.length
        self._body.used = 0
        require(put_texts(&self._body, texts, &all_texts))
        return (
            PyBytes_FromStringAndSize(<char *>self._body.data, <Py_ssize_t>self._body.used),
            texts.length,
        )

    def page(self, leaf, numbers=None):
        """The page of all rows of one of `LEAVES`. ``numbers``: an ``array('i')`` with what stands
        in place of the number of each text; None: the numbers are those of `texts`.

        Its body must be let go before the next one is asked for: BufferError.
        """
        cdef Scratch *scratch = &self._scratch
        cdef Buffer *out = &self._body
        cdef ArrowArray *column
        cdef ArrowArray *items
        cdef ArrowArray *array
        cdef int64_t offset, rows, shift
        cdef int most_level = leaf.most_level
        cdef const uint8_t *validity
        cdef const int32_t *ends
        cdef int32_t no_end = 0
        self._require_page_room()
        out.used = self._values.used = 0
        column = array = self._view.array.children[<int>leaf.column]
        validity = validity_of(column)
        offset = self._view.array.offset + column.offset
        rows = self._view.length
        scratch.is_dense = False
        scratch.values = 0
        if leaf.is_list:
            items = column.children[0]
            array = items if leaf.member < 0 else items.children[<int>leaf.member]
            shift = items.offset if leaf.member < 0 else items.offset + array.offset
            # Of no rows there may be no memory.
            ends = <const int32_t *>column.buffers[1] + offset if rows else &no_end
            make_room(scratch, rows + ends[rows] - ends[0])
            if validity_of(array) == NULL and fill_full_lists(
                scratch, validity, ends, rows, offset, shift
            ):
                require(put_levels(out, <int32_t *>scratch.repeated.data, scratch.count, 1))
                require(put_same_level(out, most_level, most_level, scratch.count))
            else:
                require_no_null(leaf, fill_lists(
                    scratch, validity, ends, rows, offset, validity_of(array), shift,
                    leaf.row_level, most_level
                ))
                require(put_levels(out, <int32_t *>scratch.repeated.data, scratch.count, 1))
                require(put_levels(out, <int32_t *>scratch.defined.data, scratch.count, most_level))
        elif validity == NULL or most_level == 0:
            require_no_null(leaf, first_null(validity, offset, rows))
            scratch.is_dense = True
            scratch.first = offset
            scratch.count = scratch.values = rows
            if most_level:
                require(put_same_level(out, 1, 1, rows))
        elif column.null_count == column.length:
            scratch.count = rows
            require(put_same_level(out, 0, 1, rows))
        else:
            make_room(scratch, rows)
            fill_flat(scratch, validity, offset, rows)
            require(put_levels(out, <int32_t *>scratch.defined.data, rows, 1))
        least, greatest = self._put(leaf, array, numbers)
        return Page(
            memoryview(self), scratch.count, scratch.count - scratch.values, least, greatest
        )

    cdef int _require_page_room(self) except -1:
        if self._view is None:
            raise ValueError("there is no batch")
        if self._views:
            raise BufferError("the body of the page before is still in use")
        return 0

    cdef object _put(self, object leaf, ArrowArray *array, object numbers):
        """The values that are there, to the page; the least and the greatest number."""
        cdef Scratch *scratch = &self._scratch
        cdef Buffer *out = &self._body
        cdef str format = leaf.kind.format
        cdef int width
        cdef const uint8_t *data
        if scratch.values == 0:
            if leaf.kind.is_dictionary:
                require(put_number(out, 0, 1))
            return None, None
        data = <const uint8_t *>array.buffers[1]
        if leaf.kind.is_dictionary:
            self._put_numbers(array, numbers)
            return None, None
        if format == "u":
            require(put_texts(out, array, scratch))
            return None, None
        if format == "b":
            require(put_bits(out, data, scratch))
            return None, None
        width = item_width(format)
        if scratch.is_dense and width > 2:
            data += scratch.first * width
        else:
            require(collect(&self._values, data, width, scratch))
            data = self._values.data
            width = max(4, width)
        if leaf.is_split:
            require(put_split(out, data, scratch.values))
        else:
            require(put_values(out, data, width, scratch.values))
        return (None, None) if leaf.is_list else extremes_of(format, data, scratch.values)

    cdef int _put_numbers(self, ArrowArray *array, object numbers) except -1:
        cdef Scratch *scratch = &self._scratch
        cdef const int32_t *indices
        cdef const int32_t[::1] other
        cdef int64_t i, most = 0
        cdef int width
        cdef int32_t number
        if scratch.is_dense and numbers is None:
            indices = <const int32_t *>array.buffers[1] + scratch.first
        else:
            require(collect(&self._values, <const uint8_t *>array.buffers[1], 4, scratch))
            indices = <const int32_t *>self._values.data
        for i in range(scratch.values):
            number = indices[i]
            if number < 0 or number >= array.dictionary.length:
                raise ValueError(f"{number} is no text of {array.dictionary.length}")
            most = max(most, number)
        if numbers is not None:
            other = numbers
            if other.shape[0] < array.dictionary.length:
                raise ValueError(f"{other.shape[0]} numbers for {array.dictionary.length} texts")
            most = 0
            for i in range(scratch.values):
                number = other[indices[i]]
                (<int32_t *>self._values.data)[i] = number
                most = max(most, number)
        width = max(1, width_of(most))
        require(put_number(&self._body, <uint64_t>width, 1))
        require(put_hybrid(&self._body, indices, scratch.values, width))
        return 0


cdef inline int require_no_null(object leaf, int64_t row) except -1:
    """``row`` is -1, or one that has a null."""
    if row >= 0:
        raise ValueError(
            f"row {row} of column {'.'.join(leaf.path)} has a null, which it may not have"
        )
    return 0


cdef inline int require(int done) except -1:
    if done < 0:
        raise MemoryError("no memory for a Parquet page")
    return 0


cdef inline int64_t index_of(const Scratch *scratch, int64_t number) noexcept nogil:
    return scratch.first + number if scratch.is_dense else (
        <const int64_t *>scratch.present.data
    )[number]


cdef int collect(
    Buffer *values, const uint8_t *data, int width, const Scratch *scratch
) noexcept nogil:
    """Values that are there, one behind the other, of 2 bytes as 4; -1 when there is no memory."""
    cdef int64_t i
    cdef uint16_t short = 0
    cdef uint32_t wide
    cdef uint8_t *at
    if reserve(values, <size_t>scratch.values * <size_t>max(4, width)) < 0:
        return -1
    at = values.data
    for i in range(scratch.values):
        if width == 8:
            memcpy(at + i * 8, data + index_of(scratch, i) * 8, 8)
        elif width == 4:
            memcpy(at + i * 4, data + index_of(scratch, i) * 4, 4)
        else:
            memcpy(&short, data + index_of(scratch, i) * 2, 2)
            wide = short
            memcpy(at + i * 4, &wide, 4)
    values.used = <size_t>scratch.values * <size_t>max(4, width)
    return 0


cdef int put_bits(Buffer *out, const uint8_t *data, const Scratch *scratch) noexcept nogil:
    cdef int64_t i
    cdef uint8_t byte = 0
    for i in range(scratch.values):
        byte |= <uint8_t>(<int>bit(data, index_of(scratch, i)) << (i & 7))
        if (i & 7) == 7 or i == scratch.values - 1:
            if append_byte(out, byte) < 0:
                return -1
            byte = 0
    return 0


cdef int put_texts(Buffer *out, const ArrowArray *array, const Scratch *scratch) noexcept nogil:
    """Each behind its length."""
    cdef const int32_t *ends = <const int32_t *>array.buffers[1]
    cdef const uint8_t *data = <const uint8_t *>array.buffers[2]
    cdef int64_t i, at
    for i in range(scratch.values):
        at = index_of(scratch, i)
        if put_number(out, <uint64_t>(ends[at + 1] - ends[at]), 4) < 0:
            return -1
        if ends[at + 1] > ends[at]:
            if append(out, data + ends[at], <size_t>(ends[at + 1] - ends[at])) < 0:
                return -1
    return 0
