"""Hash tables of byte strings, each stored once and known by a small number.

The hash is NH of UMAC (RFC 4418, section 5.2.2) over blocks of 256 bytes, mixed by XXH64's last
step: with a secret, random key nobody can make up texts that collide, and it needs no
multiplication of more than 64 bits.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memset

from otel_etw.captures.columns._growing cimport Buffer, append, release
from otel_etw.captures.columns._protobuf cimport load32, load64
from otel_etw.captures.columns._xxh64 cimport PRIME1, avalanche

cdef enum:
    BLOCK_WORDS = 32
    FEWEST_SLOTS = 1024
    MOST_KEPT = 1 << 25


cdef struct HashKey:
    uint64_t start
    uint64_t[BLOCK_WORDS] words


cdef struct Entry:
    uint64_t hash
    uint64_t at         # where its bytes begin among those of the table
    uint32_t size
    # For who uses the table:
    uint32_t value
    uint32_t stamp
    uint32_t index


cdef struct Table:
    Buffer bytes
    Entry *entries
    uint32_t count
    uint64_t *slots     # the upper half of the hash, and the entry's number + 1; 0: free
    uint32_t mask


cdef inline uint64_t nh_word(uint64_t word, uint64_t key) noexcept nogil:
    cdef uint32_t low = <uint32_t>word + <uint32_t>key
    cdef uint32_t high = <uint32_t>(word >> 32) + <uint32_t>(key >> 32)
    return <uint64_t>low * high


cdef inline uint64_t keyed_hash(const uint8_t *at, size_t size, const HashKey *key) noexcept nogil:
    cdef uint64_t result = key.start + size * PRIME1
    cdef uint64_t word = 0
    cdef size_t left = size
    cdef int i = 0
    while left > 8:
        result += nh_word(load64(at), key.words[i])
        at += 8
        left -= 8
        i += 1
        if i == BLOCK_WORDS:
            result = avalanche(result)
            i = 0
    # The last 1 to 8 bytes; the size, which is in the start, says how they lie in the word.
    if size >= 8:
        word = load64(at + left - 8)
    elif size >= 4:
        word = load32(at) | <uint64_t>load32(at + size - 4) << 32
    elif size:
        word = at[0] | <uint64_t>at[size >> 1] << 8 | <uint64_t>at[size - 1] << 16
    return avalanche(result + nh_word(word, key.words[i]))


cdef inline int grow_table(Table *table) noexcept nogil:
    cdef uint32_t size = (table.mask + 1) * 2 if table.slots != NULL else FEWEST_SLOTS
    cdef uint64_t *slots
    cdef Entry *entries
    cdef uint32_t i, slot
    if size > 1 << 30:
        return -1
    # One entry for each two slots.
    entries = <Entry *>realloc(table.entries, size // 2 * sizeof(Entry))
    if entries == NULL:
        return -1
    table.entries = entries
    slots = <uint64_t *>calloc(size, sizeof(uint64_t))
    if slots == NULL:
        return -1
    for i in range(table.count):
        slot = <uint32_t>entries[i].hash & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot] = (entries[i].hash >> 32 << 32) | (i + 1)
    free(table.slots)
    table.slots = slots
    table.mask = size - 1
    return 0


cdef inline int64_t intern_bytes(
    Table *table, const uint8_t *data, size_t size, const HashKey *key, bint *is_new
) noexcept nogil:
    """The number of these bytes; -1 when there is no memory."""
    cdef uint64_t hash = keyed_hash(data, size, key)
    cdef uint32_t slot, number
    cdef Entry *entry
    if table.slots == NULL and grow_table(table) < 0:
        return -1
    slot = <uint32_t>hash & table.mask
    while table.slots[slot]:
        if (table.slots[slot] ^ hash) >> 32 == 0:
            number = <uint32_t>table.slots[slot] - 1
            entry = &table.entries[number]
            if entry.hash == hash and entry.size == size and (
                size == 0 or memcmp(table.bytes.data + entry.at, data, size) == 0
            ):
                is_new[0] = False
                return number
        slot = (slot + 1) & table.mask
    if table.count * 2 > table.mask:
        if grow_table(table) < 0:
            return -1
        slot = <uint32_t>hash & table.mask
        while table.slots[slot]:
            slot = (slot + 1) & table.mask
    number = table.count
    entry = &table.entries[number]
    entry.hash = hash
    entry.at = table.bytes.used
    entry.size = <uint32_t>size
    entry.value = entry.stamp = entry.index = 0
    if append(&table.bytes, data, size) < 0:
        return -1
    table.count += 1
    table.slots[slot] = (hash >> 32 << 32) | (number + 1)
    is_new[0] = True
    return number


cdef inline const uint8_t *entry_bytes(const Table *table, uint32_t number) noexcept nogil:
    return table.bytes.data + table.entries[number].at


cdef inline size_t table_size(const Table *table) noexcept nogil:
    """Bytes in use, about."""
    return table.bytes.used + table.count * sizeof(Entry)


cdef inline void free_table(Table *table) noexcept nogil:
    release(&table.bytes)
    free(table.entries)
    free(table.slots)
    memset(table, 0, sizeof(Table))


cdef inline void empty_table(Table *table) noexcept nogil:
    """Forget all entries. Usual amounts of memory are kept, for they will be needed again."""
    table.count = 0
    table.bytes.used = 0
    if table.bytes.room > MOST_KEPT or table.mask > MOST_KEPT / sizeof(uint64_t):
        free_table(table)
    elif table.slots != NULL:
        memset(table.slots, 0, (<size_t>table.mask + 1) * sizeof(uint64_t))
