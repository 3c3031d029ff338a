"""The end of the interpreter: the last export is delivered once, and nothing hangs or complains."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.programs import run, values

SETUP = textwrap.dedent("""
    import atexit, os, sys, threading
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from otel_etw import Delivery, ETWMetricExporter, FileTransport, Transport

    TICK = 250  # ms; the SDK complains of a tick before its provider is made

    def provided(exporter, interval=3_600_000):
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=interval)
        return MeterProvider(metric_readers=[reader])

    class Blocking(Transport):
        '''Hands over to a file when it is let go.'''

        def __init__(self):
            self.file = FileTransport("metrics.pb")
            self.entered = threading.Event()
            self.opened = threading.Event()

        def send(self, frames):
            self.entered.set()
            self.opened.wait()
            return self.file.send(frames)
""")


def program(text: str) -> str:
    return SETUP + textwrap.dedent(text)


@pytest.mark.parametrize("ending", ["", "sys.exit()", "provider.shutdown()"])
def test_a_program_that_just_ends_has_exported_all_once(tmp_path: Path, ending: str) -> None:
    code = """
        provider = provided(ETWMetricExporter("file:metrics.pb"))
        provider.get_meter("m").create_counter("requests").add(7)
    """
    run(program(code) + ending, tmp_path)
    assert values(tmp_path / "metrics.pb", "requests") == [7]


def test_a_program_that_fails_has_exported_all_too(tmp_path: Path) -> None:
    code = """
        provider = provided(ETWMetricExporter("file:metrics.pb"))
        provider.get_meter("m").create_counter("requests").add(7)
        raise RuntimeError("the application's own")
    """
    said = run(program(code), tmp_path, status=1)
    assert values(tmp_path / "metrics.pb", "requests") == [7]
    assert said.count("Traceback") == 1


def test_an_exporter_that_was_never_used_does_not_disturb_the_end(tmp_path: Path) -> None:
    run(program('keep = ETWMetricExporter("file:metrics.pb")'), tmp_path)
    assert not (tmp_path / "metrics.pb").exists()


def test_daemon_threads_may_still_record_at_the_end(tmp_path: Path) -> None:
    code = """
        provider = provided(ETWMetricExporter("file:metrics.pb"), interval=TICK)
        counter = provider.get_meter("m").create_counter("requests")
        recording = threading.Event()

        def record():
            while True:
                counter.add(1)
                recording.set()

        for _ in range(3):
            threading.Thread(target=record, daemon=True).start()
        recording.wait()
        provider.force_flush()
    """
    run(program(code), tmp_path)
    assert sum(values(tmp_path / "metrics.pb", "requests")) > 0


def test_the_end_waits_for_a_running_export_and_makes_the_last_one(tmp_path: Path) -> None:
    code = """
        transport = Blocking()
        provider = provided(ETWMetricExporter(transport), interval=TICK)
        counter = provider.get_meter("m").create_counter("requests")
        counter.add(1)
        transport.entered.wait()
        counter.add(2)
        atexit.register(transport.opened.set)
    """
    run(program(code), tmp_path)
    assert values(tmp_path / "metrics.pb", "requests") == [1, 2]


def test_a_daemon_thread_stuck_in_an_export_does_not_keep_the_interpreter(tmp_path: Path) -> None:
    code = """
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        reader = InMemoryMetricReader()
        MeterProvider(metric_readers=[reader]).get_meter("m").create_counter("requests").add(1)
        data = reader.get_metrics_data()
        transport = Blocking()
        exporter = ETWMetricExporter(transport)
        threading.Thread(target=exporter.export, args=(data,), daemon=True).start()
        transport.entered.wait()
        exporter.shutdown(timeout=1)
    """
    run(program(code), tmp_path)
    assert not (tmp_path / "metrics.pb").exists()


def test_an_export_within_an_exit_handler_arrives(tmp_path: Path) -> None:
    code = """
        provider = provided(ETWMetricExporter("file:metrics.pb"))
        counter = provider.get_meter("m").create_counter("requests")
        atexit.register(provider.force_flush)
        atexit.register(counter.add, 3)
    """
    run(program(code), tmp_path)
    assert values(tmp_path / "metrics.pb", "requests") == [3]


def test_an_export_after_the_providers_exit_handler_fails_quietly(tmp_path: Path) -> None:
    code = """
        from opentelemetry.sdk.metrics.export import MetricsData

        def late():
            assert exporter.export(MetricsData([])).name == "FAILURE"
            assert exporter.counts.points_exported == 1

        atexit.register(late)
        import logging
        logging.getLogger("otel_etw").setLevel(logging.ERROR)
        exporter = ETWMetricExporter("file:metrics.pb")
        provider = provided(exporter)
        provider.get_meter("m").create_counter("requests").add(7)
    """
    run(program(code), tmp_path)
    assert values(tmp_path / "metrics.pb", "requests") == [7]


def test_a_program_that_ends_at_once_has_what_was_exported_before(tmp_path: Path) -> None:
    code = """
        provider = provided(ETWMetricExporter("file:metrics.pb"))
        counter = provider.get_meter("m").create_counter("requests")
        counter.add(1)
        provider.force_flush()
        counter.add(2)
        os._exit(0)
    """
    run(program(code), tmp_path)
    assert values(tmp_path / "metrics.pb", "requests") == [1]


def test_a_program_that_ends_at_once_while_it_exports_leaves_whole_frames(tmp_path: Path) -> None:
    code = """
        provider = provided(ETWMetricExporter("file:metrics.pb"))
        counter = provider.get_meter("m").create_counter("requests")
        counter.add(1)
        provider.force_flush()
        threading.Timer(0.01, END).start()
        while True:
            counter.add(1)
            provider.force_flush()
    """
    # Windows' ExitProcess, which os._exit calls, may wait for ever for a lock of a thread that it
    # has ended (its documentation says so); TerminateProcess, which os.kill calls there, may not.
    end, status = ("os._exit(0)", 0) if sys.platform != "win32" else ("os.kill(os.getpid(), 9)", 9)
    said = run(program(code.replace("END", f"lambda: {end}")), tmp_path, status=status)
    assert said == ""
    assert set(values(tmp_path / "metrics.pb", "requests")) == {1}


@pytest.mark.parametrize("how", ["from otel_etw import *", "import otel_etw.transports.file"])
def test_importing_and_ending_is_quiet(tmp_path: Path, how: str) -> None:
    assert run(how, tmp_path) == ""
