"""A batch of frames, in pure Python and compiled: what transports may rely on."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
from typing import Any

import pytest


@pytest.fixture
def frames_class(native: bool) -> Any:
    name = "_frames" if native else "frames"
    return importlib.import_module(f"otel_etw.encoding.{name}").Frames


def test_interface(frames_class: Any) -> None:
    frames = frames_class([b"one", b"", b"three"], [1, 0, 2**20])
    assert len(frames) == 3
    assert frames.points == 1 + 2**20
    assert frames.nbytes == 8
    assert [frames.points_in(index) for index in range(3)] == [1, 0, 2**20]
    assert [bytes(frame) for frame in frames] == [b"one", b"", b"three"]
    assert [bytes(frame) for frame in frames] == [bytes(frames[index]) for index in range(3)]


def test_index_from_the_end(frames_class: Any) -> None:
    frames = frames_class([b"a", b"b"], [3, 4])
    assert bytes(frames[-1]) == b"b"
    assert bytes(frames[-2]) == b"a"
    assert frames.points_in(-2) == 3


@pytest.mark.parametrize("index", [2, -3, 2**62, -(2**62)])
def test_index_out_of_range(frames_class: Any, index: int) -> None:
    frames = frames_class([b"a", b"b"], [3, 4])
    with pytest.raises(IndexError):
        frames[index]
    with pytest.raises(IndexError):
        frames.points_in(index)


@pytest.mark.parametrize("index", ["0", None, 1.0])
def test_index_of_a_wrong_type(frames_class: Any, index: Any) -> None:
    frames = frames_class([b"a", b"b"], [3, 4])
    with pytest.raises(TypeError):
        frames[index]


def test_empty_batch(frames_class: Any) -> None:
    for frames in (frames_class([], []), frames_class((), ())):
        assert len(frames) == frames.points == frames.nbytes == 0
        assert list(frames) == []
        with pytest.raises(IndexError):
            frames[0]


@pytest.mark.parametrize("counts", [[], [1], [1, 2, 3]], ids=str)
def test_as_many_counts_as_frames(frames_class: Any, counts: list[int]) -> None:
    with pytest.raises(ValueError, match=f"2 frames, {len(counts)} counts"):
        frames_class([b"a", b"b"], counts)


def test_iterators_as_arguments(frames_class: Any) -> None:
    frames = frames_class(iter([b"a", b"bc"]), iter([1, 2]))
    assert [bytes(frame) for frame in frames] == [b"a", b"bc"]
    assert frames.points == 3


def test_views_are_read_only(frames_class: Any) -> None:
    view = frames_class([b"abc"], [1])[0]
    assert isinstance(view, memoryview)
    assert view.readonly
    assert (view.format, view.itemsize, view.ndim, len(view)) == ("B", 1, 1, 3)
    with pytest.raises(TypeError):
        view[0] = 1


def test_a_view_keeps_the_batch(frames_class: Any) -> None:
    frames = frames_class([os.urandom(5000) for _ in range(100)], [1] * 100)
    want = bytes(frames[50])
    view, views = frames[50], iter(frames)
    del frames
    gc.collect()
    junk = [frames_class([b"\xff" * 500_000], [1]) for _ in range(5)]
    assert bytes(view) == want
    assert bytes(list(views)[50]) == want
    assert len(junk) == 5


@pytest.mark.parametrize("name", ["points", "nbytes", "anything"])
def test_attributes_cannot_be_set(frames_class: Any, name: str) -> None:
    frames = frames_class([b"a"], [1])
    with pytest.raises(AttributeError):
        setattr(frames, name, 5)


def test_frames_cannot_be_replaced(frames_class: Any) -> None:
    frames = frames_class([b"a"], [1])
    with pytest.raises(TypeError):
        frames[0] = b"b"
    with pytest.raises(TypeError):
        del frames[0]


@pytest.mark.parametrize("count", [2**31, 2**32 - 1, 2**32, 2**40])
def test_huge_counts(frames_class: Any, count: int) -> None:
    """Either as given or refused: never another number."""
    try:
        frames = frames_class([b"a", b"b"], [count, 1])
    except (OverflowError, ValueError):
        return
    assert frames.points_in(0) == count
    assert frames.points == count + 1


def test_what_is_copied_is_what_is_there(frames_class: Any) -> None:
    """A frame that says it is longer than its memory is not read beyond its end.

    In a process of its own, which such a read would end.
    """
    code = f"""
class Longer(bytes):
    def __len__(self):
        return 100_000_000

from {frames_class.__module__} import Frames
try:
    frames = Frames([Longer(b"abc")], [1])
except (ValueError, BufferError):
    pass
else:
    assert bytes(frames[0]) == b"abc"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("frame", [bytearray(b"abc"), memoryview(b"abc")])
def test_buffers_as_frames(frames_class: Any, frame: Any) -> None:
    assert bytes(frames_class([frame], [1])[0]) == b"abc"


def test_compiled_batches_are_one_buffer() -> None:
    native = pytest.importorskip(
        "otel_etw.encoding._frames", reason="otel_etw.encoding._frames is not compiled here"
    )
    batch = memoryview(native.Frames([b"ab", b"", b"c"], [1, 1, 1]))
    assert batch.readonly
    assert bytes(batch) == b"abc"
    assert bytes(memoryview(native.Frames())) == b""
