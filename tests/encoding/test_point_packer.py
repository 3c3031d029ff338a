"""The compiled packer's methods for points: what they take, and what falls back without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import Metric

from otel_etw.encoding import Losses, encoder, metrics
from otel_etw.encoding.otlp import METRIC
from otel_etw.encoding.packing import BATCH_BYTES
from otel_etw.encoding.results import FALLBACK, FLUSH, TAKEN
from tests.support.systems import only_on_linux

SUM = METRIC.SUM

# Method → the fields of a point that it takes.
FIELDS: dict[str, list[Any]] = {
    "number": [{"k": "v"}, 1, 2, 3, []],
    "histogram": [{"k": "v"}, 1, 2, 3, 4.0, (1, 2), (1.0,), 1, 2, []],
    "exponential": [{"k": "v"}, 1, 2, 3, 4.0, 1, 0, 1, [1], 1, [0], 0, None, None, []],
}


@pytest.fixture
def new(both: tuple[bool, bool]) -> Any:
    """The compiled packer, with one resource, scope and metric open."""

    def open_packer(limit: int | None = None, max_points: int | None = None) -> Any:
        packer = encoder._data_points.PointPacker(limit, max_points)
        packer.resource(b"", b"")
        packer.scope(b"", b"")
        packer.metric(b"", SUM, b"")
        return packer

    return open_packer


@pytest.mark.parametrize("method", FIELDS)
def test_points_as_the_sdk_makes_them_are_taken(new: Any, method: str) -> None:
    packer = new()
    for _ in range(3):
        assert getattr(packer, method)(*FIELDS[method]) == TAKEN
    packer.end()
    assert packer.take().points == 3


@pytest.mark.parametrize(
    ("method", "field"), [(name, place) for name in FIELDS for place in range(len(FIELDS[name]))]
)
def test_a_point_of_other_types_falls_back_as_if_never_begun(
    new: Any, method: str, field: int
) -> None:
    """Whichever field it is."""
    good = FIELDS[method]
    other_type = [*good]
    other_type[field] = object()
    packer, other = new(), new()
    for packed, points in ((packer, (good, other_type, good)), (other, (good, good))):
        for fields in points:
            result = getattr(packed, method)(*fields)
            assert result == (FALLBACK if fields is other_type else TAKEN)
        packed.end()
    assert bytes(packer.take()[0]) == bytes(other.take()[0])


@pytest.mark.parametrize("method", FIELDS)
def test_a_point_too_large_for_any_frame_falls_back(new: Any, method: str) -> None:
    packer = new(limit=10)
    assert getattr(packer, method)(*FIELDS[method]) == FALLBACK
    packer.end()
    assert len(packer.take()) == 0


def test_it_says_when_to_take(new: Any) -> None:
    packer = new(max_points=1)
    fields = [{"k": "v" * 1000}, 1, 2, 3, []]
    taken = 0
    while (result := packer.number(*fields)) == TAKEN:
        taken += 1
    assert result == FLUSH
    frames = packer.take()
    assert len(frames) == taken + 1
    assert frames.nbytes >= BATCH_BYTES


@pytest.mark.parametrize("method", FIELDS)
def test_as_many_fields_as_a_point_has(new: Any, method: str) -> None:
    for fields in (FIELDS[method][1:], [*FIELDS[method], None]):
        with pytest.raises(TypeError):
            getattr(new(), method)(*fields)


@pytest.mark.parametrize(
    "coming",
    [[], [1], [None, "a", 1.5] * 100, [object(), {"k": [1]}, []] * 100],
    ids=["none", "one", "many", "objects"],
)
def test_what_is_expected_need_not_come(new: Any, coming: list[Any]) -> None:
    """Looking ahead is a hint: whatever the objects, however many, and if the list is emptied."""
    packer = new()
    packer.expect(coming)
    for number in range(200):
        assert packer.number(*FIELDS["number"]) == TAKEN
        if number == 100:
            coming.clear()
    packer.expect([])
    assert packer.number(*FIELDS["number"]) == TAKEN
    packer.end()
    assert packer.take().points == 201


def test_what_is_expected_is_a_list(new: Any) -> None:
    for given in (None, (), iter([])):
        with pytest.raises(TypeError):
            new().expect(given)


@pytest.mark.parametrize(
    "texts", [("name", "", "1"), ("", "", ""), ("\xfc", "\u20ac", "\U0001f600")]
)
def test_texts_of_a_metric(new: Any, texts: tuple[str, str, str]) -> None:
    packer, other = new(), new()
    metric = Metric(*texts, data=None)  # type: ignore[arg-type]
    assert packer.metric_fields(*texts, SUM, b"tail") == TAKEN
    other.metric(metrics.metric_head(metric, Losses(), ""), SUM, b"tail")
    for each in (packer, other):
        assert each.add(b"") == TAKEN
        each.end()
    assert bytes(packer.take()[0]) == bytes(other.take()[0])


@pytest.mark.parametrize("text", [None, b"a", "\ud800", 1])
@pytest.mark.parametrize("place", range(3))
def test_other_texts_change_nothing(new: Any, place: int, text: Any) -> None:
    packer = new()
    texts = ["name", "description", "unit"]
    texts[place] = text
    assert packer.add(b"") == TAKEN
    assert packer.metric_fields(*texts, SUM, b"tail") == FALLBACK
    assert packer.add(b"") == TAKEN
    packer.end()
    assert packer.take().points == 2


def test_outside_of_what_must_be_open(both: tuple[bool, bool]) -> None:
    packer = encoder._data_points.PointPacker(None, None)
    packer.resource(b"", b"")
    with pytest.raises(ValueError, match="a metric outside a scope"):
        packer.metric_fields("", "", "", SUM, b"")
    packer.scope(b"", b"")
    for method, fields in FIELDS.items():
        with pytest.raises(ValueError, match="a point outside a metric"):
            getattr(packer, method)(*fields)


@only_on_linux("elsewhere memory has no such limit")
@pytest.mark.skipif(
    os.environ.get("OTEL_ETW_SANITIZE") == "1", reason="the sanitizer's memory has no such limit"
)
def test_no_point_is_taken_twice_when_memory_runs_out(both: tuple[bool, bool]) -> None:
    """Amid a point, for the frame that it finishes. In a process of its own, with little memory."""
    code = """
import resource
from otel_etw.encoding._data_points import PointPacker

LIMIT = 20_000_000
packer = PointPacker(LIMIT, None)
packer.resource(b"", b"")
packer.scope(b"", b"")
packer.metric(b"", b":", b"")
body = bytes(1_000_000)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 45_000_000,) * 2)
taken = 0
try:
    while taken < 100:
        packer.add(body)
        taken += 1
except MemoryError as error:
    assert "bytes of frames" in str(error), error
for attempt in packer.add, lambda body: packer.number({}, None, 1, 1, []):
    try:
        attempt(body)
    except MemoryError as error:
        assert "earlier" in str(error), error
    else:
        raise AssertionError("taken once more")
assert taken == 19
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@only_on_linux("elsewhere memory has no such limit")
@pytest.mark.skipif(
    os.environ.get("OTEL_ETW_SANITIZE") == "1", reason="the sanitizer's memory has no such limit"
)
def test_no_bytes_of_earlier_bounds_when_memory_runs_out(both: tuple[bool, bool]) -> None:
    """None has no bounds, whatever became of the bounds before."""
    code = """
import resource
import struct
from otel_etw.encoding._data_points import PointPacker

def point(packer, bounds):
    return packer.histogram({}, 1, 2, 3, 4.0, (1,), bounds, 1, 2, [])

def opened():
    packer = PointPacker(None, None)
    packer.resource(b"", b"")
    packer.scope(b"", b"")
    packer.metric(b"", b":", b"")
    return packer

packer = opened()
many = (1.0,) * 3_000_000  # 24 MB of bytes
assert point(packer, (7.0, 8.0)) is None
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 15_000_000,) * 2)
try:
    point(packer, many)
except MemoryError as error:
    assert "bounds" in str(error), error
else:
    raise AssertionError("there was memory")
assert point(packer, None) is None
packer.end()
frame = bytes(packer.take()[0])
assert frame.count(struct.pack("<d", 7.0)) == 1, frame
"""
    subprocess.run([sys.executable, "-c", code], check=True)
