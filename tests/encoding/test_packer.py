"""The packers by themselves: what they take, and what they refuse without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import Metric

from otel_etw.encoding import Losses, encoder, plain
from otel_etw.encoding.otlp import METRIC
from otel_etw.encoding.packing import BATCH
from otel_etw.encoding.packing import Packer as PlainPacker
from tests.systems import only_on_linux

SUM = METRIC.SUM

# What takes an everyday point by its fields, and the fields of one.
FIELDS: dict[str, list[Any]] = {
    "number": [{"k": "v"}, 1, 2, 3, []],
    "histogram": [{"k": "v"}, 1, 2, 3, 4.0, (1, 2), (1.0,), 1, 2, []],
    "exponential": [{"k": "v"}, 1, 2, 3, 4.0, 1, 0, 1, [1], 1, [0], 0, None, None, []],
}


@pytest.fixture
def new(both: tuple[bool, bool]) -> Any:
    """The compiled packer, with one resource, scope and metric open."""

    def open_packer(limit: int | None = None, max_points: int | None = None) -> Any:
        packer = encoder._native.PointPacker(limit, max_points)
        packer.resource(b"", b"")
        packer.scope(b"", b"")
        packer.metric(b"", SUM, b"")
        return packer

    return open_packer


@pytest.mark.parametrize("method", FIELDS)
def test_everyday_points_are_taken(new: Any, method: str) -> None:
    packer = new()
    for _ in range(3):
        assert not getattr(packer, method)(*FIELDS[method])
        assert not packer.left
    packer.end()
    assert packer.take().points == 3


@pytest.mark.parametrize(
    ("method", "field"), [(name, place) for name in FIELDS for place in range(len(FIELDS[name]))]
)
def test_a_point_that_is_not_everyday_is_left_as_if_never_begun(
    new: Any, method: str, field: int
) -> None:
    """Whichever field it is that is odd."""
    everyday = FIELDS[method]
    odd = [*everyday]
    odd[field] = object()
    packer, other = new(), new()
    for packed, points in ((packer, (everyday, odd, everyday)), (other, (everyday, everyday))):
        for fields in points:
            assert getattr(packed, method)(*fields) == (fields is odd)
            assert packed.left == (fields is odd)
        packed.end()
    assert bytes(packer.take()[0]) == bytes(other.take()[0])


@pytest.mark.parametrize("method", FIELDS)
def test_a_point_too_large_for_any_frame_is_left(new: Any, method: str) -> None:
    packer = new(limit=10)
    assert getattr(packer, method)(*FIELDS[method])
    assert packer.left
    packer.end()
    assert len(packer.take()) == 0


def test_it_says_when_to_take(new: Any) -> None:
    packer = new(max_points=1)
    fields = [{"k": "v" * 1000}, 1, 2, 3, []]
    taken = 0
    while not packer.number(*fields):
        taken += 1
        assert not packer.ready
    assert packer.ready
    assert not packer.left
    frames = packer.take()
    assert len(frames) == taken + 1
    assert frames.nbytes >= BATCH


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
        assert not packer.number(*FIELDS["number"])
        if number == 100:
            coming.clear()
    packer.expect([])
    assert not packer.number(*FIELDS["number"])
    packer.end()
    assert packer.take().points == 201


def test_what_is_expected_is_a_list(new: Any) -> None:
    for given in (None, (), iter([])):
        with pytest.raises(TypeError):
            new().expect(given)


@pytest.mark.parametrize(
    "texts", [("name", "", "1"), ("", "", ""), ("\xfc", "\u20ac", "\U0001f600")]
)
def test_everyday_texts_of_a_metric(new: Any, texts: tuple[str, str, str]) -> None:
    packer, other = new(), new()
    metric = Metric(*texts, data=None)  # type: ignore[arg-type]
    assert packer.everyday_metric(*texts, SUM, b"tail")
    other.metric(plain.metric_head(metric, Losses(), ""), SUM, b"tail")
    for each in (packer, other):
        assert each.add(b"")
        each.end()
    assert bytes(packer.take()[0]) == bytes(other.take()[0])


@pytest.mark.parametrize("text", [None, b"a", "\ud800", 1])
@pytest.mark.parametrize("place", range(3))
def test_other_texts_change_nothing(new: Any, place: int, text: Any) -> None:
    packer = new()
    texts = ["name", "description", "unit"]
    texts[place] = text
    assert packer.add(b"")
    assert not packer.everyday_metric(*texts, SUM, b"tail")
    assert packer.add(b"")
    packer.end()
    assert packer.take().points == 2


def test_outside_of_what_must_be_open(both: tuple[bool, bool]) -> None:
    packer = encoder._native.PointPacker(None, None)
    with pytest.raises(ValueError, match="a scope outside a resource"):
        packer.scope(b"", b"")
    packer.resource(b"", b"")
    with pytest.raises(ValueError, match="a metric outside a scope"):
        packer.metric(b"", SUM, b"")
    with pytest.raises(ValueError, match="a point outside a metric"):
        packer.add(b"")
    packer.scope(b"", b"")
    with pytest.raises(ValueError, match="a metric outside a scope"):
        packer.resource(b"", b"") or packer.everyday_metric("", "", "", SUM, b"")
    packer.scope(b"", b"")
    for method, fields in FIELDS.items():
        with pytest.raises(ValueError, match="a point outside a metric"):
            getattr(packer, method)(*fields)
    packer.end()
    for misuse in (
        lambda: packer.scope(b"", b""),
        lambda: packer.metric(b"", SUM, b""),
        lambda: packer.add(b""),
    ):
        with pytest.raises(ValueError, match="outside"):
            misuse()


def test_a_new_scope_or_resource_closes_what_was_open(new: Any) -> None:
    packer = new()
    packer.scope(b"", b"")
    with pytest.raises(ValueError, match="a point outside a metric"):
        packer.add(b"")
    packer.resource(b"", b"")
    with pytest.raises(ValueError, match="a metric outside a scope"):
        packer.metric(b"", SUM, b"")


@pytest.mark.parametrize("texts", [(None, b""), (b"", None), ("a", b""), (bytearray(b"a"), b"")])
def test_texts_are_bytes(both: tuple[bool, bool], texts: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError):
        encoder._native.PointPacker(None, None).resource(*texts)


@pytest.mark.parametrize("limits", [(-1, None), (None, -1), (2**70, None), ("a", None)])
def test_limits_are_sizes(both: tuple[bool, bool], limits: tuple[Any, Any]) -> None:
    with pytest.raises((OverflowError, TypeError)):
        encoder._native.PointPacker(*limits)


@only_on_linux("elsewhere memory has no such limit")
@pytest.mark.skipif(
    os.environ.get("OTEL_ETW_SANITIZE") == "1", reason="the sanitizer's memory has no such limit"
)
def test_no_point_is_taken_twice_when_memory_runs_out(both: tuple[bool, bool]) -> None:
    """Amid a point, for the frame that it finishes. In a process of its own, with little memory."""
    code = """
import resource
from otel_etw.encoding._native import PointPacker

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
        assert packer.add(body)
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


def test_take_gives_each_frame_once(native: bool) -> None:
    packer: Any = encoder._native.PointPacker(None, 1) if native else PlainPacker(None, 1)
    packer.resource(b"", b"")
    packer.scope(b"", b"")
    packer.metric(b"", SUM, b"")
    body = b"x" * 1000
    taken = []
    for number in range(300):
        assert packer.add(body)
        # Four messages around the point's own, each with a tag and a length of two bytes.
        assert packer.ready == ((number % 100 + 1) * (1000 + 5 * 3) >= BATCH)
        if number % 100 == 99:
            assert packer.ready
            taken.append(packer.take())
            assert not packer.ready
            assert len(packer.take()) == 0
    packer.end()
    assert [len(frames) for frames in taken] == [100, 100, 100]
    assert len(packer.take()) == 0


def test_one_resource_after_another(native: bool) -> None:
    """A packer holds no memory of what it gave away: many resources, one frame each."""
    packer: Any = encoder._native.PointPacker(10_000, None) if native else PlainPacker(10_000, None)
    for number in range(500):
        packer.resource(b"r%d" % number, b"")
        packer.scope(b"s" * (number % 50), b"")
        packer.metric(b"m", SUM, b"")
        assert packer.add(b"point")
    packer.end()
    frames = packer.take()
    assert len(frames) == frames.points == 500
    assert all(b"r%d" % number in bytes(frame) for number, frame in enumerate(frames))
