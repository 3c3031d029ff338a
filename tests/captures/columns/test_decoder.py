"""What only the compiled decoder does: remembering, forgetting, sharing memory, bounds."""

from __future__ import annotations

import gc
import threading
from importlib.util import find_spec
from itertools import permutations
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw.captures.items import Event
from tests.support.batch_rows import all_rows, arrow_batch, rows
from tests.support.capture_files import request
from tests.support.wire_requests import WireRequests, delimited

if not find_spec("otel_etw.captures.columns._decoder"):
    pytest.skip("the decoder is not compiled here", allow_module_level=True)

from otel_etw.captures.columns._decoder import Batch, Decoder


def sums(attributes: list[int]) -> bytes:
    """A point for each number, with it as attribute and as value."""
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name="sum")
    for number in attributes:
        point = metric.sum.data_points.add(as_int=number)
        point.attributes.add(key="number").value.int_value = number
    return message.SerializeToString()


def histograms(count: int) -> bytes:
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name="histogram")
    for number in range(count):
        point = metric.histogram.data_points.add(bucket_counts=[1, number], explicit_bounds=[2.0])
        point.exemplars.add(as_double=number)
    return message.SerializeToString()


def test_memory_that_is_used_again_holds_nothing_of_the_batch_before() -> None:
    decoder = Decoder()
    for payload in (histograms(5), sums(list(range(20))), histograms(3), sums([1])):
        decoder.add(payload, 0)
        # Nobody holds the batch then, so the next one gets its memory.
        found = rows(decoder.take())
        gc.collect()
        fresh = Decoder()
        fresh.add(payload, 0)
        assert found == rows(fresh.take())


def test_forgetting_changes_nothing() -> None:
    random = Random(1)
    frames = [sums([random.randrange(30) for _ in range(40)]) for _ in range(20)]
    remembering, forgetting = Decoder(), Decoder(rows=7, table_bytes=0)
    one, other = [], []
    for offset, frame in enumerate(frames):
        one += all_rows(remembering, remembering.add(frame, offset))
        other += all_rows(forgetting, forgetting.add(frame, offset))
    assert one == other
    assert [row["ValueInt"] for row in one] == [
        int(row["Attributes"].split(": ")[1][:-1]) for row in one
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_batch_is_exported_several_times_and_released_in_any_order(
    order: tuple[int, ...],
) -> None:
    decoder = Decoder()
    decoder.add(histograms(10), 0)
    batch = decoder.take()
    held: list[Any] = [batch, pa.record_batch(batch), pa.record_batch(batch)]
    expected = rows(held[1])
    del batch
    for each in order:
        held[each] = None
        gc.collect()
        decoder.add(sums([1, 2, 3]), 0)
        decoder.take()
        for left in held:
            if left is not None:
                assert rows(left) == expected


def test_a_column_outlives_its_batch() -> None:
    decoder = Decoder()
    decoder.add(histograms(10), 0)
    column = arrow_batch(decoder.take()).column("BucketCounts")
    del decoder
    gc.collect()
    assert column.to_pylist() == [[1, number] for number in range(10)]


def test_a_capsule_that_nobody_takes_is_released() -> None:
    decoder = Decoder()
    decoder.add(histograms(10), 0)
    batch = decoder.take()
    assert batch
    for _ in range(100):
        batch.__arrow_c_array__()
        batch.__arrow_c_schema__()
    assert len(rows(batch)) == 10


def test_a_million_empty_points_take_bounded_memory() -> None:
    metric = delimited(5, delimited(1, b"") * 1_000_000)
    payload = delimited(1, delimited(2, delimited(2, metric)))
    decoder = Decoder()
    is_full, sizes, most = decoder.add(payload, 0), [], 0
    while is_full:
        batch = pa.record_batch(decoder.take())
        sizes.append(len(batch))
        most = max(most, batch.nbytes)
        is_full = decoder.resume()
    rest = decoder.take()
    assert sizes == [16_384] * 61
    assert rest
    assert sum(sizes) + len(rest) == decoder.points == 1_000_000
    assert most < 16_384 * 300


def test_a_frame_stays_of_the_file_it_was_added_under() -> None:
    decoder = Decoder(rows=1)
    decoder.file("one")
    assert decoder.add(sums([1, 2]), 0)
    decoder.file("two")
    assert [row["File"] for row in all_rows(decoder, True)] == ["one", "one"]


def test_long_names_of_files_fill_a_batch() -> None:
    decoder: Any = Decoder(batch_bytes=10_000)
    sizes = []
    for number in range(20):
        decoder.file(f"{number:02}" * 1_500)
        is_full = decoder.add(sums([number]), 0)
        while is_full:
            sizes.append(len(decoder.take()))
            is_full = decoder.resume()
    sizes.append(len(decoder.take()))
    assert sum(sizes) == 20
    assert max(sizes) <= 4
    # A name that many frames share counts once.
    for number in range(100):
        assert not decoder.add(sums([number]), 0)
    assert len(decoder.take()) == 100


def test_no_memory_for_a_batch_loses_its_rows_alone() -> None:
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
    decoder: Any = Decoder()
    failures = 0
    for allocation in range(5):
        decoder.add(sums([1, 2, 3]), 0)
        testcapi.set_nomemory(allocation, allocation + 1)
        try:
            batch = decoder.take()
        except MemoryError:
            failures += 1
            batch = None
        finally:
            testcapi.remove_mem_hooks()
        assert (batch is None and decoder.take() is None) or len(batch) == 3
    assert failures
    decoder.add(sums([4, 5]), 0)
    assert [row["ValueInt"] for row in rows(decoder.take())] == [4, 5]


def test_a_frame_must_be_finished_before_the_next() -> None:
    decoder = Decoder(rows=1)
    assert decoder.add(sums([1, 2]), 0)
    with pytest.raises(RuntimeError, match="the frame before is not done"):
        decoder.add(sums([3]), 1)
    assert [row["ValueInt"] for row in all_rows(decoder, True)] == [1, 2]


def test_refused_arguments_name_the_limits() -> None:
    with pytest.raises(ValueError, match="0 rows a batch, allowed are 1 to 16,777,216"):
        Decoder(rows=0)
    with pytest.raises(ValueError, match="0 bytes a batch, allowed are 1 to"):
        Decoder(batch_bytes=0)
    with pytest.raises(ValueError, match="-1 bytes of tables"):
        Decoder(table_bytes=-1)
    with pytest.raises(TypeError):
        Batch()
    decoder = Decoder()
    with pytest.raises(OverflowError):
        decoder.add(sums([1]), 0, Event(0, -1, 0, 0))
    assert decoder.take() is None


def test_garbage_that_is_said_to_be_checked_is_harmless() -> None:
    broken, random = WireRequests(7, faults=0.05), Random(7)
    sound = histograms(4) + sums([1, 2, 3])
    decoder = Decoder(rows=16, table_bytes=1000)
    taken = 0
    for _ in range(3000):
        data = bytearray(broken.give() if random.random() < 0.5 else sound)
        for _ in range(random.randint(1, 4) if data else 0):
            data[random.randrange(len(data))] = random.randrange(256)
        is_full = decoder.add(bytes(data[: random.randint(0, len(data))]), 0, checked=True)
        while is_full:
            taken += len(decoder.take() or ())
            is_full = decoder.resume()
    assert taken > 1000


def test_two_threads_with_one_decoder_do_no_harm() -> None:
    decoder = Decoder(rows=1000)
    payload = sums(list(range(500)))
    refused, taken = [], []

    def work() -> None:
        for _ in range(300):
            try:
                decoder.add(payload, 0)
                if batch := decoder.take():
                    taken.append(arrow_batch(batch).num_rows)
                while decoder.resume():
                    if batch := decoder.take():
                        taken.append(arrow_batch(batch).num_rows)
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) <= {
        "another thread uses this decoder",
        "the frame before is not done: resume() it",
    }
    assert taken
    assert sum(taken) <= decoder.points


def test_the_request_of_the_other_tests_is_read() -> None:
    decoder = Decoder()
    decoder.add(request(3).SerializeToString(), 5, Event(2**64 - 1, 1, 2, 3), True)
    found = rows(decoder.take())
    assert {row["EventTime"] for row in found} == {-1}
    assert {row["Processor"] for row in found} == {3}
