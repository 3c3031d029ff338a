"""Chosen rows of batches, and the newest point of each series: the specification, which runs where
nothing is compiled. It takes batches of the reference decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from otel_etw.captures.columns.conditions import AttributeConditions, NameConditions
from otel_etw.captures.columns.reference import Batch, Row, attributes_json, series_of

__all__ = ["Newest", "Selector"]

# Rows of a batch of newest points.
_ROWS = 65_536


class Selector:
    """Chooses rows of batches. What is empty or None asks for nothing.

    ``names``: patterns of `fnmatch`, one of which must match the metric's name, upper and lower
    case apart. ``attributes``: up to 64 ``KEY`` or ``KEY=VALUE``, each of which the point, its
    scope or its resource must have; ValueError for more. ``since`` and ``until``: ns since 1970,
    both inclusive; a point without a time is older than any time and not before any. ``pids``: the
    processes one of which wrote the event that the point was in.
    """

    def __init__(
        self,
        names: Sequence[str] = (),
        attributes: Sequence[str] = (),
        since: int | None = None,
        until: int | None = None,
        pids: Sequence[int] = (),
    ) -> None:
        self._names = NameConditions(names)
        self._attributes = AttributeConditions(attributes)
        self._since, self._until = since, until
        self._pids = frozenset(pids)

    def __call__(self, batch: Batch) -> Batch:
        """The batch itself where all rows match, else a batch of those that do, maybe none."""
        rows = [row for row in batch.rows if self._chooses(row)]
        return batch if len(rows) == len(batch) else Batch(rows)

    def _chooses(self, row: Row) -> bool:
        point = row.point
        return (
            self._names.matches(point.metric)
            and (self._since is None or point.time >= self._since)
            and (self._until is None or 0 < point.time <= self._until)
            and (not self._pids or (row.event is not None and row.event.process in self._pids))
            and (not self._attributes or self._has_attributes(row))
        )

    def _has_attributes(self, row: Row) -> bool:
        point = row.point
        met = 0
        for attributes in (point.attributes, point.scope.attributes, point.resource.attributes):
            met |= self._attributes.met(attributes_json(attributes))
        return met == self._attributes.all


class Newest:
    """The newest point of each series, in the order of the files; of two of one time the later one.
    In ETW logs, of each series of each process.

    Memory grows with the number of series.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int | None], Row] = {}

    def __len__(self) -> int:
        """How many series there were."""
        return len(self._rows)

    def add(self, batch: Batch) -> None:
        """Take a batch of points."""
        for row in batch.rows:
            series = series_of(row)
            known = self._rows.get(series)
            if known is None or known.point.time <= row.point.time:
                # What is put into a dict anew goes to its end.
                self._rows.pop(series, None)
                self._rows[series] = row

    def finish(self) -> Iterator[Batch]:
        """The newest points, batch by batch. It may be asked again, also after more was added."""
        rows = iter(list(self._rows.values()))
        while part := list(islice(rows, _ROWS)):
            yield Batch(part)
