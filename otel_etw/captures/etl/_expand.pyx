"""Expands compressed buffers, compiled: the twin of ``expand_reference.py``, with its results and
errors. The decoders hold no GIL and touch nothing but the two buffers that they are given."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from otel_etw.captures.etl import expand_reference as reference

__all__ = ["expanded"]

cdef enum:
    LZNT1 = 2
    XPRESS = 3
    CHUNK = 1 << 12
    BLOCK = 1 << 16
    SYMBOLS = 512
    LENGTHS = 256
    BITS = 15
    CODES_ROOM = 1 << 15

cdef enum Fault:
    NONE
    ENDS
    EXCEEDS
    BEFORE
    LENGTH
    NO_CHUNK
    SHORT_CHUNK
    CODES
    NO_CODE

SENTENCES = {
    ENDS: reference.ENDS,
    EXCEEDS: reference.EXCEEDS,
    BEFORE: reference.BEFORE,
    LENGTH: reference.LENGTH,
    NO_CHUNK: reference.NO_CHUNK,
    SHORT_CHUNK: reference.SHORT_CHUNK,
    CODES: reference.CODES,
    NO_CODE: reference.NO_CODE,
}


cdef struct Input:
    const uint8_t *data
    size_t length
    size_t at


cdef struct Output:
    uint8_t *data
    size_t size
    size_t count


def expanded(algorithm, data, size):
    """See ``expand_reference.expanded``."""
    reference.require(algorithm, size)
    cdef int kind = algorithm
    cdef Py_buffer view
    cdef bytes content = PyBytes_FromStringAndSize(NULL, size)
    cdef uint16_t *table = NULL
    cdef Input source
    cdef Output out
    cdef Fault fault
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        if kind not in (LZNT1, XPRESS):
            table = <uint16_t *>malloc(CODES_ROOM * sizeof(uint16_t))
            if table == NULL:
                raise MemoryError("no memory for a table of Huffman codes")
        source.data = <const uint8_t *>view.buf
        source.length = <size_t>view.len
        source.at = 0
        out.data = <uint8_t *>PyBytes_AS_STRING(content)
        out.size = <size_t>len(content)
        out.count = 0
        with nogil:
            if kind == LZNT1:
                fault = lznt1(&source, &out)
            elif kind == XPRESS:
                fault = xpress(&source, &out)
            else:
                fault = xpress_huffman(&source, &out, table)
    finally:
        free(table)
        PyBuffer_Release(&view)
    if fault != NONE:
        name = reference.ALGORITHMS[algorithm]
        raise ValueError(f"its {name} data is broken: {SENTENCES[fault]}")
    return content


cdef inline bint lacks(const Input *source, size_t count) noexcept nogil:
    return source.length - source.at < count


cdef inline uint32_t take16(Input *source) noexcept nogil:
    """Two bytes that are there."""
    cdef const uint8_t *data = source.data + source.at
    source.at += 2
    return data[0] | <uint32_t>data[1] << 8


cdef inline uint32_t take32(Input *source) noexcept nogil:
    """Four bytes that are there."""
    cdef uint32_t low = take16(source)
    return low | take16(source) << 16


cdef inline Fault repeat(Output *out, size_t distance, size_t run) noexcept nogil:
    """Append ``run`` bytes that begin ``distance`` before the end, the new ones among them."""
    cdef uint8_t *to
    cdef const uint8_t *start
    cdef size_t index
    if distance > out.count:
        return BEFORE
    if run > out.size - out.count:
        return EXCEEDS
    to = out.data + out.count
    start = to - distance
    # Some bytes at a time are faster than a call, and may write beyond the run.
    if distance >= 16 and out.size - out.count >= run + 16:
        index = 0
        while index < run:
            memcpy(to + index, start + index, 16)
            index += 16
    elif distance >= 8 and out.size - out.count >= run + 8:
        index = 0
        while index < run:
            memcpy(to + index, start + index, 8)
            index += 8
    elif distance >= run:
        memcpy(to, start, run)
    elif distance == 1:
        memset(to, start[0], run)
    else:
        for index in range(run):
            to[index] = start[index]
    out.count += run
    return NONE


cdef Fault lznt1(Input *source, Output *out) noexcept nogil:
    cdef uint32_t header
    cdef size_t end, length
    cdef Fault fault
    while out.count < out.size:
        if lacks(source, 2):
            return ENDS
        header = take16(source)
        if header == 0:
            return ENDS
        if header >> 12 & 7 != 3:
            return NO_CHUNK
        if out.count % CHUNK:
            return SHORT_CHUNK
        length = (header & 0xFFF) + 1
        if lacks(source, length):
            return ENDS
        end = source.at + length
        if header & 0x8000:
            fault = lznt1_chunk(source, end, out)
            if fault != NONE:
                return fault
        elif length > out.size - out.count:
            return EXCEEDS
        else:
            memcpy(out.data + out.count, source.data + source.at, length)
            out.count += length
            source.at = end
    return NONE


cdef Fault lznt1_chunk(Input *source, size_t end, Output *whole) noexcept nogil:
    cdef Input chunk = source[0]
    cdef Output out
    cdef uint32_t flags, word, bit
    cdef uint32_t bits = 12
    cdef Fault fault
    # A chunk is a buffer of its own: nothing in it refers to what stands before it.
    chunk.length = end
    out.data = whole.data + whole.count
    out.size = whole.size - whole.count
    if out.size > CHUNK:
        out.size = CHUNK
    out.count = 0
    while chunk.at < end:
        flags = chunk.data[chunk.at]
        chunk.at += 1
        for bit in range(8):
            if chunk.at >= end:
                break
            if not flags >> bit & 1:
                if out.count >= out.size:
                    return EXCEEDS
                out.data[out.count] = chunk.data[chunk.at]
                out.count += 1
                chunk.at += 1
                continue
            if lacks(&chunk, 2):
                return ENDS
            word = take16(&chunk)
            # The further into the chunk, the more of the word's 16 bits are the distance.
            while bits > 4 and out.count > <size_t>1 << (16 - bits):
                bits -= 1
            fault = repeat(&out, (word >> bits) + 1, (word & (<uint32_t>1 << bits) - 1) + 3)
            if fault != NONE:
                return fault
    source.at = end
    whole.count += out.count
    return NONE


cdef Fault long_run(Input *source, uint32_t least, size_t *run) noexcept nogil:
    """A length in 1, 3 or 7 bytes; those of more than one count what the shorter form lacks."""
    if lacks(source, 1):
        return ENDS
    run[0] = source.data[source.at]
    source.at += 1
    if run[0] < 255:
        return NONE
    if lacks(source, 2):
        return ENDS
    run[0] = take16(source)
    if run[0] == 0:
        if lacks(source, 4):
            return ENDS
        run[0] = take32(source)
    if run[0] < least:
        return LENGTH
    run[0] -= least
    return NONE


cdef Fault xpress(Input *given, Output *whole) noexcept nogil:
    # Copies, so that the compiler keeps them in registers.
    cdef Input source = given[0]
    cdef Output out = whole[0]
    cdef uint32_t flags = 0, left = 0, word
    cdef size_t half = 0  # the index behind the byte whose high half is the next length, or 0
    cdef size_t run
    cdef Fault fault
    while out.count < out.size:
        if left == 0:
            if lacks(&source, 4):
                return ENDS
            flags = take32(&source)
            left = 32
            # Most flags say that a byte follows as it is: many in a row are copied at once.
            if flags == 0 and not lacks(&source, 32) and out.size - out.count >= 32:
                memcpy(out.data + out.count, source.data + source.at, 32)
                out.count += 32
                source.at += 32
                left = 0
                continue
        while left >= 4 and not flags >> (left - 4) & 15:
            if lacks(&source, 4) or out.size - out.count < 4:
                break
            memcpy(out.data + out.count, source.data + source.at, 4)
            out.count += 4
            source.at += 4
            left -= 4
        if left == 0 or out.count == out.size:
            continue
        left -= 1
        if not flags >> left & 1:
            if lacks(&source, 1):
                return ENDS
            out.data[out.count] = source.data[source.at]
            out.count += 1
            source.at += 1
            continue
        if lacks(&source, 2):
            return ENDS
        word = take16(&source)
        run = word & 7
        if run == 7:
            if half:
                run = source.data[half - 1] >> 4
                half = 0
            else:
                if lacks(&source, 1):
                    return ENDS
                run = source.data[source.at] & 15
                source.at += 1
                half = source.at
            if run == 15:
                fault = long_run(&source, 22, &run)
                if fault != NONE:
                    return fault
                run += 15
            run += 7
        fault = repeat(&out, (word >> 3) + 1, run + 3)
        if fault != NONE:
            return fault
    return NONE


cdef Fault fill_codes(Input *source, uint16_t *table) noexcept nogil:
    """For each value of the next `BITS` bits: the symbol << 4 | the bits of its code, or 0.

    Half a byte a symbol says how many bits its code has.
    """
    cdef uint8_t lengths[LENGTHS]
    cdef uint32_t starts[BITS + 2]
    cdef uint32_t symbol, bits, count, index
    if lacks(source, LENGTHS):
        return ENDS
    # A copy: the sum is taken first, and another thread may change a bytearray in between.
    memcpy(lengths, source.data + source.at, LENGTHS)
    source.at += LENGTHS
    memset(starts, 0, sizeof(starts))
    for symbol in range(<uint32_t>SYMBOLS):
        bits = lengths[symbol >> 1] >> 4 * (symbol & 1) & 15
        if bits:
            starts[bits + 1] += <uint32_t>1 << BITS - bits
    for bits in range(1, <uint32_t>(BITS + 2)):
        starts[bits] += starts[bits - 1]
    if starts[BITS + 1] > CODES_ROOM:
        return CODES
    memset(table + starts[BITS + 1], 0, (CODES_ROOM - starts[BITS + 1]) * sizeof(uint16_t))
    for symbol in range(<uint32_t>SYMBOLS):
        bits = lengths[symbol >> 1] >> 4 * (symbol & 1) & 15
        if bits:
            count = <uint32_t>1 << BITS - bits
            for index in range(starts[bits], starts[bits] + count):
                table[index] = <uint16_t>(symbol << 4 | bits)
            starts[bits] += count
    return NONE


cdef struct Window:
    # 32 bits over 16-bit words of the input; ``extra`` of them are beyond 16.
    uint32_t bits
    int extra


cdef inline uint32_t padded(Input *source) noexcept nogil:
    """A 16-bit word of the bits; behind the end they are 0."""
    cdef uint32_t word = 0
    if source.at < source.length:
        word = source.data[source.at]
        if source.length - source.at > 1:
            word |= <uint32_t>source.data[source.at + 1] << 8
    source.at += 2
    return word


cdef inline bint used(Window *window, uint32_t bits, Input *source) noexcept nogil:
    """Go on by ``bits``, 0 to 15; whether the input had all of them."""
    window.bits <<= bits
    window.extra -= <int>bits
    if window.extra < 0:
        window.bits |= padded(source) << -window.extra
        window.extra += 16
    return (
        source.at <= source.length
        or 8 * (source.at - source.length) <= <size_t>(16 + window.extra)
    )


cdef Fault xpress_huffman(Input *given, Output *whole, uint16_t *table) noexcept nogil:
    cdef Input source = given[0]
    cdef Output out = whole[0]
    cdef Window window
    cdef uint32_t symbol, code, bits
    cdef size_t end, distance, run
    cdef Fault fault
    while out.count < out.size:
        # The window may have gone beyond the end.
        if source.at > source.length:
            return ENDS
        fault = fill_codes(&source, table)
        if fault != NONE:
            return fault
        end = out.size
        if end - out.count > BLOCK:
            end = out.count + BLOCK
        window.bits = padded(&source) << 16
        window.bits |= padded(&source)
        window.extra = 16
        while out.count < end:
            code = table[window.bits >> 32 - BITS]
            if code == 0:
                return NO_CODE
            if not used(&window, code & 15, &source):
                return ENDS
            symbol = code >> 4
            if symbol < 256:
                out.data[out.count] = <uint8_t>symbol
                out.count += 1
                continue
            run = symbol & 15
            if run == 15:
                if source.at > source.length:
                    return ENDS
                fault = long_run(&source, 15, &run)
                if fault != NONE:
                    return fault
                run += 15
            bits = symbol - 256 >> 4
            # Two steps: a shift by 32 is undefined.
            distance = (<size_t>1 << bits) + (window.bits >> 1 >> 31 - bits)
            if not used(&window, bits, &source):
                return ENDS
            fault = repeat(&out, distance, run + 3)
            if fault != NONE:
                return fault
    return NONE
