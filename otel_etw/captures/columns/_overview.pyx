"""What series did over a capture; ``overview.py`` is the specification and says what is kept.

One hash lookup a row finds the series' record. Records, their slots, distributions and texts stand
in blocks that are freed together.
"""

from os import urandom
from sys import getsizeof

cimport cython
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from otel_etw.captures.columns._arrow cimport ArrowArray
from otel_etw.captures.columns._atomic cimport Counter, begin_use, end_use
from otel_etw.captures.columns._batch_view cimport (
    BatchView,
    Values,
    bit,
    entry,
    is_null,
    text_at,
)
from otel_etw.captures.columns._distribution cimport (
    EXPONENTIAL,
    HISTOGRAM,
    SUMMARY,
    Distribution,
    Given,
    Numbers,
    end_distribution,
    kept_bytes,
    needed_bytes,
    put_distribution,
)
from otel_etw.captures.columns._series_table cimport (
    SeriesTable,
    end_table,
    find_series,
    number_series,
    series_at,
    start_table,
)
from otel_etw.captures.columns._slots cimport (
    COUNTER,
    DELTAS,
    LEVEL,
    Slots,
    put_in_slot,
    slots_at,
)

from otel_etw.captures.columns import series as specification
from otel_etw.captures.columns.schema import COLUMNS
from otel_etw.captures.points import NO_RECORDED_VALUE

__all__ = ["Overview"]

_INDEX = {column.name: index for index, column in enumerate(COLUMNS)}
_KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
# The columns that make a metric, and those that make an origin.
_METRIC = ("MetricName", "MetricKind", "MetricUnit", "AggregationTemporality", "MetricDescription")
_ORIGIN = (
    "ScopeName",
    "ScopeVersion",
    "ScopeAttributes",
    "ScopeSchemaUrl",
    "ResourceAttributes",
    "ResourceSchemaUrl",
)
# The other columns that are looked at, in the order of the fields of _Columns.
_OTHERS = (
    "IsMonotonic", "Attributes", "SeriesId", "StartTimeUnix", "TimeUnix", "Flags", "Value",
    "ValueInt", "Count", "Sum", "Min", "Max", "ExplicitBounds", "BucketCounts", "Scale",
    "ZeroCount", "PositiveOffset", "PositiveBucketCounts", "NegativeOffset",
    "NegativeBucketCounts", "ValueAtQuantiles", "ProcessId",
)

cdef enum:
    BLOCK = 1 << 20
    # Records stand in chunks of 2**12.
    CHUNK_BITS = 12
    CHUNK = 1 << CHUNK_BITS
    # Places for the metrics and origins that a batch has been seen to have.
    SEEN = 1024
    METRIC_KEYS = 5
    ORIGIN_KEYS = 6
    KEYS = 14

cdef uint32_t _NO_VALUE = NO_RECORDED_VALUE


cdef struct _Columns:
    Values metric[METRIC_KEYS]
    Values origin[ORIGIN_KEYS]
    Values monotonic
    Values attributes
    Values series
    Values start
    Values time
    Values flags
    Values value
    Values value_int
    Values count
    Values sum
    Values min
    Values max
    Values bounds
    Values counts
    Values scale
    Values zero_count
    Values positive_offset
    Values positive
    Values negative_offset
    Values negative
    Values quantiles
    Values process


cdef struct _Seen:
    # Entries of this batch's dictionaries, and the numbers of the metric and origin they make.
    int32_t keys[KEYS]
    uint32_t metric
    uint32_t origin
    bint is_there


cdef struct _Metric:
    uint64_t points
    uint32_t series
    uint32_t first  # numbers of series
    uint32_t last
    uint8_t measure
    uint8_t kind


cdef struct _Series:
    uint64_t points
    uint64_t first_time
    uint64_t newest_time
    uint64_t first_start
    double first
    double measured
    double total
    int64_t value_int
    const char *attributes
    Slots *slots
    Distribution *distribution
    uint32_t attributes_length
    uint32_t metric
    uint32_t origin
    uint32_t next  # the next series of the metric
    bint has_measured
    bint has_value
    bint is_int


cdef struct _Block:
    _Block *before
    size_t used
    size_t size


cdef inline double _double(const Values *values, int64_t row) noexcept nogil:
    return (<const double *> values.data)[values.offset + row]


cdef inline uint64_t _uint64(const Values *values, int64_t row) noexcept nogil:
    """0 for null."""
    if is_null(values, row):
        return 0
    return (<const uint64_t *> values.data)[values.offset + row]


cdef inline int32_t _int32(const Values *values, int64_t row) noexcept nogil:
    if is_null(values, row):
        return 0
    return (<const int32_t *> values.data)[values.offset + row]


cdef Numbers _list_at(const Values *lists, int64_t row) noexcept nogil:
    """The items of a list of 8-byte numbers; none for null."""
    cdef Numbers numbers
    cdef const int32_t *ends = <const int32_t *> lists.data + lists.offset + row
    numbers.data = NULL
    numbers.length = 0
    if not is_null(lists, row) and ends[1] > ends[0]:
        numbers.length = ends[1] - ends[0]
        numbers.data = (
            <const char *> lists.array.children[0].buffers[1]
            + 8 * (lists.array.children[0].offset + ends[0])
        )
    return numbers


@cython.final
cdef class Overview:
    """What each series of a capture did, however long it is: see ``overview.py``.

    One thread at a time: RuntimeError for another one meanwhile.
    """

    cdef readonly object points
    cdef readonly object left_out
    cdef readonly object first_time
    cdef readonly object newest_time
    cdef readonly list metrics
    cdef readonly list descriptions
    cdef readonly list origins

    cdef dict _metric_numbers
    cdef dict _origin_numbers
    cdef dict _texts  # of kept origins: equal ones are one object
    cdef dict _decoded  # (column, entry of its dictionary) → text, of this batch
    cdef SeriesTable _table
    cdef _Series **_chunks
    cdef size_t _chunk_count
    cdef _Metric *_metrics
    cdef size_t _metric_room
    cdef _Block *_blocks
    cdef int64_t _bytes
    cdef int64_t _max_bytes
    cdef uint32_t _max_series
    cdef _Seen *_seen
    cdef uint64_t _left_out
    cdef uint64_t _first_time
    cdef uint64_t _newest_time
    cdef Counter _users

    def __cinit__(self, max_series=1_000_000, max_bytes=400 << 20):
        self.points = self.left_out = self.first_time = self.newest_time = 0
        self.metrics, self.descriptions, self.origins = [], [], []
        self._metric_numbers, self._origin_numbers = {}, {}
        self._texts, self._decoded = {}, {}
        self._max_series, self._max_bytes = max_series, max_bytes
        self._seen = <_Seen *> malloc(SEEN * sizeof(_Seen))
        if self._seen == NULL:
            raise MemoryError
        if not start_table(&self._table, int.from_bytes(urandom(8), "little")):
            raise MemoryError

    def __dealloc__(self):
        cdef _Block *block
        cdef uint32_t number
        cdef _Series *series
        for number in range(self._table.count):
            series = self._record(number)
            if series.distribution != NULL:
                end_distribution(series.distribution)
        end_table(&self._table)
        while self._blocks != NULL:
            block = self._blocks
            self._blocks = block.before
            free(block)
        free(self._chunks)
        free(self._metrics)
        free(self._seen)

    def __len__(self):
        """How many series are kept."""
        return self._table.count

    def add(self, batch):
        """Take a batch of points."""
        cdef BatchView view = BatchView(batch)
        cdef _Columns columns
        self._enter()
        try:
            self._columns_of(view, &columns)
            memset(self._seen, 0, SEEN * sizeof(_Seen))
            with nogil:
                self._add(view.length, &columns)
            self.points += view.length
        finally:
            self._decoded.clear()
            self.left_out = self._left_out
            self.first_time, self.newest_time = self._first_time, self._newest_time
            end_use(&self._users)

    def series_count(self, metric):
        """How many series of a metric are kept."""
        self._enter()
        try:
            return self._metric(metric).series
        finally:
            end_use(&self._users)

    def point_count(self, metric):
        """How many points these have."""
        self._enter()
        try:
            return self._metric(metric).points
        finally:
            end_use(&self._users)

    def series(self, metric, limit=None):
        """The first ``limit`` series of a metric, in the order of their first points."""
        cdef uint32_t number = 0
        count = self.series_count(metric)
        if limit is not None:
            count = min(count, limit)
        for index in range(count):
            self._enter()
            try:
                number = self._record(number).next if index else self._metric(metric).first
                # Rows may be added between two series.
                shown = self._shown(number)
            finally:
                end_use(&self._users)
            yield shown

    cdef int _enter(self) except -1:
        if not begin_use(&self._users):
            raise RuntimeError("another thread adds a batch to the same overview")
        return 0

    cdef _Metric *_metric(self, object metric) except NULL:
        if not 0 <= metric < len(self.metrics):
            raise IndexError(f"{metric} is no metric; there are {len(self.metrics)}")
        return self._metrics + <size_t> metric

    cdef int _columns_of(self, BatchView view, _Columns *columns) except -1:
        cdef Values *others = &columns.monotonic
        for index, name in enumerate(_METRIC):
            columns.metric[<int> index] = view.column(_INDEX[name])
        for index, name in enumerate(_ORIGIN):
            columns.origin[<int> index] = view.column(_INDEX[name])
        for index, name in enumerate(_OTHERS):
            others[<int> index] = view.column(_INDEX[name])
        return 0

    # Rows ------------------------------------------------------------------------------------

    cdef int _add(self, int64_t rows, const _Columns *columns) except -1 nogil:
        cdef int64_t row, number
        cdef uint64_t series_id, time
        cdef _Series *series
        for row in range(rows):
            series_id = series_at(&columns.series, &columns.process, row)
            number = find_series(&self._table, series_id)
            if number < 0:
                if self._table.count >= self._max_series or self._bytes >= self._max_bytes:
                    self._left_out += 1
                    continue
                number = self._new(series_id, row, columns)
            series = self._record(<uint32_t> number)
            time = _uint64(&columns.time, row)
            if time:
                if time > self._newest_time:
                    self._newest_time = time
                if time < self._first_time or not self._first_time:
                    self._first_time = time
            self._metrics[series.metric].points += 1
            self._add_point(series, row, time, columns)
        return 0

    cdef int _add_point(
        self, _Series *series, int64_t row, uint64_t time, const _Columns *columns
    ) except -1 nogil:
        cdef const _Metric *metric = self._metrics + series.metric
        cdef bint is_newest = time >= series.newest_time
        cdef bint is_number = metric.kind < HISTOGRAM
        cdef bint has_value
        cdef double measured
        series.points += 1
        has_value = not (_int32(&columns.flags, row) & _NO_VALUE) and not is_null(
            &columns.value if is_number else &columns.count, row
        )
        if not has_value:
            if is_newest:
                series.newest_time = time
                series.has_value = False
            return 0
        if is_number:
            measured = _double(&columns.value, row)
        else:
            measured = <double> _uint64(&columns.count, row)
        if not series.has_measured:
            self._begin(series, metric.measure, measured, time, _uint64(&columns.start, row))
        else:
            self._go_on(
                series, metric.measure, measured, time, _uint64(&columns.start, row), is_newest
            )
        if is_newest:
            series.newest_time = time
            series.measured = measured
            series.has_value = is_number
            if is_number:
                series.is_int = not is_null(&columns.value_int, row)
                series.value_int = <int64_t> _uint64(&columns.value_int, row)
        if not is_number:
            self._add_distribution(series, metric, row, columns, is_newest)
        return 0

    cdef void _begin(
        self, _Series *series, int measure, double measured, uint64_t time, uint64_t start
    ) noexcept nogil:
        series.has_measured = True
        series.measured = series.first = measured
        series.first_time = time
        series.first_start = start
        series.total = measured if measure == DELTAS else 0.0

    cdef int _go_on(
        self,
        _Series *series,
        int measure,
        double measured,
        uint64_t time,
        uint64_t start,
        bint is_newest,
    ) except -1 nogil:
        if series.slots == NULL:
            series.slots = <Slots *> self._place(sizeof(Slots))
            memset(series.slots, 0, sizeof(Slots))
            if measure != DELTAS and isfinite(series.first):
                series.slots.reference = series.first
            put_in_slot(series.slots, measure, series.first_time, series.first)
        put_in_slot(series.slots, measure, time, measured)
        if measure == DELTAS:
            series.total += measured
            if start < series.first_start:
                series.first_start = start
        elif measure == COUNTER:
            if is_newest:
                series.total += _growth(series.measured, measured)
            elif time < series.first_time:
                series.total += _growth(measured, series.first)
        if time < series.first_time:
            series.first_time = time
            series.first = measured
        return 0

    cdef int _add_distribution(
        self,
        _Series *series,
        const _Metric *metric,
        int64_t row,
        const _Columns *columns,
        bint is_newest,
    ) except -1 nogil:
        cdef Given given
        cdef int64_t before
        cdef bint is_kept, add = metric.measure == DELTAS
        # The first point is of a series that there was room for.
        cdef bint is_full = self._bytes >= self._max_bytes and series.points > 1
        if series.distribution == NULL:
            if is_full:
                return 0
            series.distribution = <Distribution *> self._place(sizeof(Distribution))
            memset(series.distribution, 0, sizeof(Distribution))
        elif not add and not is_newest:
            return 0
        before = kept_bytes(series.distribution)
        _read(row, metric.kind, columns, &given)
        if is_full and needed_bytes(series.distribution, metric.kind, &given, add) > before:
            return 0
        is_kept = put_distribution(series.distribution, metric.kind, &given, add)
        self._bytes += kept_bytes(series.distribution) - before
        if not is_kept:
            with gil:
                raise MemoryError
        return 0

    # New series ------------------------------------------------------------------------------

    cdef int64_t _new(
        self, uint64_t series_id, int64_t row, const _Columns *columns
    ) except -1 nogil:
        """Make the record of a series: all that can fail before anything knows of it."""
        cdef const Values *texts = &columns.attributes
        cdef const _Seen *seen = self._seen_at(row, columns)
        cdef const int32_t *ends
        cdef const char *text
        cdef char *copy
        cdef uint32_t length, number = self._table.count
        cdef _Series *series
        cdef _Metric *metric
        ends = (
            <const int32_t *> texts.array.dictionary.buffers[1]
            + texts.array.dictionary.offset
            + entry(texts, row)
        )
        length = <uint32_t> (ends[1] - ends[0])
        copy = <char *> self._place(length)
        if length:
            text = <const char *> texts.array.dictionary.buffers[2]
            memcpy(copy, text + ends[0], length)
        self._room_for_record(number)
        if number_series(&self._table, series_id) < 0:
            with gil:
                raise MemoryError
        series = self._record(number)
        memset(series, 0, sizeof(_Series))
        series.attributes = copy
        series.attributes_length = length
        series.metric = seen.metric
        series.origin = seen.origin
        metric = self._metrics + seen.metric
        if metric.series:
            self._record(metric.last).next = number
        else:
            metric.first = number
        metric.last = number
        metric.series += 1
        # What the table needs for it.
        self._bytes += 24
        return number

    cdef const _Seen *_seen_at(self, int64_t row, const _Columns *columns) except NULL nogil:
        """The numbers of a row's metric and origin."""
        cdef int32_t keys[KEYS]
        cdef uint64_t mixed = 0
        cdef int index
        cdef _Seen *seen
        for index in range(METRIC_KEYS):
            keys[index] = -1
            if not is_null(&columns.metric[index], row):
                keys[index] = entry(&columns.metric[index], row)
        for index in range(ORIGIN_KEYS):
            keys[METRIC_KEYS + index] = entry(&columns.origin[index], row)
        keys[KEYS - 3] = -1
        if not is_null(&columns.monotonic, row):
            keys[KEYS - 3] = bit(
                <const uint8_t *> columns.monotonic.data, columns.monotonic.offset + row
            )
        # All numbers of 32 bits are processes.
        keys[KEYS - 2] = not is_null(&columns.process, row)
        keys[KEYS - 1] = _int32(&columns.process, row)
        for index in range(KEYS):
            mixed = (mixed ^ <uint32_t> keys[index]) * 0x9E3779B97F4A7C15u
            mixed ^= mixed >> 29
        seen = self._seen + mixed % SEEN
        if not seen.is_there or memcmp(seen.keys, keys, sizeof(keys)) != 0:
            with gil:
                self._intern(row, columns, seen)
            memcpy(seen.keys, keys, sizeof(keys))
            seen.is_there = True
        return seen

    cdef int _intern(self, int64_t row, const _Columns *columns, _Seen *seen) except -1:
        """Number a metric and an origin by their texts."""
        cdef int index
        cdef list texts = []
        seen.is_there = False
        for index in range(METRIC_KEYS):
            texts.append(_text(&columns.metric[index], row))
        description = texts.pop()
        monotonic = None
        if not is_null(&columns.monotonic, row):
            monotonic = bool(
                bit(<const uint8_t *> columns.monotonic.data, columns.monotonic.offset + row)
            )
        metric = specification.Metric(*texts, monotonic)
        number = self._metric_numbers.get(metric)
        if number is None:
            number = self._new_metric(metric)
        if description and not self.descriptions[number]:
            self.descriptions[number] = description
            self._bytes += getsizeof(description)
        seen.metric = number
        process = None
        if not is_null(&columns.process, row):
            process = <uint32_t> _int32(&columns.process, row)
        texts.clear()
        for index in range(ORIGIN_KEYS):
            texts.append(self._origin_text(index, &columns.origin[index], row))
        origin = specification.Origin(*texts, process)
        number = self._origin_numbers.get(origin)
        if number is None:
            number = self._origin_numbers[origin] = len(self.origins)
            self.origins.append(origin)
            self._bytes += 1000 + sum(map(getsizeof, texts))
        seen.origin = number
        return 0

    cdef object _origin_text(self, int column, const Values *texts, int64_t row):
        """The text of a row, which is decoded once a batch: a resource may have thousands of
        metrics, and one that is known is the same object, so that it is compared at once."""
        place = (column, entry(texts, row))
        text = self._decoded.get(place)
        if text is None:
            text = text_at(texts.array.dictionary, place[1])
            text = self._decoded[place] = self._texts.setdefault(text, text)
        return text

    cdef object _new_metric(self, object metric):
        cdef size_t number = len(self.metrics)
        cdef size_t room
        cdef void *larger
        if number == self._metric_room:
            room = max(2 * self._metric_room, <size_t> 64)
            larger = realloc(self._metrics, room * sizeof(_Metric))
            if larger == NULL:
                raise MemoryError
            self._metrics = <_Metric *> larger
            self._metric_room = room
        if metric.kind not in _KINDS:
            raise ValueError(f"a metric of the kind {metric.kind!r}; there are {_KINDS}")
        memset(self._metrics + number, 0, sizeof(_Metric))
        self._metrics[number].kind = _KINDS.index(metric.kind)
        self._metrics[number].measure = specification.measure(
            metric.kind, metric.temporality, metric.monotonic
        )
        self.descriptions.append("")
        self.metrics.append(metric)
        self._metric_numbers[metric] = number
        self._bytes += 1000 + getsizeof(metric.name) + getsizeof(metric.unit)
        return number

    # Memory ----------------------------------------------------------------------------------

    cdef inline _Series *_record(self, uint32_t number) noexcept nogil:
        return self._chunks[number >> CHUNK_BITS] + (number & (CHUNK - 1))

    cdef int _room_for_record(self, uint32_t number) except -1 nogil:
        cdef size_t chunk = number >> CHUNK_BITS
        cdef void *larger
        if chunk < self._chunk_count:
            return 0
        larger = realloc(self._chunks, (chunk + 1) * sizeof(_Series *))
        if larger == NULL:
            with gil:
                raise MemoryError
        self._chunks = <_Series **> larger
        self._chunks[chunk] = <_Series *> self._place(CHUNK * sizeof(_Series))
        self._chunk_count = chunk + 1
        return 0

    cdef void *_place(self, size_t size) except NULL nogil:
        """Memory that lasts as long as the overview."""
        cdef size_t aligned = (size + 7) & ~(<size_t> 7)
        cdef size_t room
        cdef _Block *block = self._blocks
        cdef char *place
        if block == NULL or block.size - block.used < aligned:
            # What is large gets a block of its own.
            room = max(aligned, <size_t> BLOCK)
            block = <_Block *> malloc(sizeof(_Block) + room)
            if block == NULL:
                with gil:
                    raise MemoryError
            block.before = self._blocks
            block.used = 0
            block.size = room
            self._blocks = block
        place = <char *> block + sizeof(_Block) + block.used
        block.used += aligned
        self._bytes += aligned
        return place

    # What is shown ---------------------------------------------------------------------------

    cdef object _shown(self, uint32_t number):
        cdef _Series *series = self._record(number)
        cdef const _Metric *metric = self._metrics + series.metric
        cdef Slots larger
        slots = ()
        if series.slots != NULL:
            shift = specification.common_shift(self._first_time, self._newest_time)
            base = self._first_time >> shift
            used = (self._newest_time >> shift) - base + 1
            slots_at(series.slots, metric.measure, shift, base, used, &larger)
            slots = specification.drawn(
                metric.measure,
                larger.reference,
                [larger.values[index] for index in range(used)],
                [larger.counts[index] for index in range(used)],
            )
        value = total = change = rate = None
        if series.has_value:
            value = series.value_int if series.is_int else series.measured
        if series.has_measured:
            total = None if metric.measure == LEVEL else series.total
            if metric.measure == LEVEL and series.has_value and series.points > 1:
                change = series.measured - series.first
            rate = specification.rate(
                metric.measure,
                series.points,
                series.total,
                series.first,
                series.first_start,
                series.first_time,
                series.newest_time,
            )
        return specification.Series(
            attributes=PyUnicode_DecodeUTF8(series.attributes, series.attributes_length, NULL),
            origin=series.origin,
            points=series.points,
            first_time=series.first_time,
            newest_time=series.newest_time,
            value=value,
            distribution=_shown_distribution(series.distribution),
            total=total,
            change=change,
            rate=rate,
            slots=slots,
        )


cdef inline double _growth(double before, double after) noexcept nogil:
    return after - before if after >= before else after


cdef str _text(const Values *texts, int64_t row):
    """The text of a row; None for null."""
    if is_null(texts, row):
        return None
    return text_at(texts.array.dictionary, entry(texts, row))


cdef void _read(int64_t row, int kind, const _Columns *columns, Given *given) noexcept nogil:
    """What a row says of a distribution."""
    cdef const Values *pairs = &columns.quantiles
    cdef const int32_t *ends
    cdef int64_t first
    memset(given, 0, sizeof(Given))
    given.count = _uint64(&columns.count, row)
    given.has_sum = not is_null(&columns.sum, row)
    given.has_min = not is_null(&columns.min, row)
    given.has_max = not is_null(&columns.max, row)
    if given.has_sum:
        given.sum = _double(&columns.sum, row)
    if given.has_min:
        given.min = _double(&columns.min, row)
    if given.has_max:
        given.max = _double(&columns.max, row)
    if kind == HISTOGRAM:
        given.bounds = _list_at(&columns.bounds, row)
        given.counts = _list_at(&columns.counts, row)
    elif kind == EXPONENTIAL:
        given.scale = _int32(&columns.scale, row)
        given.zero_count = _uint64(&columns.zero_count, row)
        given.positive_offset = _int32(&columns.positive_offset, row)
        given.positive = _list_at(&columns.positive, row)
        given.negative_offset = _int32(&columns.negative_offset, row)
        given.negative = _list_at(&columns.negative, row)
    elif not is_null(pairs, row):
        ends = <const int32_t *> pairs.data + pairs.offset + row
        given.quantiles.length = ends[1] - ends[0]
        if given.quantiles.length:
            # The struct's offset holds for its members as well.
            first = pairs.array.children[0].offset + ends[0]
            given.quantiles.data = _member(pairs.array.children[0].children[0], first)
            given.quantile_values = _member(pairs.array.children[0].children[1], first)


cdef const double *_member(const ArrowArray *member, int64_t first) noexcept nogil:
    return <const double *> member.buffers[1] + member.offset + first


cdef object _shown_distribution(const Distribution *ours):
    cdef Py_ssize_t quantiles
    if ours == NULL:
        return None
    bounds, pairs = [], []
    if ours.kind == SUMMARY:
        quantiles = ours.bounds_length // 2
        pairs = [(ours.bounds[index], ours.bounds[quantiles + index]) for index in range(quantiles)]
    else:
        bounds = [ours.bounds[index] for index in range(ours.bounds_length)]
    return specification.distribution(
        _KINDS[ours.kind],
        ours.count,
        (
            ours.sum if ours.has_sum else None,
            ours.min if ours.has_min else None,
            ours.max if ours.has_max else None,
        ),
        bounds,
        [ours.counts[index] for index in range(ours.counts_length)],
        ours.scale,
        ours.zero_count,
        (ours.positive.offset, [ours.positive.counts[i] for i in range(ours.positive.length)]),
        (ours.negative.offset, [ours.negative.counts[i] for i in range(ours.negative.length)]),
        pairs,
    )
