"""What the SDK makes takes the fast path, every point of it: the speed rests on that."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.trace import TracerProvider

from otel_etw.encoding import Encoder, Losses
from tests.support.official_encoder import of_points, official
from tests.support.points import KINDS, POINTS

ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {
        "text": "a",
        "more": "\xfc\u20ac\U0001f600",
        "n": -5,
        "large": 2**63 - 1,
        "x": 1.5,
        "yes": True,
    },
    {f"key {n}": f"value {n}" for n in range(50)},
]


@pytest.fixture
def no_fallback(monkeypatch: pytest.MonkeyPatch, both: Any) -> None:
    def refused(*arguments: Any) -> None:
        raise AssertionError(f"a point fell back: {arguments[3]}")

    monkeypatch.setattr(Encoder, "_fall_back", refused)


def everything() -> MetricsData:
    """Every instrument, twice collected, in and out of a span."""
    reader = InMemoryMetricReader()
    view = View(instrument_name="exp*", aggregation=ExponentialBucketHistogramAggregation())
    meter = MeterProvider([reader], views=[view], shutdown_on_exit=False).get_meter("fast")
    counter, up_down = meter.create_counter("c"), meter.create_up_down_counter("u")
    histogram, exponential = meter.create_histogram("h"), meter.create_histogram("exp")
    meter.create_observable_gauge("g", [lambda _: [Observation(1.5, ATTRIBUTES[1])]])
    meter.create_observable_counter("o", [lambda _: [Observation(7, ATTRIBUTES[1])]])
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("fast")
    with tracer.start_as_current_span("sampled"):
        for attributes in ATTRIBUTES:
            counter.add(5, attributes)
            up_down.add(-2.5, attributes)
            for value in (0, 1, 3.5, 700, 20_000):
                histogram.record(value, attributes)
                exponential.record(value, attributes)
    reader.get_metrics_data()
    data = reader.get_metrics_data()
    assert data is not None
    return data


@pytest.mark.usefixtures("no_fallback")
@pytest.mark.parametrize("limit", [None, 4096])
def test_what_the_sdk_makes(limit: int | None) -> None:
    data = everything()
    losses = Losses()
    frames = [bytes(f) for batch in Encoder().encode(data, limit, losses) for f in batch]
    assert not losses.counts
    assert limit or frames == [official(data)]


@pytest.mark.usefixtures("no_fallback")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_in_any_number(kind: type) -> None:
    """Looking ahead ends where the points end."""
    for count in (1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 100):
        data = of_points([POINTS[kind]] * count, kind)
        (batch,) = Encoder().encode(data, None, Losses())
        assert bytes(batch[0]) == official(data)


def test_only_a_point_of_other_types_falls_back(monkeypatch: pytest.MonkeyPatch, both: Any) -> None:
    """Its neighbours stay on the fast path, and all keep their order."""
    seen = []
    fall_back = Encoder._fall_back
    monkeypatch.setattr(
        Encoder, "_fall_back", lambda *args: seen.append(args[3]) or fall_back(*args)
    )
    good = POINTS[KINDS[0]]
    lacking, of_other_types = object(), type(good)({"k": (1, 2)}, None, 1, 1)
    points = [good, lacking, good, of_other_types, good]
    losses = Losses()
    (batch,) = Encoder().encode(of_points(points), None, losses)
    assert seen == [lacking, of_other_types]
    assert losses.points() == 1
    assert bytes(batch[0]) == official(of_points([good, good, of_other_types, good]))
