"""Points into frames: as many as the limit allows, by exact size arithmetic, in pure Python.

Knows sizes and nesting, not what is in a point. The compiled twin is ``Packer`` of
``_packing.pyx``: the same methods, results and errors; one suite of tests runs on both.

A frame is one request: ``resource( scope( metric( point… )… )… )``. A packer is told where it is by
``resource``, ``scope`` and ``metric``, each with the bytes before and behind what they hold, and
then is given the points. A point goes into the open frame when that keeps to the limit; otherwise
the frame is finished and the point begins the next, with the same resource, scope and metric around
it. What holds no point is not written, and a frame has one resource.

Without limit and without a number of points all goes into one frame, whatever the number of
resources, and what holds no point is written too: the frame is the request that the official
encoder makes.
"""

from __future__ import annotations

from operator import index

from .frames import Frames
from .losses import TooLarge
from .otlp import DATA, METRIC, REQUEST, RESOURCE_METRICS, SCOPE_METRICS
from .results import FLUSH, TAKEN, Result
from .wire import message

__all__ = ["BATCH_BYTES", "PAUSE_BYTES", "Packer"]

BATCH_BYTES = 49_152
"""Bytes of finished frames at which a packer returns FLUSH: less than one frame of ETW's limit."""

PAUSE_BYTES = 65_536
"""Bytes of points of one unfinished frame at which, again and again, a packer returns FLUSH so that
other threads get a turn: more than a frame of ETW's limit has."""


def field_size(size: int) -> int:
    """Bytes of a length-delimited field around a body of ``size`` bytes, with its one-byte tag."""
    length = 1
    rest = size
    while rest > 0x7F:
        rest >>= 7
        length += 1
    return 1 + length + size


class _Message:
    """A message that is being filled: the bytes before and behind its parts, and those so far."""

    __slots__ = ("after", "around", "before", "filled", "parts", "size")

    def __init__(self, before: bytes, after: bytes) -> None:
        self.before, self.after = before, after
        self.around = len(before) + len(after)
        self.empty()

    def empty(self) -> None:
        self.parts: list[bytes] = []
        self.size = self.around
        self.filled = False

    def add(self, part: bytes, filled: bool) -> None:
        self.parts.append(part)
        self.size += len(part)
        self.filled = self.filled or filled

    def bytes(self) -> bytes:
        return b"".join([self.before, *self.parts, self.after])


class Packer:
    """Builds the frames of one export."""

    def __init__(self, limit: int | None, max_points: int | None) -> None:
        """``limit``: the most bytes of a frame; ``max_points``: the most points of a frame.

        OverflowError for a number that is no size, TypeError for what is no integer.
        """
        self._limit = _size(limit)
        self._max_points = _size(max_points)
        self._single_frame = limit is None and max_points is None
        self._request = _Message(b"", b"")
        self._resource: _Message | None = None
        self._scope: _Message | None = None
        self._metric: _Message | None = None
        self._data_tag = METRIC.SUM
        self._data = _Message(b"", b"")
        self._points = 0
        self._points_bytes = 0
        self._pause_at = PAUSE_BYTES
        self._frames: list[bytes] = []
        self._counts: list[int] = []
        self._nbytes = 0

    def resource(self, before: bytes, after: bytes) -> None:
        """What follows belongs to this resource."""
        _require_bytes(before, after)
        self._close_resource()
        if not self._single_frame:
            self._finish()
        self._resource = _Message(before, after)

    def scope(self, before: bytes, after: bytes) -> None:
        """What follows belongs to this scope. ValueError outside a resource."""
        _require_bytes(before, after)
        if self._resource is None:
            raise ValueError("a scope outside a resource")
        self._close_scope()
        self._scope = _Message(before, after)

    def metric(self, head: bytes, data_tag: bytes, tail: bytes) -> None:
        """What follows are points of this metric, in a data field ``data_tag`` that ends in
        ``tail``. ValueError outside a scope, and for a tag of another length than one byte."""
        _require_bytes(head, data_tag, tail)
        if len(data_tag) != 1:
            raise ValueError(f"a tag of {len(data_tag)} bytes")
        if self._scope is None:
            raise ValueError("a metric outside a scope")
        self._close_metric()
        self._metric = _Message(head, b"")
        self._data_tag = data_tag
        self._data = _Message(b"", tail)

    def add(self, body: bytes) -> Result:
        """Take a point: TAKEN, or FLUSH.

        Raises `TooLarge`, and nothing is changed, for a point that is too large for any frame;
        ValueError outside a metric.
        """
        _require_bytes(body)
        if self._metric is None:
            raise ValueError("a point outside a metric")
        part = message(DATA.POINTS, body)
        if self._limit is not None and self._size_with(len(part)) > self._limit:
            if self._size_alone(len(part)) > self._limit:
                raise self._too_large(self._limit, len(part), len(body))
            self._finish()
        self._data.add(part, True)
        self._points += 1
        self._points_bytes += len(part)
        if self._points == self._max_points:
            self._finish()
        if self._nbytes >= BATCH_BYTES or self._points_bytes >= self._pause_at:
            return FLUSH
        return TAKEN

    def end(self) -> None:
        """No more comes: finish the last frame."""
        self._close_resource()
        if self._single_frame or self._points:
            self._emit()

    def take(self) -> Frames:
        """The frames that are finished since the last ``take``, maybe none."""
        frames = Frames(self._frames, self._counts)
        self._frames, self._counts, self._nbytes = [], [], 0
        self._pause_at = self._points_bytes + PAUSE_BYTES
        return frames

    def _size_with(self, part: int) -> int:
        """The frame's size were it closed with ``part`` more bytes of points."""
        assert self._metric is not None
        assert self._scope is not None
        assert self._resource is not None
        metric = self._metric.size + field_size(self._data.size + part)
        scope = self._scope.size + field_size(metric)
        resource = self._resource.size + field_size(scope)
        return field_size(resource)

    def _size_alone(self, part: int) -> int:
        """The size of a frame that holds nothing but ``part`` bytes of points."""
        size = self._data.around + part
        for level in (self._metric, self._scope, self._resource):
            assert level is not None
            size = level.around + field_size(size)
        return field_size(size)

    def _too_large(self, limit: int, part: int, point: int) -> TooLarge:
        assert self._metric is not None
        assert self._scope is not None
        assert self._resource is not None
        return TooLarge(
            limit=limit,
            frame=self._size_alone(part),
            resource=self._resource.around,
            scope=self._scope.around,
            metric=self._metric.around + self._data.around,
            point=point,
        )

    def _finish(self) -> None:
        """Finish the open frame if it has points; what is open stays open around the next."""
        if not self._points:
            return
        metric, scope, resource = self._metric, self._scope, self._resource
        data = self._data
        self._close_resource()
        self._emit()
        for level in (metric, scope, resource, data):
            if level is not None:
                level.empty()
        self._metric, self._scope, self._resource, self._data = metric, scope, resource, data

    def _close_metric(self) -> None:
        metric, self._metric = self._metric, None
        if metric is None or self._scope is None:
            return
        if self._data.filled:
            metric.add(message(self._data_tag, self._data.bytes()), True)
        if metric.filled or self._single_frame:
            self._scope.add(message(SCOPE_METRICS.METRICS, metric.bytes()), metric.filled)

    def _close_scope(self) -> None:
        self._close_metric()
        scope, self._scope = self._scope, None
        if scope is None or self._resource is None:
            return
        if scope.filled or self._single_frame:
            self._resource.add(message(RESOURCE_METRICS.SCOPE_METRICS, scope.bytes()), scope.filled)

    def _close_resource(self) -> None:
        self._close_scope()
        resource, self._resource = self._resource, None
        if resource is not None and (resource.filled or self._single_frame):
            self._request.add(message(REQUEST.RESOURCE_METRICS, resource.bytes()), resource.filled)

    def _emit(self) -> None:
        frame = self._request.bytes()
        self._frames.append(frame)
        self._counts.append(self._points)
        self._nbytes += len(frame)
        self._request.empty()
        self._points = self._points_bytes = 0
        self._pause_at = PAUSE_BYTES


def _size(given: int | None) -> int | None:
    """What C can hold as a size, as the compiled packer does."""
    if given is not None:
        index(given).to_bytes(8, "little")  # OverflowError, TypeError
    return given


def _require_bytes(*given: object) -> None:
    for each in given:
        if type(each) is not bytes:
            raise TypeError(f"expected bytes, got {type(each).__name__}")
