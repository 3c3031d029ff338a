"""OTLP again, as a Collector reads it: frames as they are, or with the chosen points alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any, Protocol

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from otel_etw.captures import Frame, Item
from otel_etw.captures.batching import undecodable
from otel_etw.captures.columns import check_request
from otel_etw.captures.columns.reference import Batch, Row, series_of
from otel_etw.captures.columns.select import Selector
from otel_etw.captures.points import points
from otel_etw.captures.requests import ExportMetricsServiceRequest, parse_request
from otel_etw.cli.choice_options import ChosenPoints
from otel_etw.cli.file_report import FileReport
from otel_etw.cli.reading import Remark
from otel_etw.framing import PREFIX
from otel_etw.transports.json_encoding import JsonEncoder

__all__ = ["OtlpConsumer", "json_lines", "length_prefixed"]

# A Collector's receiver of lines takes no longer ones, unless it is told to.
_LONGEST_LINE = 1 << 20


_encoder = cache(JsonEncoder)


class Write(Protocol):
    def __call__(self, data: bytes, /) -> object: ...


def length_prefixed(payload: bytes) -> Iterator[bytes]:
    """A frame behind its length in 4 bytes, big-endian: the Collector's ``format: proto``."""
    yield len(payload).to_bytes(PREFIX, "big") + payload


def json_lines(payload: bytes) -> Iterator[bytes]:
    """A frame as a line of OTLP JSON; as more of them where it would be longer than 1 MiB."""
    line = _encoder().line(payload)
    request = parse_request(payload) if len(line) > _LONGEST_LINE else None
    count = sum(1 for _ in points(request)) if request else 0
    if request is None or count < 2:
        yield line
        return
    half = count // 2
    first = [number < half for number in range(count)]
    for kept in (first, [not each for each in first]):
        yield from json_lines(_pruned(request, kept).SerializeToString())


class OtlpConsumer:
    """Takes frames; those of which all points are chosen pass as they are.

    With ``last`` each frame that comes out has one point, the newest of its series; memory grows
    with the number of series.
    """

    def __init__(
        self, write: Write, encode: Callable[[bytes], Iterator[bytes]], choice: ChosenPoints
    ) -> None:
        self._write = write
        self._encode = encode
        self._choice = choice
        self._select = Selector(**choice.conditions)
        self._newest: dict[tuple[int, int | None], tuple[int, bytes]] = {}

    def take(self, items: Iterable[Item | None], report: FileReport) -> Iterator[Remark]:
        for item in items:
            if not isinstance(item, Frame):
                yield item
                continue
            try:
                self._frame(item, report)
            except ValueError as error:
                yield undecodable(item, error)

    def _frame(self, frame: Frame, report: FileReport) -> None:
        if self._choice.asks_for_all():
            if not frame.checked:
                check_request(frame.payload)
            report.counts_points = False
            self._put(frame.payload)
            return
        request = parse_request(frame.payload)
        rows = [Row(report.file, frame.offset, frame.event, point) for point in points(request)]
        chosen = {id(row.point) for row in self._select(Batch(rows)).rows}
        report.points += len(rows)
        report.matching += len(chosen)
        kept = [id(row.point) in chosen for row in rows]
        if self._choice.last:
            self._keep_newest(request, rows, kept)
        elif rows and all(kept):
            self._put(frame.payload)
        elif any(kept):
            self._put(_pruned(request, kept).SerializeToString())

    def _keep_newest(
        self, request: ExportMetricsServiceRequest, rows: Sequence[Row], kept: Sequence[bool]
    ) -> None:
        for row, is_kept, alone in zip(rows, kept, _each_alone(request), strict=True):
            series = series_of(row)
            if not is_kept or self._newest.get(series, (0,))[0] > row.point.time:
                continue
            # Taken out first: they come in the order of the files.
            self._newest.pop(series, None)
            self._newest[series] = row.point.time, alone().SerializeToString()

    def _put(self, payload: bytes) -> None:
        for piece in self._encode(payload):
            self._write(piece)

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        for _, payload in self._newest.values():
            self._put(payload)


def _each_alone(
    request: ExportMetricsServiceRequest,
) -> Iterator[Callable[[], ExportMetricsServiceRequest]]:
    """For each point what makes a copy of the request with that point alone."""
    around = _without(request, "resource_metrics")
    for resource_metrics in request.resource_metrics:
        resource = _without(resource_metrics, "scope_metrics")
        for scope_metrics in resource_metrics.scope_metrics:
            scope = _without(scope_metrics, "metrics")
            for metric in scope_metrics.metrics:
                if kind := metric.WhichOneof("data"):
                    data = _without(getattr(metric, kind), "data_points")
                    named = _without(metric, kind)
                    for point in getattr(metric, kind).data_points:
                        yield partial(_alone, around, resource, scope, named, kind, data, point)


def _without(message: Any, field: str) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    copy.ClearField(field)
    return copy


def _alone(
    around: ExportMetricsServiceRequest,
    resource: Any,
    scope: Any,
    named: Metric,
    kind: str,
    data: Any,
    point: Any,
) -> ExportMetricsServiceRequest:
    result = ExportMetricsServiceRequest()
    result.CopyFrom(around)
    resource_metrics = result.resource_metrics.add()
    resource_metrics.CopyFrom(resource)
    scope_metrics = resource_metrics.scope_metrics.add()
    scope_metrics.CopyFrom(scope)
    metric = scope_metrics.metrics.add()
    metric.CopyFrom(named)
    data_points = getattr(metric, kind)
    data_points.CopyFrom(data)
    data_points.data_points.add().CopyFrom(point)
    return result


def _pruned(
    request: ExportMetricsServiceRequest, kept: Sequence[bool]
) -> ExportMetricsServiceRequest:
    """A copy with those points alone; what holds no point then is left out."""
    flags = iter(kept)
    result = ExportMetricsServiceRequest()
    result.CopyFrom(request)
    for resource_metrics in result.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                if kind := metric.WhichOneof("data"):
                    data_points: Any = getattr(metric, kind).data_points
                    chosen = [point for point in data_points if next(flags)]
                    del data_points[:]
                    data_points.extend(chosen)
            _remove_empty(scope_metrics.metrics, _has_points)
        _remove_empty(resource_metrics.scope_metrics, lambda scope: bool(scope.metrics))
    _remove_empty(result.resource_metrics, lambda resource: bool(resource.scope_metrics))
    return result


def _has_points(metric: Metric) -> bool:
    kind = metric.WhichOneof("data")
    return kind is not None and bool(getattr(metric, kind).data_points)


def _remove_empty(messages: Any, is_filled: Callable[[Any], bool]) -> None:
    filled = [message for message in messages if is_filled(message)]
    if len(filled) < len(messages):
        del messages[:]
        messages.extend(filled)
