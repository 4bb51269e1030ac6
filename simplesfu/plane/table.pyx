# cython: language_level=3
"""Linear probing at no more than half load; removal shifts the followers back, so there are no tombstones to sweep."""
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset


cdef int table_init(Table *table, uint64_t seed) noexcept nogil:
    table.capacity = 64
    table.count = 0
    table.seed = seed
    table.entries = <Entry *>calloc(table.capacity, sizeof(Entry))
    return 0 if table.entries != NULL else -1


cdef void table_free(Table *table) noexcept nogil:
    free(table.entries)
    table.entries = NULL
    table.capacity = table.count = 0


cdef inline uint64_t _mix(uint64_t value) noexcept nogil:
    value ^= value >> 32
    value *= <uint64_t>0xD6E8FEB86659FD93
    value ^= value >> 32
    return value


cdef inline uint32_t _home(const Table *table, const Key *key) noexcept nogil:
    cdef uint64_t h = _mix(table.seed ^ key.words[0])
    h = _mix(h + table.seed ^ key.words[1])
    h = _mix(h + table.seed ^ key.words[2])
    return <uint32_t>h & (table.capacity - 1)


cdef inline bint _same(const Key *a, const Key *b) noexcept nogil:
    return a.words[0] == b.words[0] and a.words[1] == b.words[1] and a.words[2] == b.words[2]


cdef inline Entry *_find(const Table *table, const Key *key) noexcept nogil:
    """The key's entry, or the free one where it would go."""
    cdef uint32_t at = _home(table, key)
    while table.entries[at].value != NULL and not _same(&table.entries[at].key, key):
        at = (at + 1) & (table.capacity - 1)
    return &table.entries[at]


cdef void *table_get(const Table *table, const Key *key) noexcept nogil:
    return _find(table, key).value


cdef int table_put(Table *table, const Key *key, void *value) noexcept nogil:
    """0, or -1 when there is no memory. An existing key gets the new value."""
    cdef Entry *entry
    if 2 * (table.count + 1) > table.capacity and _grow(table) != 0:
        return -1
    entry = _find(table, key)
    if entry.value == NULL:
        table.count += 1
        entry.key = key[0]
    entry.value = value
    return 0


cdef int _grow(Table *table) noexcept nogil:
    cdef Table larger = table[0]
    cdef uint32_t i
    larger.capacity = 2 * table.capacity
    larger.entries = <Entry *>calloc(larger.capacity, sizeof(Entry))
    if larger.entries == NULL:
        return -1
    for i in range(table.capacity):
        if table.entries[i].value != NULL:
            _find(&larger, &table.entries[i].key)[0] = table.entries[i]
    free(table.entries)
    table[0] = larger
    return 0


cdef void *table_pop(Table *table, const Key *key) noexcept nogil:
    """What the key had, or NULL."""
    cdef Entry *entry = _find(table, key)
    cdef void *value = entry.value
    cdef uint32_t mask = table.capacity - 1
    cdef uint32_t hole, at, home
    if value == NULL:
        return NULL
    table.count -= 1
    hole = <uint32_t>(entry - table.entries)
    at = hole
    while True:
        at = (at + 1) & mask
        if table.entries[at].value == NULL:
            break
        home = _home(table, &table.entries[at].key)
        # An entry may move back to the hole unless its home lies cyclically behind the hole.
        if ((at - home) & mask) >= ((at - hole) & mask):
            table.entries[hole] = table.entries[at]
            hole = at
    memset(&table.entries[hole], 0, sizeof(Entry))
    return value


cdef Key id_key(uint64_t high, uint64_t low) noexcept nogil:
    cdef Key key
    key.words[0] = high
    key.words[1] = low
    key.words[2] = 0
    return key


cdef bint bytes_key(Key *key, const uint8_t *data, int length) noexcept nogil:
    """False when the bytes are too many to be a key (length 24 or more: the zeros behind must stay unambiguous)."""
    if length >= <int>sizeof(Key):
        return False
    memset(key, 0, sizeof(Key))
    memcpy(key, data, length)
    (<uint8_t *>key)[sizeof(Key) - 1] = <uint8_t>length
    return True


def self_check(operations):
    """Run [(op, key, value)] on a table and return what each gave; the property test compares it with a dict."""
    cdef Table table
    cdef Key key
    cdef list answers = []
    cdef unsigned long long value
    if table_init(&table, 0x9E3779B97F4A7C15) != 0:
        raise MemoryError
    try:
        for op, number, value in operations:
            key = id_key(number >> 32, number & 0xFFFFFFFF)
            if op == "put":
                if table_put(&table, &key, <void *>value) != 0:
                    raise MemoryError
                answers.append(None)
            elif op == "pop":
                answers.append(<unsigned long long>table_pop(&table, &key))
            else:
                answers.append(<unsigned long long>table_get(&table, &key))
        return answers, table.count
    finally:
        table_free(&table)
