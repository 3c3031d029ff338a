"""Exports from many threads while others change what is exported, and many threads that read with
the same objects; for a Python without the GIL.

    stress.py [SECONDS]    5 by default, for each of the three parts

Fails when our modules turn the GIL on, when one byte differs from the reference implementation,
when a frame holds what was never in the data, or when what is read is not what was counted.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import otel_etw.captures
import otel_etw.transports
from otel_etw import ETWMetricExporter, InMemoryTransport, encoding
from otel_etw.captures import columns

EXPORTERS, CHANGERS = 4, 4
KEYS = [f"key{number}" for number in range(8)]
VALUES: list[Any] = [1, -7, 2.5, True, "text", "grüße", "x" * 300, ["a", "b"]]
COUNTS = [0, 1, 127, 128, 2**40]


def data(points: int, changing: list[Any]) -> MetricsData:
    """Sums and histograms. ``changing`` gets the dicts and lists in them that may be changed."""

    def attributes() -> dict[str, Any]:
        found = dict(zip(KEYS, VALUES, strict=True))
        changing.append(found)
        return found

    def buckets() -> list[int]:
        found = [*COUNTS]
        changing.append(found)
        return found

    bounds = [1.0, 2.0, 3.0, 4.0]
    delta = AggregationTemporality.DELTA
    sums = [NumberDataPoint(attributes(), 1, 2, number) for number in range(points)]
    histograms = [
        HistogramDataPoint(attributes(), 1, 2, 5, 7.5, buckets(), bounds, 0.5, 3.5)
        for _ in range(points)
    ]
    metrics = [
        Metric("sum", "", "1", Sum(sums, delta, True)),
        Metric("histogram", "", "ms", Histogram(histograms, delta)),
    ]
    scope = ScopeMetrics(InstrumentationScope("stress", "1"), metrics, "")
    return MetricsData([ResourceMetrics(Resource({"service.name": "stress"}), [scope], "")])


def run(seconds: float, workers: list[Callable[[], Iterator[None]]]) -> int:
    """Turns of all workers together, each in a thread of its own; raises what one of them does."""
    end = time.monotonic() + seconds
    turns, errors = [0] * len(workers), []

    def work(index: int) -> None:
        try:
            for _ in workers[index]():
                turns[index] += 1
                if time.monotonic() > end or errors:
                    return
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]
    return sum(turns)


def equal_bytes(seconds: float) -> int:
    """All threads export the same data, which nobody changes: the bytes are the reference's."""
    shared = data(200, [])
    losses = encoding.Losses()
    wanted = [
        bytes(frame)
        for batch in encoding.Encoder(native=False).encode(shared, 4000, losses)
        for frame in batch
    ]
    assert len(wanted) > 10
    assert not losses

    def exporting() -> Iterator[None]:
        transport = InMemoryTransport()
        exporter = ETWMetricExporter(transport, limit=4000)
        while True:
            exporter.export(shared)
            assert transport.frames == wanted, "bytes differ from the reference implementation"
            transport.clear()
            yield

    return run(seconds, [exporting] * (EXPORTERS + CHANGERS))


def changed_data(seconds: float) -> tuple[int, int]:
    """Half of the threads change dicts and lists while the others export them."""
    changing: list[Any] = []
    shared = data(20, changing)
    exports = [0]
    lock = threading.Lock()

    def exporting() -> Iterator[None]:
        transport = InMemoryTransport()
        exporter = ETWMetricExporter(transport, limit=60_000)
        while True:
            for _ in range(20):
                exporter.export(shared)
            for frame in transport.frames[-2:]:
                check(ExportMetricsServiceRequest.FromString(frame))
            transport.clear()
            with lock:
                exports[0] += 20
            yield

    def changes() -> Iterator[None]:
        for number in range(sys.maxsize):
            for thing in changing:
                if isinstance(thing, dict):
                    thing[KEYS[number % 8]] = VALUES[(number // 8) % 8]
                    thing.pop(KEYS[(number + 3) % 8], None)
                else:
                    thing[:] = COUNTS[number % 5 :]
            yield

    rounds = run(seconds, [exporting] * EXPORTERS + [changes] * CHANGERS)
    return exports[0], rounds * len(changing)


def check(request: ExportMetricsServiceRequest) -> None:
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        assert metric.name in ("sum", "histogram"), metric.name
        for point in getattr(metric, metric.WhichOneof("data")).data_points:
            assert (point.start_time_unix_nano, point.time_unix_nano) == (1, 2)
            for attribute in point.attributes:
                assert attribute.key in KEYS, attribute.key
                assert content(attribute.value) in VALUES, attribute
            for count in getattr(point, "bucket_counts", ()):
                assert count in COUNTS, count


def content(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [content(member) for member in value.array_value.values]
    return getattr(value, kind)


def shared_readers(seconds: float) -> tuple[int, int]:
    """All threads use one decoder, one selection, one overview…: each call is done, or refused."""
    transport = InMemoryTransport()
    ETWMetricExporter(transport, limit=4000).export(data(50, []))
    frames = transport.frames
    counted: Counter[str] = Counter()
    lock = threading.Lock()
    decoder, small = columns.Decoder(), columns.Decoder(rows=3, table_bytes=0)
    selector = columns.Selector(["s*"], ["key0=1"])
    overview, newest = columns.Overview(), columns.Newest()
    own = columns.Decoder()
    for frame in frames:
        own.add(frame, 0)
    batch = own.take()
    points = len(batch)
    text = b"".join(columns.csv_rows(batch)), b"".join(columns.json_rows(batch))
    sums = len(selector(batch))
    assert 0 < sums < points

    def attempt(name: str, call: Callable[[], Any]) -> Any:
        try:
            result = call()
        except RuntimeError as error:
            if not ("another thread" in str(error) or "resume() it" in str(error)):
                raise
            name, result = "refused", None
        with lock:
            counted[name] += 1
        return result

    def size(found: Any) -> int:
        return len(found) if found is not None else 0

    def reading() -> Iterator[None]:
        while True:
            for frame in frames:
                attempt("add", lambda frame=frame: decoder.add(frame, 0))
                taken = size(attempt("take", decoder.take))
                attempt("small", lambda frame=frame: small.add(frame, 0))
                attempt("resume", small.resume)
                attempt("take", small.take)
                with lock:
                    counted["points"] += taken
            attempt("overview", lambda: overview.add(batch))
            attempt("newest", lambda: newest.add(batch))
            attempt("series", lambda: list(overview.series(0)))
            attempt("finish", lambda: list(newest.finish()))
            found = attempt("select", lambda: selector(batch))
            assert found is None or len(found) == sums
            assert (b"".join(columns.csv_rows(batch)), b"".join(columns.json_rows(batch))) == text
            yield

    run(seconds, [reading] * (EXPORTERS + CHANGERS))
    counted["points"] += size(decoder.take())
    assert counted["points"] == decoder.points
    assert overview.points == points * counted["overview"]
    assert sum(map(len, newest.finish())) == len(newest) == len(overview)
    return sum(counted.values()) - counted["points"] - counted["refused"], counted["refused"]


def import_everything() -> None:
    """Import the writing side and the captures: a module that wants the GIL turns it on here."""
    for package in (otel_etw.encoding, otel_etw.transports, otel_etw.captures):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Only on Windows.
            if not module.name.endswith("etw_ctypes"):
                importlib.import_module(module.name)


def main(seconds: str = "5") -> None:
    assert encoding.NATIVE, "nothing is compiled"
    assert columns.NATIVE, "nothing of the reading side is compiled"
    import_everything()
    assert not sys._is_gil_enabled(), "one of the modules has turned the GIL on"
    alike = equal_bytes(float(seconds))
    exports, changes = changed_data(float(seconds))
    done, refused = shared_readers(float(seconds))
    assert not sys._is_gil_enabled()
    print(
        f"stress: {alike} exports with equal bytes; {exports} exports amid {changes} changes; "
        f"{done} calls of shared readers, {refused} refused"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
