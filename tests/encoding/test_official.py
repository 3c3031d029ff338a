"""Byte for byte what the official encoder writes, whatever is given; of what it refuses, the rest.

Long mode, some minutes: ``OTEL_ETW_LONG=1 pytest -s tests/encoding/test_official.py`` takes more
than a million points through `test_many_points`.
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import MetricsData

from otel_etw.encoding import count_points
from tests.support.any_metrics import metrics_data
from tests.support.odd_values import fresh
from tests.support.official_encoder import NEWEST, Encoded, official
from tests.support.official_pruned import pruned
from tests.support.recombining import recombined, vocabularies

pytestmark = pytest.mark.skipif(
    not NEWEST, reason="byte equality is with the official encoder 1.45 or newer, which is not here"
)

LONG = os.environ.get("OTEL_ETW_LONG") == "1"


@given(data=metrics_data())
@settings(max_examples=200)
def test_what_it_accepts(both: tuple[bool, bool], data: MetricsData) -> None:
    want = official(data)
    assert want is not None
    for native in both:
        ours = Encoded(data, native)
        assert ours.frames == [want]
        # What the official encoder leaves out without failing: see docs/policies.md.
        assert {what for what, _ in ours.lost} <= {
            *("attribute", "resource", "scope", "metric", "point")
        }
        assert_all_counted(data, native)


def assert_all_counted(data: MetricsData, native: bool) -> None:
    """Each point is in a frame or lost. Lists in place of what does not tell how many it holds."""
    solid = fresh(data, list)
    ours = Encoded(solid, native)
    assert sum(ours.counts) + ours.losses.points() == count_points(solid)


@given(data=metrics_data(hostile=True))
@settings(max_examples=200)
def test_what_it_refuses(both: tuple[bool, bool], data: MetricsData) -> None:
    """The bytes are those of the same data without what is refused, cut as small as can be."""
    want = official(data)
    if want is None:
        want = official(pruned(data))
        assert want is not None
    for native in both:
        assert Encoded(data, native).frames == [want]
        assert_all_counted(data, native)


@pytest.mark.timeout(0 if LONG else 300)
def test_many_points(both: tuple[bool, bool]) -> None:
    """Points by the hundred, each made of a few values for each field: some fields are cached from
    one point to the next, and some points do not take the fast path.

    A million of them in long mode.
    """
    examples, most = (4000, 1000) if LONG else (30, 300)
    points = lost = 0
    began = time.monotonic()

    @given(words=vocabularies(), seed=st.integers(0, 2**32), number=st.integers(most // 2, most))
    @settings(max_examples=examples)
    def run(words: Any, seed: int, number: int) -> None:
        nonlocal points, lost
        data = recombined(words, seed, number)
        want = official(data)
        assert want is not None
        encoded = [Encoded(data, native) for native in both]
        for ours in encoded:
            assert ours.frames == [want]
        assert encoded[0].lost == encoded[1].lost
        points += sum(encoded[0].counts)
        lost += sum(encoded[0].lost.values())

    run()
    seconds = time.monotonic() - began
    print(f"{points:,} points in {examples:,} exports, {lost:,} losses, {seconds:,.0f} s")
    assert points >= (1_000_000 if LONG else 1_000)
