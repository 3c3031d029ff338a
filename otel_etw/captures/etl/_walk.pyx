"""Walks the records of one buffer, compiled: the twin of ``walk.py``."""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy

from os import urandom

from otel_etw.captures.etl.names import PROCESS_GROUP as _PROCESS_GROUP
from otel_etw.captures.etl.names import PROCESS_OPCODES as _PROCESS_OPCODES
from otel_etw.captures.etl.records import EVENT_HEADER, MESSAGE, OTHER, SYSTEM
from otel_etw.captures.etl.records import RECORD_TYPES as _RECORD_TYPES
from otel_etw.captures.etl.report import MOST_EVENT_KINDS as _MOST_EVENT_KINDS
from otel_etw.captures.etl.report import RECORD_KINDS as _RECORD_KINDS
from otel_etw.captures.etl.walk import MOST_PROCESS_RECORDS as _MOST_PROCESS_RECORDS

__all__ = ["Walk"]

cdef enum:
    GUID = 16
    EVENT = 0x50  # bytes of an EVENT_HEADER
    ITEM = 8  # bytes of an extended item's header
    EXTENDED = 0x1  # EVENT_HEADER_FLAG_EXTENDED_INFO
    ANOTHER = 0x1  # EVENT_HEADER_EXTENDED_DATA_ITEM.Linkage
    KINDS = 8
    FIRST_ROOM = 256

cdef uint32_t FILLER = 0xFFFFFFFF

# What is wrong where a walk ends.
cdef enum Fault:
    NOTHING
    NO_RECORD
    CUT_MARKER
    WRONG_SIZE
    NO_MEMORY

cdef struct RecordType:
    uint8_t kind
    uint8_t size_at
    uint8_t least

cdef struct Counted:
    uint8_t provider[GUID]
    uint64_t count  # 0: the place is empty
    uint16_t id

cdef struct Event:
    Py_ssize_t at
    Py_ssize_t payload
    int64_t time
    uint32_t process
    uint32_t thread
    uint16_t size
    uint16_t id

# A record that names something.
cdef struct Naming:
    Py_ssize_t at
    uint16_t size

# The events of the provider in one buffer, and what names something in it.
cdef struct Found:
    Event *events
    size_t count
    size_t room
    Naming *naming
    size_t naming_count
    size_t naming_room

# Types of records with 0xC0 in the highest byte of their marker, then the two kinds of others.
cdef RecordType types[256]
cdef RecordType message
cdef RecordType other
cdef size_t most_events = _MOST_EVENT_KINDS
cdef size_t most_process_records = _MOST_PROCESS_RECORDS


cdef RecordType record_type(type) except *:
    cdef RecordType made
    made.kind, made.size_at, made.least = type
    return made


cdef int fill_types() except -1:
    cdef int number
    for number in range(256):
        types[number] = record_type(_RECORD_TYPES.get(number, OTHER))
    return 0


message = record_type(MESSAGE)
other = record_type(OTHER)
fill_types()
assert len(_RECORD_KINDS) == KINDS and EVENT_HEADER.least == EVENT
cdef uint8_t event_kind = EVENT_HEADER.kind
cdef uint8_t system_kind = SYSTEM
cdef uint8_t process_group = _PROCESS_GROUP
cdef uint8_t first_process_opcode = min(_PROCESS_OPCODES)
cdef uint8_t last_process_opcode = max(_PROCESS_OPCODES)


cdef inline uint16_t u16(const uint8_t *at) noexcept nogil:
    return <uint16_t>(at[0] | at[1] << 8)


cdef inline uint32_t u32(const uint8_t *at) noexcept nogil:
    return u16(at) | <uint32_t>u16(at + 2) << 16


cdef inline uint64_t u64(const uint8_t *at) noexcept nogil:
    return u32(at) | <uint64_t>u32(at + 4) << 32


cdef inline int64_t i64(const uint8_t *at) noexcept nogil:
    cdef uint64_t bits = u64(at)
    cdef int64_t value = 0
    memcpy(&value, &bits, sizeof(value))
    return value


cdef Py_ssize_t user_data(const uint8_t *data, Py_ssize_t at, Py_ssize_t end) noexcept nogil:
    """Where the extended items of the event from ``at`` to ``end`` end; -1: they do not fit."""
    cdef uint32_t total
    at += EVENT
    while end - at >= ITEM:
        total = u16(data + at)
        if total < ITEM + <uint32_t>u16(data + at + 6):
            return -1
        if not u16(data + at + 4) & ANOTHER:
            at += (total + 7) & ~<uint32_t>7
            return at if at <= end else -1
        at += (total + 7) & ~<uint32_t>7
    return -1


cdef class Walk:
    """Walks buffer after buffer of one file; see `otel_etw.captures.etl.walk.Walk`."""

    cdef uint8_t provider[GUID]
    cdef uint64_t counts[KINDS]
    cdef Counted *table  # open addressing; its room is a power of two, at least twice what is used
    cdef size_t room
    cdef size_t used
    cdef size_t latest  # where the last event was counted
    cdef uint64_t seed  # so that no file can know which events meet in the table
    cdef uint64_t not_counted
    cdef int64_t first
    cdef int64_t last
    cdef size_t process_records
    cdef list naming

    def __cinit__(self, bytes provider not None):
        if len(provider) != GUID:
            raise ValueError(f"a GUID has 16 bytes, not {len(provider)}")
        memcpy(self.provider, <const char *>provider, GUID)
        self.seed = int.from_bytes(urandom(8), "little")
        self.first, self.last = INT64_MAX, INT64_MIN
        self.naming = []
        self.table = <Counted *>calloc(FIRST_ROOM, sizeof(Counted))
        if self.table == NULL:
            raise MemoryError("no memory for the counts of events")
        self.room = FIRST_ROOM

    def __dealloc__(self):
        free(self.table)

    def buffer(self, const uint8_t[::1] data not None, Py_ssize_t start, Py_ssize_t end,
               bint is_exact):
        cdef Found found
        cdef Fault fault
        cdef Py_ssize_t at = start
        cdef const uint8_t *bytes_of = NULL
        if not 0 <= start <= end <= data.shape[0]:
            raise ValueError("the records are not in the data")
        if start < end:
            bytes_of = &data[0]
        found.events = NULL
        found.count = found.room = 0
        found.naming = NULL
        found.naming_count = found.naming_room = 0
        try:
            # No Python code runs in it: on a build without the GIL this is what keeps two threads
            # apart.
            with cython.critical_section(self):
                fault = self.walk(bytes_of, &at, end, is_exact, &found)
            if fault == NO_MEMORY:
                raise MemoryError("no memory for the events of a buffer")
            if found.naming_count:
                self.keep_naming(&found, bytes_of)
            return listed(&found, bytes_of), at, reason(fault, bytes_of, at, end)
        finally:
            free(found.events)
            free(found.naming)

    cdef int keep_naming(self, Found *found, const uint8_t *data) except -1:
        cdef size_t index
        cdef Naming *each
        for index in range(found.naming_count):
            each = &found.naming[index]
            self.naming.append(PyBytes_FromStringAndSize(<const char *>data + each.at, each.size))
        return 0

    cdef Fault walk(self, const uint8_t *data, Py_ssize_t *position, Py_ssize_t end, bint is_exact,
                    Found *found) noexcept nogil:
        cdef Py_ssize_t at = position[0]
        cdef uint32_t marker
        cdef uint16_t size
        cdef RecordType type
        cdef Fault fault = NOTHING
        while end - at >= 4:
            marker = u32(data + at)
            if marker == FILLER or (marker == 0 and not is_exact):
                break
            if not marker >> 31:
                fault = NO_RECORD
                break
            if end - at < 8:
                fault = CUT_MARKER
                break
            type = type_of(marker)
            size = u16(data + at + type.size_at)
            if size < type.least or size > end - at:
                fault = WRONG_SIZE
                break
            self.counts[type.kind] += 1
            if type.kind == event_kind and not self.event(data, at, size, found):
                fault = NO_MEMORY
                break
            if type.kind == system_kind and not self.system(data, at, size, found):
                fault = NO_MEMORY
                break
            at += (size + 7) & ~7
        position[0] = min(at, end)
        return fault

    cdef bint system(self, const uint8_t *data, Py_ssize_t at, uint16_t size,
                     Found *found) noexcept nogil:
        """Whether there was memory for it."""
        cdef uint8_t opcode = data[at + 6]
        if (
            data[at + 7] != process_group
            or not first_process_opcode <= opcode <= last_process_opcode
            or self.process_records == most_process_records
        ):
            return True
        self.process_records += 1
        return names(found, at, size)

    cdef bint event(self, const uint8_t *data, Py_ssize_t at, uint16_t size,
                    Found *found) noexcept nogil:
        """Whether there was memory for it."""
        cdef const uint8_t *header = data + at
        cdef int64_t time = i64(header + 0x10)
        cdef Event *event
        cdef size_t used = self.used
        self.first = min(self.first, time)
        self.last = max(self.last, time)
        if not self.count(header + 0x18, u16(header + 0x28)):
            return False
        if self.used != used and u16(header + 4) & EXTENDED and not names(found, at, size):
            return False
        if memcmp(header + 0x18, self.provider, GUID) != 0:
            return True
        if found.count == found.room and not grow(found):
            return False
        event = &found.events[found.count]
        found.count += 1
        event.at = at
        event.size = size
        event.time = time
        event.thread = u32(header + 0x08)
        event.process = u32(header + 0x0C)
        event.id = u16(header + 0x28)
        event.payload = at + EVENT
        if u16(header + 4) & EXTENDED:
            event.payload = user_data(data, at, at + size)
        return True

    cdef bint count(self, const uint8_t *provider, uint16_t id) noexcept nogil:
        """Whether there was memory for it."""
        cdef Counted *place = &self.table[self.latest]
        if place.count and place.id == id and memcmp(place.provider, provider, GUID) == 0:
            place.count += 1
            return True
        self.latest = self.place(provider, id)
        place = &self.table[self.latest]
        if place.count == 0:
            if self.used == most_events:
                self.not_counted += 1
                return True
            memcpy(place.provider, provider, GUID)
            place.id = id
            self.used += 1
        place.count += 1
        if 2 * self.used > self.room:
            return self.widen()
        return True

    cdef size_t place(self, const uint8_t *provider, uint16_t id) noexcept nogil:
        """Where this event is counted, or would be."""
        cdef uint64_t hash = mixed(u64(provider) ^ self.seed)
        cdef size_t mask = self.room - 1
        cdef size_t at
        cdef Counted *place
        hash = mixed(hash ^ u64(provider + 8))
        hash = mixed(hash ^ id)
        at = <size_t>hash & mask
        while True:
            place = &self.table[at]
            if place.count == 0 or (
                place.id == id and memcmp(place.provider, provider, GUID) == 0
            ):
                return at
            at = (at + 1) & mask

    cdef bint widen(self) noexcept nogil:
        cdef Counted *before = self.table
        cdef size_t room = self.room
        cdef size_t at
        cdef Counted *table = <Counted *>calloc(2 * room, sizeof(Counted))
        if table == NULL:
            return False
        self.table, self.room = table, 2 * room
        for at in range(room):
            if before[at].count:
                table[self.place(before[at].provider, before[at].id)] = before[at]
        self.latest = 0
        free(before)
        return True

    @property
    def records(self):
        return [self.counts[kind] for kind in range(KINDS)]

    @property
    def events(self):
        cdef list events = []
        cdef Counted place
        cdef size_t at = 0
        cdef bint is_there = True
        while is_there:
            # Nothing may leave the section early: Cython would keep a reference to self.
            with cython.critical_section(self):
                is_there = at < self.room
                if is_there:
                    place = self.table[at]
            at += 1
            if is_there and place.count:
                provider = PyBytes_FromStringAndSize(<char *>place.provider, GUID)
                events.append((provider, place.id, place.count))
        return events

    @property
    def uncounted(self):
        return self.not_counted

    def take_naming_records(self):
        cdef list naming
        with cython.critical_section(self):
            naming = self.naming
            self.naming = []
        return naming

    def take_times(self):
        cdef int64_t first, last
        with cython.critical_section(self):
            first, last = self.first, self.last
            self.first, self.last = INT64_MAX, INT64_MIN
        return (first, last) if first <= last else None


cdef inline uint64_t mixed(uint64_t value) noexcept nogil:
    """The finalizer of SplitMix64: every bit of the value changes every bit of the result."""
    value = (value ^ (value >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    value = (value ^ (value >> 27)) * <uint64_t>0x94D049BB133111EB
    return value ^ (value >> 31)


cdef inline RecordType type_of(uint32_t marker) noexcept nogil:
    if marker >> 24 == 0xC0:
        return types[marker >> 16 & 0xFF]
    return message if marker >> 24 == 0x90 else other


cdef bint grow(Found *found) noexcept nogil:
    cdef size_t room = 2 * found.room if found.room else 64
    cdef void *events = realloc(found.events, room * sizeof(Event))
    if events == NULL:
        return False
    found.events = <Event *>events
    found.room = room
    return True


cdef bint names(Found *found, Py_ssize_t at, uint16_t size) noexcept nogil:
    """Remember a record that names something; whether there was memory for it."""
    cdef size_t room
    cdef void *naming
    if found.naming_count == found.naming_room:
        room = 2 * found.naming_room if found.naming_room else 16
        naming = realloc(found.naming, room * sizeof(Naming))
        if naming == NULL:
            return False
        found.naming = <Naming *>naming
        found.naming_room = room
    found.naming[found.naming_count].at = at
    found.naming[found.naming_count].size = size
    found.naming_count += 1
    return True


cdef list listed(Found *found, const uint8_t *data):
    cdef list events = []
    cdef size_t index
    cdef Event *event
    for index in range(found.count):
        event = &found.events[index]
        user_data = None
        if event.payload >= 0:
            user_data = PyBytes_FromStringAndSize(
                <const char *>data + event.payload, event.at + event.size - event.payload
            )
        events.append(
            (event.at, event.size, event.time, event.process, event.thread, event.id, user_data)
        )
    return events


cdef str reason(Fault fault, const uint8_t *data, Py_ssize_t at, Py_ssize_t end):
    if fault == NOTHING:
        return ""
    cdef uint32_t marker = u32(data + at)
    cdef RecordType type
    if fault == NO_RECORD:
        return f"no record begins with {marker:#010x}"
    if fault == CUT_MARKER:
        return f"a record begins {end - at} bytes before the end"
    type = type_of(marker)
    size = u16(data + at + type.size_at)
    return (
        f"a record ({_RECORD_KINDS[type.kind]}) of {size:,} bytes, where {type.least} to"
        f" {end - at:,} are possible"
    )
