"""Chosen rows of batches, and the newest point of each series; ``select.py`` is the specification.

Names and attributes are looked at once for each distinct text of a batch, in Python; the rest is
compared row by row without the interpreter.
"""

from os import urandom

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from otel_etw.captures.columns._atomic cimport Counter, begin_use, end_use
from otel_etw.captures.columns._batch_view cimport (
    BatchView,
    Values,
    entry,
    is_null,
    text_at,
)
from otel_etw.captures.columns._gather cimport gather
from otel_etw.captures.columns._series_table cimport (
    SeriesTable,
    end_table,
    find_series,
    number_series,
    series_at,
    start_table,
)

from otel_etw.captures.columns.conditions import AttributeConditions, NameConditions
from otel_etw.captures.columns.schema import COLUMNS

__all__ = ["Newest", "Selector"]

_INDEX = {column.name: index for index, column in enumerate(COLUMNS)}

cdef int NAME = _INDEX["MetricName"]
cdef int ATTRIBUTES = _INDEX["Attributes"]
cdef int SCOPE_ATTRIBUTES = _INDEX["ScopeAttributes"]
cdef int RESOURCE_ATTRIBUTES = _INDEX["ResourceAttributes"]
cdef int TIME = _INDEX["TimeUnix"]
cdef int SERIES = _INDEX["SeriesId"]
cdef int PROCESS = _INDEX["ProcessId"]


cdef void *_allocate(size_t size) except NULL:
    cdef void *memory = malloc(size if size else 1)
    if memory == NULL:
        raise MemoryError
    return memory


cdef class Selector:
    """Chooses rows of batches. What is empty or None asks for nothing.

    Threads may share one.
    """

    cdef object _names
    cdef object _attributes
    cdef bint _has_times
    cdef bint _never
    cdef uint64_t _since
    cdef uint64_t _until
    cdef uint32_t *_pids
    cdef Py_ssize_t _pid_count

    def __cinit__(self, names=(), attributes=(), since=None, until=None, pids=()):
        self._names = NameConditions(names)
        self._attributes = AttributeConditions(attributes)
        self._has_times = since is not None or until is not None
        # A point without a time, whose time is 0, is older than any and not known to be before any.
        first, last = since or 0, (1 << 64) - 1 if until is None else until
        if until is not None:
            first = max(first, 1)
        self._never = first > last or first >= 1 << 64
        self._since = 0 if self._never else max(first, 0)
        self._until = 0 if self._never else min(last, (1 << 64) - 1)
        asked = sorted({pid for pid in pids if 0 <= pid < 1 << 32})
        self._never = self._never or (not asked and bool(len(pids)))
        self._pid_count = len(asked)
        self._pids = <uint32_t *> _allocate(self._pid_count * sizeof(uint32_t))
        for index, pid in enumerate(asked):
            self._pids[index] = pid

    def __dealloc__(self):
        free(self._pids)

    def __call__(self, batch):
        """The batch itself where all rows match, else a batch of those that do, maybe none."""
        cdef BatchView view = BatchView(batch)
        cdef int64_t count = view.length
        cdef uint8_t *chosen = <uint8_t *> _allocate(count)
        cdef int64_t *rows = NULL
        cdef int64_t row, found = 0
        try:
            memset(chosen, 0 if self._never else 1, count)
            if not self._never:
                self._by_name(view, chosen)
                with nogil:
                    self._by_time(view, chosen)
                    self._by_process(view, chosen)
                self._by_attributes(view, chosen)
            with nogil:
                for row in range(count):
                    found += chosen[row]
            if found == count:
                return batch
            rows = <int64_t *> _allocate(found * sizeof(int64_t))
            found = 0
            for row in range(count):
                if chosen[row]:
                    rows[found] = row
                    found += 1
            return gather(view, rows, found)
        finally:
            free(chosen)
            free(rows)

    cdef int _by_name(self, BatchView view, uint8_t *chosen) except -1:
        cdef Values names
        cdef uint8_t *matching
        cdef int64_t row, index
        if not self._names:
            return 0
        names = view.column(NAME)
        matching = <uint8_t *> _allocate(names.array.dictionary.length)
        try:
            for index in range(names.array.dictionary.length):
                matching[index] = self._names.matches(text_at(names.array.dictionary, index))
            with nogil:
                for row in range(view.length):
                    chosen[row] &= matching[entry(&names, row)]
        finally:
            free(matching)
        return 0

    cdef void _by_time(self, BatchView view, uint8_t *chosen) noexcept nogil:
        cdef Values times
        cdef uint64_t time
        cdef int64_t row
        if not self._has_times:
            return
        times = view.column(TIME)
        for row in range(view.length):
            time = 0
            if not is_null(&times, row):
                time = (<const uint64_t *> times.data)[times.offset + row]
            chosen[row] &= self._since <= time <= self._until

    cdef void _by_process(self, BatchView view, uint8_t *chosen) noexcept nogil:
        cdef Values processes
        cdef uint32_t process
        cdef int64_t row
        cdef Py_ssize_t index
        cdef uint8_t found
        if not self._pid_count:
            return
        processes = view.column(PROCESS)
        for row in range(view.length):
            found = 0
            if not is_null(&processes, row):
                process = (<const uint32_t *> processes.data)[processes.offset + row]
                for index in range(self._pid_count):
                    found |= self._pids[index] == process
            chosen[row] &= found

    cdef int _by_attributes(self, BatchView view, uint8_t *chosen) except -1:
        cdef uint64_t *met
        cdef uint64_t all_met
        cdef int64_t row
        if not self._attributes:
            return 0
        all_met = self._attributes.all
        met = <uint64_t *> calloc(max(view.length, 1), sizeof(uint64_t))
        if met == NULL:
            raise MemoryError
        try:
            for column in (ATTRIBUTES, SCOPE_ATTRIBUTES, RESOURCE_ATTRIBUTES):
                self._add_met(view, column, chosen, met)
            with nogil:
                for row in range(view.length):
                    chosen[row] &= met[row] == all_met
        finally:
            free(met)
        return 0

    cdef int _add_met(
        self, BatchView view, int column, const uint8_t *chosen, uint64_t *met
    ) except -1:
        """The conditions that attributes of one column meet, those of rows that are out excepted"""
        cdef Values texts = view.column(column)
        cdef int64_t distinct = texts.array.dictionary.length
        cdef uint8_t *used = NULL
        cdef uint64_t *answers = NULL
        cdef int64_t row, index
        try:
            used = <uint8_t *> _allocate(distinct)
            answers = <uint64_t *> _allocate(distinct * sizeof(uint64_t))
            memset(used, 0, distinct)
            for row in range(view.length):
                if chosen[row]:
                    used[entry(&texts, row)] = 1
            for index in range(distinct):
                if used[index]:
                    answers[index] = self._attributes.met(text_at(texts.array.dictionary, index))
            for row in range(view.length):
                if chosen[row]:
                    met[row] |= answers[entry(&texts, row)]
        finally:
            free(used)
            free(answers)
        return 0


cdef struct _Point:
    # The newest point of a series: when it was, and which row of which held batch it is.
    uint64_t time
    uint32_t batch
    uint32_t row


cdef struct _Held:
    int64_t rows
    int64_t live  # rows that are the newest point of their series
    bint is_queued  # to be copied without its other rows


@cython.final
cdef class Newest:
    """The newest point of each series, in the order of the files; of two of one time the later one.

    Memory grows with the number of series: a batch is kept while half of its rows are needed, then
    they are copied. One thread at a time: RuntimeError for another one meanwhile.
    """

    cdef SeriesTable _table
    cdef _Point *_points
    cdef size_t _point_room
    cdef list _batches
    cdef _Held *_held
    cdef uint32_t *_queue
    cdef size_t _held_room
    cdef size_t _queued
    cdef Counter _users

    def __cinit__(self):
        self._batches = []
        if not start_table(&self._table, int.from_bytes(urandom(8), "little")):
            raise MemoryError

    def __dealloc__(self):
        end_table(&self._table)
        free(self._points)
        free(self._held)
        free(self._queue)

    def __len__(self):
        """How many series there were."""
        return self._table.count

    def add(self, batch):
        """Take a batch of points."""
        cdef BatchView view = BatchView(batch)
        cdef uint32_t number
        if not view.length:
            return
        if view.length > 0xFFFFFFFF:
            raise ValueError(f"a batch of {view.length} rows; 4,294,967,295 are allowed")
        self._enter()
        try:
            number = <uint32_t> self._hold(batch, view)
            with nogil:
                self._note(view, number)
            while self._queued:
                self._queued -= 1
                self._compact(self._queue[self._queued])
        finally:
            end_use(&self._users)

    def finish(self):
        """The newest points, batch by batch. It may be asked again, also after more was added."""
        cdef size_t number
        self._enter()
        try:
            for number in range(<size_t> len(self._batches)):
                if self._held[number].live < self._held[number].rows:
                    self._compact(<uint32_t> number)
            found = [batch for batch in self._batches if batch is not None]
        finally:
            end_use(&self._users)
        return iter(found)

    cdef int _enter(self) except -1:
        if not begin_use(&self._users):
            raise RuntimeError("another thread adds a batch to the same newest points")
        return 0

    cdef int64_t _hold(self, object batch, BatchView view) except -1:
        cdef size_t number = len(self._batches)
        cdef size_t room
        cdef void *larger
        if number == self._held_room:
            room = max(2 * self._held_room, <size_t> 64)
            larger = realloc(self._held, room * sizeof(_Held))
            if larger == NULL:
                raise MemoryError
            self._held = <_Held *> larger
            larger = realloc(self._queue, room * sizeof(uint32_t))
            if larger == NULL:
                raise MemoryError
            self._queue = <uint32_t *> larger
            self._held_room = room
        self._batches.append(batch)
        self._held[number].rows = view.length
        self._held[number].live = 0
        self._held[number].is_queued = False
        return number

    cdef int _note(self, BatchView view, uint32_t number) except -1 nogil:
        cdef Values series = view.column(SERIES)
        cdef Values processes = view.column(PROCESS)
        cdef Values times = view.column(TIME)
        cdef _Point *point
        cdef uint64_t time
        cdef uint32_t known
        cdef int64_t row, index
        for row in range(view.length):
            known = self._table.count
            # First the room for a point, so that no series is numbered that has none.
            index = -1
            if self._room_for(known):
                index = number_series(&self._table, series_at(&series, &processes, row))
            if index < 0:
                with gil:
                    raise MemoryError
            time = 0
            if not is_null(&times, row):
                time = (<const uint64_t *> times.data)[times.offset + row]
            point = self._points + index
            if index < known:
                if point.time > time:
                    continue
                self._held[point.batch].live -= 1
                if point.batch != number:
                    self._queue_if_mostly_dead(point.batch)
            point.time = time
            point.batch = number
            point.row = <uint32_t> row
            self._held[number].live += 1
        # This one not before its end, for until then it gains rows.
        self._queue_if_mostly_dead(number)
        return 0

    cdef bint _room_for(self, int64_t index) noexcept nogil:
        cdef size_t room
        cdef void *larger
        if <size_t> index < self._point_room:
            return True
        room = max(2 * self._point_room, <size_t> 1024)
        larger = realloc(self._points, room * sizeof(_Point))
        if larger == NULL:
            return False
        self._points = <_Point *> larger
        self._point_room = room
        return True

    cdef void _queue_if_mostly_dead(self, uint32_t number) noexcept nogil:
        cdef _Held *held = self._held + number
        if 2 * held.live < held.rows and not held.is_queued:
            held.is_queued = True
            self._queue[self._queued] = number
            self._queued += 1

    cdef int _compact(self, uint32_t number) except -1:
        """Keep of a batch only the rows that are the newest of their series."""
        cdef _Held *held = self._held + number
        cdef BatchView view
        cdef int64_t *rows
        cdef int64_t index, found = 0
        held.is_queued = False
        if not held.live:
            self._batches[number] = None
            held.rows = 0
            return 0
        view = BatchView(self._batches[number])
        rows = <int64_t *> _allocate(held.live * sizeof(int64_t))
        try:
            with nogil:
                found = self._live_rows(view, number, rows)
            if found != held.live:
                raise ValueError("a batch has other rows than when it was added")
            self._batches[number] = gather(view, rows, found)
            for index in range(found):
                self._point_of(view, rows[index]).row = <uint32_t> index
            held.rows = found
        finally:
            free(rows)
        return 0

    cdef int64_t _live_rows(self, BatchView view, uint32_t number, int64_t *rows) noexcept nogil:
        """Puts them into ``rows``, and says how many they are."""
        cdef _Point *point
        cdef int64_t row, found = 0
        for row in range(view.length):
            point = self._point_of(view, row)
            # The series of rows that there was no memory for are not known.
            if point != NULL and point.batch == number and point.row == <uint32_t> row:
                rows[found] = row
                found += 1
        return found

    cdef _Point *_point_of(self, BatchView view, int64_t row) noexcept nogil:
        cdef Values series = view.column(SERIES)
        cdef Values processes = view.column(PROCESS)
        cdef int64_t number = find_series(&self._table, series_at(&series, &processes, row))
        return NULL if number < 0 else self._points + number
