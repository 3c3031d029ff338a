"""The packers by themselves: what they take, and what they refuse without harm."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from otel_etw.encoding import encoder
from otel_etw.encoding.otlp import METRIC
from otel_etw.encoding.packing import BATCH
from otel_etw.encoding.packing import Packer as PlainPacker

SUM = METRIC.SUM
NUMBERS = 5
HISTOGRAMS = 10
EXPONENTIALS = 15


@pytest.fixture
def new(both: tuple[bool, bool]) -> Any:
    """The compiled packer, with one resource, scope and metric open."""

    def open_packer(limit: int | None = None, max_points: int | None = None) -> Any:
        packer = encoder._native.Packer(limit, max_points)
        packer.resource(b"", b"")
        packer.scope(b"", b"")
        packer.metric(b"", SUM, b"")
        return packer

    return open_packer


def columns(count: int, points: int) -> list[Any]:
    """So many columns of everyday points; the last is that of the exemplars."""
    value: dict[int, Any] = {
        NUMBERS: [{"k": "v"}, 1, 2, 3],
        HISTOGRAMS: [{"k": "v"}, 1, 2, 3, 4.0, (1, 2), (1.0,), 1, 2],
        EXPONENTIALS: [{"k": "v"}, 1, 2, 3, 4.0, 1, 0, 1, [1], 1, [0], 0, None, None],
    }[count]
    return [[each] * points for each in value] + [None]


METHODS = {"numbers": NUMBERS, "histograms": HISTOGRAMS, "exponentials": EXPONENTIALS}


@pytest.mark.parametrize("method", METHODS)
def test_columns_are_taken(new: Any, method: str) -> None:
    packer = new()
    take = getattr(packer, method)
    assert take(0, *columns(METHODS[method], 3)) == 3
    assert take(2, *columns(METHODS[method], 3)) == 3
    assert take(3, *columns(METHODS[method], 3)) == 3
    assert take(0, *columns(METHODS[method], 0)) == 0
    packer.end()
    assert packer.take().points == 4


@pytest.mark.parametrize("length", [0, 1, 3, 1000])
@pytest.mark.parametrize(
    ("method", "column"),
    [(name, column) for name, count in METHODS.items() for column in range(count)],
)
def test_columns_of_different_length(new: Any, method: str, column: int, length: int) -> None:
    packer = new()
    given = columns(METHODS[method], 2)
    given[column] = [None if given[column] is None else given[column][0]] * length
    with pytest.raises(ValueError, match="columns of different length"):
        getattr(packer, method)(0, *given)
    packer.end()
    assert packer.take().points == 0


@pytest.mark.parametrize("column", range(NUMBERS))
def test_columns_are_lists(new: Any, column: int) -> None:
    given = columns(NUMBERS, 2)
    given[column] = ({"k": "v"}, {"k": "v"})
    with pytest.raises(TypeError):
        new().numbers(0, *given)


def test_an_index_behind_the_columns(new: Any) -> None:
    for method, count in METHODS.items():
        packer = new()
        assert getattr(packer, method)(2**62, *columns(count, 3)) >= 3
        packer.end()
        assert packer.take().points == 0


@pytest.mark.parametrize("index", [-1, -(2**62)])
def test_an_index_before_the_columns(both: tuple[bool, bool], index: int) -> None:
    """Is refused, and nothing is read where there is no column.

    In a process of its own, which such a read would end.
    """
    code = f"""
from otel_etw.encoding._native import Packer
packer = Packer(None, None)
packer.resource(b"", b"")
packer.scope(b"", b"")
packer.metric(b"", b"{SUM.decode()}", b"")
for method, columns in {[(method, columns(count, 3)) for method, count in METHODS.items()]}:
    try:
        getattr(packer, method)({index}, *columns)
    except (IndexError, ValueError):
        pass
    else:
        raise AssertionError(method)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_outside_of_what_must_be_open(both: tuple[bool, bool]) -> None:
    packer = encoder._native.Packer(None, None)
    with pytest.raises(ValueError, match="a scope outside a resource"):
        packer.scope(b"", b"")
    packer.resource(b"", b"")
    with pytest.raises(ValueError, match="a metric outside a scope"):
        packer.metric(b"", SUM, b"")
    with pytest.raises(ValueError, match="a point outside a metric"):
        packer.add(b"")
    packer.scope(b"", b"")
    for method, count in METHODS.items():
        with pytest.raises(ValueError, match="points outside a metric"):
            getattr(packer, method)(0, *columns(count, 1))
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
        encoder._native.Packer(None, None).resource(*texts)


@pytest.mark.parametrize("limits", [(-1, None), (None, -1), (2**70, None), ("a", None)])
def test_limits_are_sizes(both: tuple[bool, bool], limits: tuple[Any, Any]) -> None:
    with pytest.raises((OverflowError, TypeError)):
        encoder._native.Packer(*limits)


def test_take_gives_each_frame_once(native: bool) -> None:
    packer: Any = encoder._native.Packer(None, 1) if native else PlainPacker(None, 1)
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
    packer: Any = encoder._native.Packer(10_000, None) if native else PlainPacker(10_000, None)
    for number in range(500):
        packer.resource(b"r%d" % number, b"")
        packer.scope(b"s" * (number % 50), b"")
        packer.metric(b"m", SUM, b"")
        assert packer.add(b"point")
    packer.end()
    frames = packer.take()
    assert len(frames) == frames.points == 500
    assert all(b"r%d" % number in bytes(frame) for number, frame in enumerate(frames))
