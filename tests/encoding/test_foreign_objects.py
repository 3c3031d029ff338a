"""Objects of foreign types among the points: compiled code asks nothing of them.

In processes of their own, which a mistake would end.
"""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

SETUP = """
import gc
import sys
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, MetricsData,
    NumberDataPoint, ResourceMetrics, ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from otel_etw.encoding import Encoder, Losses

def export(points, kind=Gauge, *rest):
    metric = Metric("m", "", "", kind(points, *rest))
    scopes = [ScopeMetrics(InstrumentationScope("s"), [metric], "")]
    losses = Losses()
    data = MetricsData([ResourceMetrics(Resource({}), scopes, "")])
    batches = list(Encoder().encode(data, 61_440, losses))
    return sum(batch.points for batch in batches), losses.points()

point = NumberDataPoint({"k": "v"}, 1, 2, 3)
"""


def run(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SETUP + dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "foreign",
    [
        "int",  # the type, whose tp_traverse ends the process: it is no heap type
        "type",
        "Exception",
        "NumberDataPoint",
        "type('Own', (), {})()",
        "type('Slots', (), {'__slots__': ('a',)})()",
        "type('Derived', (NumberDataPoint,), {})({}, 1, 2, 3)",
        "(lambda: 1)",
        "(n for n in ())",
        "sys._getframe()",
        "gc",
        "memoryview(b'a')",
        "__import__('functools').partial(int)",
        "__import__('re').compile('a')",
        "__import__('collections').deque([1])",
        "iter([])",
        "5",
        "'text'",
        "None",
    ],
)
def test_foreign_objects_among_points(both: tuple[bool, bool], foreign: str) -> None:
    run(f"""
        foreign = {foreign}
        taken, lost = export([point] * 9 + [foreign] * 2 + [point] * 9 + [foreign] * 30)
        assert taken + lost == 50, (taken, lost)
        assert lost == (0 if isinstance(foreign, NumberDataPoint) else 32), lost
    """)


def test_an_extension_type_is_not_traversed(both: tuple[bool, bool]) -> None:
    """Its tp_traverse may do anything; only the garbage collector, which is off, calls it."""
    run("""
        import ctypes
        import os

        class Slot(ctypes.Structure):
            _fields_ = [("slot", ctypes.c_int), ("pfunc", ctypes.c_void_p)]

        class Spec(ctypes.Structure):
            _fields_ = [
                ("name", ctypes.c_char_p), ("basicsize", ctypes.c_int),
                ("itemsize", ctypes.c_int), ("flags", ctypes.c_uint), ("slots", ctypes.c_void_p),
            ]

        asked = []
        traverse = ctypes.PYFUNCTYPE(
            ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
        )(lambda *arguments: asked.append(1) or 0)
        Py_tp_traverse, Py_TPFLAGS_HAVE_GC = 71, 1 << 14
        slots = (Slot * 2)(Slot(Py_tp_traverse, ctypes.cast(traverse, ctypes.c_void_p)), Slot(0))
        spec = Spec(b"foreign.Foreign", object.__basicsize__, 0, Py_TPFLAGS_HAVE_GC,
                    ctypes.cast(slots, ctypes.c_void_p))
        from_spec = ctypes.pythonapi.PyType_FromSpec
        from_spec.restype = ctypes.py_object
        gc.disable()
        Foreign = from_spec(ctypes.byref(spec))
        foreign = Foreign()
        gc.collect()
        assert asked  # the collector does
        asked.clear()
        assert export([point] * 9 + [foreign] * 30 + [point] * 9) == (18, 30)
        assert not asked
        os._exit(0)
    """)


def test_a_list_that_is_changed_while_it_is_read(both: tuple[bool, bool]) -> None:
    """By a property of a point in it, by a conversion to an index, by an exemplar."""
    run("""
        points = []

        class Changing(NumberDataPoint):
            @property
            def attributes(self):
                action(points)
                return {}

        class Index:
            def __index__(self):
                action(points)
                counts[:] = [1] * 1000
                return 1

        counts = [Index(), 2]
        object.__setattr__(changing := object.__new__(Changing), "value", 1)
        for name in ("start_time_unix_nano", "time_unix_nano"):
            object.__setattr__(changing, name, 1)
        object.__setattr__(changing, "exemplars", [])

        class Exemplar:
            filtered_attributes, time_unix_nano, span_id, trace_id = {}, 1, None, None

            @property
            def value(self):
                action(points)
                exemplars.clear()
                return 1

        exemplars = [Exemplar()] * 5
        with_exemplars = NumberDataPoint({}, 1, 2, 3, exemplars)
        histogram = HistogramDataPoint({}, 1, 2, 3, 4.0, counts, (1.0,), 1, 2)
        actions = [
            list.clear,
            lambda given: given.__setitem__(slice(None), [object()] * 500),
            lambda given: given.__setitem__(slice(None), [point] * 500),
            lambda given: given.pop() if len(given) > 3 else None,
            lambda given: given.extend([int] * 100) if len(given) < 5000 else None,
            lambda given: given.reverse(),
        ]
        for action in actions:
            for special in (changing, with_exemplars, histogram):
                for place in (0, 7, 8, 9, 17, 30):
                    counts[:] = [Index(), 2]
                    exemplars[:] = [Exemplar()] * 5
                    points[:] = [point] * place + [special] + [point] * 40
                    if special is histogram:
                        good = HistogramDataPoint({}, 1, 2, 3, 4.0, [1, 2], (1.0,), 1, 2)
                        points[:] = [good] * place + [special] + [good] * 40
                        export(points, Histogram, AggregationTemporality.DELTA)
                    else:
                        export(points)
                    gc.collect()
    """)


def test_frames_are_not_moved_while_they_are_filled(both: tuple[bool, bool]) -> None:
    """A view of a batch stays valid, even when an argument's code begins the batch again."""
    run("""
        from otel_etw.encoding._frames import Frames

        frames = Frames()
        views = []

        class Reentrant:
            def __index__(self):
                if not views:
                    frames.__init__([b"inner" * 100], [1])
                    views.append(memoryview(frames))
                return 1

        try:
            frames.__init__([b"first", b"x" * 1_000_000], [Reentrant(), 1])
        except TypeError as error:
            assert "never change" in str(error)
        else:
            raise AssertionError("it was filled twice")
        assert bytes(views[0]) == b"inner" * 100
    """)
