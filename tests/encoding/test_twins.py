"""Both encoders give the same: frames, points in each, losses and their examples."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import MetricsData

from tests.support.any_metrics import metrics_data
from tests.support.official_encoder import Encoded
from tests.support.recombining import recombined, vocabularies

LIMITS = st.sampled_from([None, None, 0, 60, 127, 128, 300, 2000, 16_383])
OPTIONS = st.fixed_dictionaries(
    {
        "max_points": st.sampled_from([None, 1, 2, 7]),
        "attributes": st.sampled_from([None, {"name": "ours", "a": 1, "list": [1]}]),
        "resource_attributes": st.sampled_from([None, {"name": "ours", "n": (1, 2)}]),
    }
)  # fmt: skip


def assert_equal(data: Any, limit: int | None, options: dict[str, Any], both: Any) -> None:
    pure, compiled = (Encoded(data, native, limit, **options) for native in both)
    assert compiled.frames == pure.frames
    assert compiled.counts == pure.counts
    assert compiled.lost == pure.lost
    assert compiled.losses.examples == pure.losses.examples


@given(data=metrics_data(hostile=True), limit=LIMITS, options=OPTIONS)
@settings(max_examples=150)
def test_arbitrary_data(
    both: tuple[bool, bool], data: MetricsData, limit: int | None, options: dict[str, Any]
) -> None:
    assert_equal(data, limit, options, both)


@given(words=vocabularies(), seed=st.integers(0, 2**32), limit=LIMITS, options=OPTIONS)
@settings(max_examples=30)
def test_many_points(
    both: tuple[bool, bool], words: Any, seed: int, limit: int | None, options: dict[str, Any]
) -> None:
    assert_equal(recombined(words, seed, 300), limit, options, both)
