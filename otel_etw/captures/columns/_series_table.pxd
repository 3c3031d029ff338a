"""A hash table that numbers series: id → 0, 1, 2, … in the order of their first points.

Open addressing. Ids come from files, so where they go depends on a random odd factor: no file can
be made whose ids all collide.
"""

from libc.stdint cimport UINT32_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from otel_etw.captures.columns._batch_view cimport Values, is_null


cdef struct SeriesTable:
    uint64_t *ids
    uint32_t *numbers  # one more than the number; 0 where nothing is
    uint64_t factor
    int bits  # the table has 2**bits places
    uint32_t count


cdef inline uint64_t series_at(
    const Values *series, const Values *processes, int64_t row
) noexcept nogil:
    """The id of a row's series, which in ETW logs is another one for each process: several may
    have the same resource."""
    cdef uint64_t number = (<const uint64_t *> series.data)[series.offset + row]
    if is_null(processes, row):
        return number
    return number ^ (
        (<uint64_t> (<const uint32_t *> processes.data)[processes.offset + row] + 1)
        * 0x9E3779B97F4A7C15u
    )


cdef inline bint start_table(SeriesTable *table, uint64_t factor) noexcept nogil:
    """False where there is no memory."""
    table.bits = 10
    table.count = 0
    table.factor = factor | 1
    table.ids = <uint64_t *> calloc(1 << table.bits, sizeof(uint64_t))
    table.numbers = <uint32_t *> calloc(1 << table.bits, sizeof(uint32_t))
    return table.ids != NULL and table.numbers != NULL


cdef inline void end_table(SeriesTable *table) noexcept nogil:
    free(table.ids)
    free(table.numbers)
    table.ids = NULL
    table.numbers = NULL


cdef inline size_t _place(const SeriesTable *table, uint64_t series) noexcept nogil:
    """Where a series is, or where it would go."""
    cdef size_t mask = (<size_t> 1 << table.bits) - 1
    cdef uint64_t mixed = (series ^ (series >> 32)) * table.factor
    cdef size_t place = <size_t> (mixed >> (64 - table.bits))
    while table.numbers[place] and table.ids[place] != series:
        place = (place + 1) & mask
    return place


cdef inline int64_t find_series(const SeriesTable *table, uint64_t series) noexcept nogil:
    """The number of a series; -1 for an unknown one."""
    return <int64_t> table.numbers[_place(table, series)] - 1


cdef inline bint _grow(SeriesTable *table) noexcept nogil:
    cdef SeriesTable larger = table[0]
    cdef size_t place, old
    larger.bits = table.bits + 1
    larger.ids = <uint64_t *> calloc(<size_t> 1 << larger.bits, sizeof(uint64_t))
    larger.numbers = <uint32_t *> calloc(<size_t> 1 << larger.bits, sizeof(uint32_t))
    if larger.ids == NULL or larger.numbers == NULL:
        end_table(&larger)
        return False
    for old in range(<size_t> 1 << table.bits):
        if table.numbers[old]:
            place = _place(&larger, table.ids[old])
            larger.ids[place] = table.ids[old]
            larger.numbers[place] = table.numbers[old]
    end_table(table)
    table[0] = larger
    return True


cdef inline int64_t number_series(SeriesTable *table, uint64_t series) noexcept nogil:
    """The number of a series, which for a new one is the count before it; -1 without memory."""
    cdef size_t place = _place(table, series)
    if table.numbers[place]:
        return <int64_t> table.numbers[place] - 1
    if table.count == UINT32_MAX - 1:
        return -1
    if <size_t> table.count * 3 >= (<size_t> 1 << table.bits) * 2:
        if not _grow(table):
            return -1
        place = _place(table, series)
    table.count += 1
    table.ids[place] = series
    table.numbers[place] = table.count
    return <int64_t> table.count - 1
