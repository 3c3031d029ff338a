"""Both packers: the same methods, results and errors, in pure Python and compiled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_etw.encoding import packing, results
from otel_etw.encoding.losses import TooLarge
from otel_etw.encoding.otlp import METRIC
from otel_etw.encoding.packing import BATCH_BYTES, PAUSE_BYTES
from otel_etw.encoding.results import FLUSH, TAKEN

SUM = METRIC.SUM


def packer_class(native: bool) -> Any:
    if not native:
        return packing.Packer
    from otel_etw.encoding import _packing

    return _packing.Packer


@pytest.fixture
def packer(native: bool) -> Any:
    """A packer whose frames have no limit."""
    return packer_class(native)(None, None)


def opened(packer: Any) -> Any:
    packer.resource(b"", b"")
    packer.scope(b"", b"")
    packer.metric(b"", SUM, b"")
    return packer


def test_they_have_the_same_methods(both: tuple[bool, bool]) -> None:
    pure, compiled = (
        {name for name in dir(packer_class(native)) if name[0] != "_"} for native in both
    )
    assert pure == compiled


def test_results_are_distinct() -> None:
    assert len({TAKEN, FLUSH, results.FALLBACK}) == 3
    assert FLUSH
    assert results.FALLBACK


def test_outside_of_what_must_be_open(packer: Any) -> None:
    with pytest.raises(ValueError, match="a scope outside a resource"):
        packer.scope(b"", b"")
    packer.resource(b"", b"")
    with pytest.raises(ValueError, match="a metric outside a scope"):
        packer.metric(b"", SUM, b"")
    with pytest.raises(ValueError, match="a point outside a metric"):
        packer.add(b"")
    packer.scope(b"", b"")
    with pytest.raises(ValueError, match="a point outside a metric"):
        packer.add(b"")
    packer.metric(b"", SUM, b"")
    packer.add(b"")
    packer.end()
    for misuse in (
        lambda: packer.scope(b"", b""),
        lambda: packer.metric(b"", SUM, b""),
        lambda: packer.add(b""),
    ):
        with pytest.raises(ValueError, match="outside"):
            misuse()


def test_a_new_scope_or_resource_closes_what_was_open(packer: Any) -> None:
    opened(packer).scope(b"", b"")
    with pytest.raises(ValueError, match="a point outside a metric"):
        packer.add(b"")
    packer.resource(b"", b"")
    with pytest.raises(ValueError, match="a metric outside a scope"):
        packer.metric(b"", SUM, b"")


WRONG_BYTES = [None, "a", bytearray(b"a"), 1]


@pytest.mark.parametrize("wrong", WRONG_BYTES, ids=repr)
def test_texts_and_points_are_bytes(packer: Any, wrong: Any) -> None:
    for wrong_pair in ((wrong, b""), (b"", wrong)):
        with pytest.raises(TypeError):
            packer.resource(*wrong_pair)
        packer.resource(b"", b"")
        with pytest.raises(TypeError):
            packer.scope(*wrong_pair)
        packer.scope(b"", b"")
    for wrong_pair in ((wrong, SUM, b""), (b"", wrong, b""), (b"", SUM, wrong)):
        with pytest.raises(TypeError):
            packer.metric(*wrong_pair)
    packer.metric(b"", SUM, b"")
    with pytest.raises(TypeError):
        packer.add(wrong)


@pytest.mark.parametrize("tag", [b"", b"ab"])
def test_a_tag_is_one_byte(packer: Any, tag: bytes) -> None:
    packer.resource(b"", b"")
    packer.scope(b"", b"")
    with pytest.raises(ValueError, match=f"a tag of {len(tag)} bytes"):
        packer.metric(b"", tag, b"")


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ((-1, None), OverflowError),
        ((None, -1), OverflowError),
        ((2**70, None), OverflowError),
        (("a", None), TypeError),
        ((None, []), TypeError),
    ],
)
def test_limits_are_sizes(native: bool, limits: tuple[Any, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        packer_class(native)(*limits)


@pytest.mark.parametrize(
    ("sizes", "largest"),
    [
        ((1, 2, 3, 100), "the point takes 100"),
        ((1, 2, 100, 3), "the metric's name, description and unit takes 100"),
        ((1, 100, 2, 3), "the scope takes 100"),
        ((100, 1, 2, 3), "the resource takes 100"),
    ],
)
def test_a_point_too_large_for_any_frame(
    native: bool, sizes: tuple[int, int, int, int], largest: str
) -> None:
    """The error names what to make smaller, the size of the frame and the limit; the packer goes
    on."""
    packer = packer_class(native)(100, None)
    resource, scope, metric, point = (b"x" * size for size in sizes)
    packer.resource(resource, b"")
    packer.scope(b"", scope)
    packer.metric(metric, SUM, b"")
    with pytest.raises(TooLarge) as raised:
        packer.add(point)
    # Each of five messages has a tag and a length of one byte.
    total = sum(sizes) + 5 * 2
    assert str(raised.value) == (
        f"a point that alone makes a frame of {total} bytes, of which {largest}; the limit is 100"
    )
    opened(packer).add(b"y")
    packer.end()
    assert packer.take().points == 1


def test_take_gives_each_frame_once(native: bool) -> None:
    packer = opened(packer_class(native)(None, 1))
    body = b"x" * 1000
    taken = []
    for number in range(300):
        result = packer.add(body)
        # Four messages around the point's own, each with a tag and a length of two bytes.
        finished = (number % 100 + 1) * (1000 + 5 * 3)
        assert result == (FLUSH if finished >= BATCH_BYTES else TAKEN)
        if number % 100 == 99:
            taken.append(packer.take())
            assert len(packer.take()) == 0
    packer.end()
    assert [len(frames) for frames in taken] == [100, 100, 100]
    assert len(packer.take()) == 0


def test_a_frame_that_grows_flushes_again_and_again(packer: Any) -> None:
    """Each time after as many bytes of points, and there is nothing to take."""
    opened(packer)
    body = b"x" * 1021  # with tag and length, 1024 bytes
    for number in range(1, 300):
        result = packer.add(body)
        assert result == (FLUSH if number % (PAUSE_BYTES // 1024) == 0 else TAKEN)
        if result == FLUSH:
            assert len(packer.take()) == 0
    packer.end()
    assert packer.take().points == 299


def test_one_resource_after_another(native: bool) -> None:
    """A packer holds no memory of what it gave away: many resources, one frame each."""
    packer = packer_class(native)(10_000, None)
    for number in range(500):
        packer.resource(b"r%d" % number, b"")
        packer.scope(b"s" * (number % 50), b"")
        packer.metric(b"m", SUM, b"")
        assert packer.add(b"point") == TAKEN
    packer.end()
    frames = packer.take()
    assert len(frames) == frames.points == 500
    assert all(b"r%d" % number in bytes(frame) for number, frame in enumerate(frames))


SIZES = st.integers(0, 40) | st.sampled_from([100, 126, 127, 128, 200])
CALLS = st.lists(
    st.tuples(st.sampled_from(["resource", "scope", "metric", "take", *["add"] * 6]), SIZES, SIZES),
    max_size=60,
)


@given(
    calls=CALLS,
    limit=st.sampled_from([None, 0, 50, 127, 128, 300, 1000]),
    max_points=st.sampled_from([None, 1, 2, 5]),
)
@settings(max_examples=300)
def test_any_calls_give_the_same(
    both: tuple[bool, bool], calls: list[Any], limit: int | None, max_points: int | None
) -> None:
    outcomes = []
    for native in both:
        packer = packer_class(native)(limit, max_points)
        outcome: list[Any] = []
        batches = []
        for name, one, other in calls:
            arguments = {
                "metric": (b"a" * one, SUM, b"b" * other),
                "add": (b"p" * one,),
                "take": (),
            }.get(name, (b"a" * one, b"b" * other))
            try:
                result = getattr(packer, name)(*arguments)
            except (ValueError, TooLarge) as error:
                result = (type(error), str(error))
            if name == "take":
                batches.append(result)
                result = None
            outcome.append(result)
        packer.end()
        batches.append(packer.take())
        outcome.append(
            [[(bytes(f), b.points_in(i)) for i, f in enumerate(b)] for b in batches],
        )
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]
