"""Close, exit, several at once: what is registered is given back, and nothing is written after."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExportResult,
    PeriodicExportingMetricReader,
)

from otel_etw import ETWMetricExporter, ETWTransport
from otel_etw.transports import etw, etw_ctypes
from tests.support.etw_recorder import Recorder
from tests.support.exports import counter, data, number
from tests.support.otlp_files import batch, frame

ROOT = Path(__file__).resolve().parents[3]
METRICS = data(counter(number(1)))


def test_close_may_be_called_again(recorder: Recorder) -> None:
    with ETWTransport() as transport:
        pass
    transport.close()
    transport.close()
    assert recorder.names == ["Register", "SetInformation", "Unregister"]


def test_after_close_everything_is_lost_and_said(recorder: Recorder) -> None:
    recorder.start()
    transport = ETWTransport()
    transport.close()
    assert transport.enabled  # else an export would pass over it in silence
    delivery = transport.send(batch(frame(1, 1), frame(1, 2)))
    assert delivery.taken == 0
    assert [(loss.reason, loss.frames) for loss in delivery.losses] == [("closed", 2)]
    assert recorder.writes == []


def test_export_after_shutdown(recorder: Recorder) -> None:
    recorder.start()
    exporter = ETWMetricExporter("etw")
    exporter.shutdown()
    assert exporter.export(METRICS) is MetricExportResult.FAILURE
    assert recorder.writes == []


def test_a_second_exporter_after_the_first_was_shut_down(recorder: Recorder) -> None:
    """The Rust crate's goes silent."""
    recorder.start()
    for count in (1, 2, 3):
        exporter = ETWMetricExporter("etw")
        assert exporter.export(METRICS) is MetricExportResult.SUCCESS
        exporter.shutdown()
        assert len(recorder.writes) == count
    handles = {write.handle for write in recorder.writes}
    assert len(handles) == 3


def test_exporters_side_by_side_have_handles_of_their_own(recorder: Recorder) -> None:
    recorder.start()
    first, second, third = (ETWMetricExporter("etw") for _ in range(3))
    assert len(recorder.registered) == 3
    second.shutdown()
    assert len(recorder.registered) == 2
    for exporter in (first, third):
        assert exporter.export(METRICS) is MetricExportResult.SUCCESS
    assert {write.handle for write in recorder.writes} == recorder.registered
    first.shutdown()
    third.shutdown()
    assert recorder.registered == set()


def test_one_transport_of_two_exporters_is_closed_by_the_last(recorder: Recorder) -> None:
    recorder.start()
    transport = ETWTransport()
    exporters = [ETWMetricExporter(transport) for _ in range(2)]
    exporters[0].shutdown()
    assert exporters[1].export(METRICS) is MetricExportResult.SUCCESS
    exporters[1].shutdown()
    assert recorder.names[-2:] == ["Write", "Unregister"]


def test_what_nobody_refers_to_is_unregistered(recorder: Recorder) -> None:
    ETWTransport()
    gc.collect()
    assert recorder.registered == set()


def test_what_is_open_is_closed_at_exit(recorder: Recorder) -> None:
    transports = [ETWTransport() for _ in range(3)]
    etw._close_all()  # what atexit calls
    assert recorder.names.count("Unregister") == len(transports)


PROGRAM = """
import atexit, sys, threading
sys.path.append({root!r})
from otel_etw.transports import etw_ctypes
from tests.support.etw_recorder import Recorder

recorder = Recorder()
recorder.start()
atexit.register(lambda: print(*recorder.names, recorder.registered, recorder.faults))
{place}
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from otel_etw import ETWMetricExporter, ETWTransport
from otel_etw.transports import etw, etw_ctypes
etw._calls = calls

reader = PeriodicExportingMetricReader(ETWMetricExporter("etw"), export_interval_millis=3_600_000)
provider = MeterProvider([reader])
provider.get_meter("test").create_counter("requests").add(1)
left_open = ETWTransport()
"""

PLACE_CTYPES = """
calls = etw_ctypes
functions = recorder.for_ctypes(etw_ctypes.PROTOTYPES)
etw_ctypes.functions = lambda: functions
"""
PLACE_COMPILED = """
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("otel_etw.transports._etw", {file!r})
calls = module_from_spec(spec)
spec.loader.exec_module(calls)
sys.modules[spec.name] = calls
recorder.place({file!r})
"""


@pytest.mark.usefixtures("recorder")
def test_an_interpreter_that_ends_exports_once_more_and_unregisters(calls: ModuleType) -> None:
    place = PLACE_COMPILED.format(file=calls.__file__) if calls is not etw_ctypes else PLACE_CTYPES
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(root=str(ROOT), place=place)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    names = "Register SetInformation Register SetInformation Write Unregister Unregister"
    assert done.stdout.strip() == f"{names} set() []"


def test_the_sdk_s_last_export_at_exit_comes_before(recorder: Recorder) -> None:
    recorder.start()
    exporter = ETWMetricExporter("etw")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader])
    provider.get_meter("test").create_counter("requests").add(1)
    provider.shutdown()
    assert recorder.names == ["Register", "SetInformation", "Write", "Unregister"]


def test_close_during_a_batch_stops_it_and_does_not_wait(recorder: Recorder) -> None:
    recorder.start()
    transport = ETWTransport()
    inside, go_on = threading.Event(), threading.Event()

    def during_write() -> None:
        inside.set()
        assert go_on.wait(30)

    recorder.during_write = during_write
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(transport.send, batch(*(frame(1, at) for at in range(5))))
        assert inside.wait(30)
        transport.close()
        assert recorder.names[-1] == "Write"  # not unregistered beside it
        go_on.set()
        delivery = sent.result(30)
    assert delivery.taken == 1
    assert [(loss.reason, loss.frames) for loss in delivery.losses] == [("closed", 4)]
    assert recorder.names == ["Register", "SetInformation", "Write", "Unregister"]


def test_writes_from_eight_threads_while_sessions_come_and_go(
    recorder: Recorder, calls: ModuleType
) -> None:
    transport = ETWTransport()
    batches, size = 40, 5
    stop = threading.Event()

    def sessions() -> None:
        while not stop.is_set():
            recorder.start()
            recorder.start(level=4, any_mask=1)
            recorder.stop()

    def write(writer: int) -> int:
        taken = 0
        for at in range(batches):
            sent = batch(*(frame(writer, at * size + each) for each in range(size)))
            delivery = transport.send(sent)
            assert delivery.accounts_for(sent)
            taken += delivery.taken
        return taken

    player = threading.Thread(target=sessions)
    player.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(write, range(8)))
    finally:
        stop.set()
        player.join()
    assert taken == [batches * size] * 8
    assert len(recorder.writes) == 8 * batches * size
    assert len({*recorder.payloads}) == 8 * batches * size


@pytest.mark.parametrize("again", range(5))
def test_close_while_eight_threads_write(recorder: Recorder, again: int) -> None:
    recorder.start()
    transport = ETWTransport()
    begun = threading.Barrier(9)

    def write(writer: int) -> int:
        begun.wait(30)
        taken = 0
        while True:
            sent = batch(*(frame(writer, each) for each in range(3)))
            delivery = transport.send(sent)
            assert delivery.accounts_for(sent)
            taken += delivery.taken
            if delivery.losses:
                return taken

    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(write, writer) for writer in range(8)]
        begun.wait(30)
        transport.close()
        taken = sum(result.result(30) for result in results)
    assert taken == len(recorder.writes)
    assert recorder.names.count("Unregister") == 1
    assert recorder.names[-1] == "Unregister"


@pytest.mark.skipif(sys.platform == "win32", reason="there the transport is at home")
@pytest.mark.parametrize("make", ["ETWTransport()", "ETWMetricExporter('etw')"])
def test_off_windows_it_fails_with_a_sentence(make: str) -> None:
    code = f"from otel_etw import ETWMetricExporter, ETWTransport\n{make}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"RuntimeError: {sys.platform} has no Event Tracing for Windows")
    for alternative in ("transport='auto'", "'file:PATH'", "InMemoryTransport()"):
        assert alternative in last
