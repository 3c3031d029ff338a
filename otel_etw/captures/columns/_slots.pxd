"""What was measured in slots of time: ``_Slots`` of overview.py, which says what it means."""

from libc.math cimport fabs, isfinite
from libc.stdint cimport UINT32_MAX, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

cdef enum:
    SLOTS = 20
    LEVEL = 0
    COUNTER = 1
    DELTAS = 2


cdef struct Slots:
    uint64_t base
    double reference
    float values[SLOTS]
    uint32_t counts[SLOTS]
    uint8_t shift
    uint8_t used


cdef inline void _put_slot(
    Slots *slots, int kind, uint64_t index, float value, uint32_t count
) noexcept nogil:
    cdef double added
    if kind == COUNTER or not slots.counts[index]:
        slots.values[index] = value
    else:
        added = <double> slots.values[index] + <double> value
        slots.values[index] = <float> added if fabs(added) <= 3e38 else value
    if count > UINT32_MAX - slots.counts[index]:
        slots.counts[index] = UINT32_MAX
    else:
        slots.counts[index] += count


cdef inline void slots_at(
    const Slots *slots, int kind, uint8_t shift, uint64_t base, uint8_t used, Slots *larger
) noexcept nogil:
    """The same in slots of at least that size."""
    cdef uint8_t index
    cdef uint64_t slot
    memset(larger, 0, sizeof(Slots))
    larger.base = base
    larger.reference = slots.reference
    larger.shift = shift
    larger.used = used
    for index in range(slots.used):
        if slots.counts[index]:
            slot = ((slots.base + index) >> (shift - slots.shift)) - base
            # What the caller did not ask for has no place.
            if slot < SLOTS:
                _put_slot(larger, kind, slot, slots.values[index], slots.counts[index])


cdef inline void _make_room(Slots *slots, int kind, uint64_t time) noexcept nogil:
    cdef uint64_t slot = time >> slots.shift
    cdef uint64_t first, last
    cdef uint8_t by = 0
    cdef Slots larger
    if not slots.used:
        slots.base = slot
        slots.used = 1
        return
    first = min(slots.base, slot)
    last = max(slots.base + slots.used - 1, slot)
    if last - first < SLOTS and first == slots.base:
        slots.used = <uint8_t> (last - first + 1)
        return
    while (last >> by) - (first >> by) >= SLOTS:
        by += 1
    first >>= by
    last >>= by
    slots_at(slots, kind, slots.shift + by, first, <uint8_t> (last - first + 1), &larger)
    slots[0] = larger


cdef inline void put_in_slot(Slots *slots, int kind, uint64_t time, double measured) noexcept nogil:
    cdef double value = measured - slots.reference
    if not time or not isfinite(value) or fabs(value) > 3e38:
        return
    _make_room(slots, kind, time)
    _put_slot(slots, kind, (time >> slots.shift) - slots.base, <float> value, 1)
