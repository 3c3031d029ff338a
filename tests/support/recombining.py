"""Many points made of few values: what hypothesis alone would need very long for."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)

from tests.support.any_metrics import (
    FLOATS,
    INT32,
    INT64,
    KINDS,
    TEXTS,
    UINT64,
    S,
    data_fields,
    resources,
    scopes,
    texts,
)

Vocabulary = dict[str, Any]


# The commonest of what the SDK gives: what takes the fast path.
COMMON: dict[str, S] = {
    "attributes": st.dictionaries(TEXTS, st.booleans() | INT64 | FLOATS | TEXTS, max_size=4),
    **dict.fromkeys(("start_time_unix_nano", "time_unix_nano"), st.integers(0, 2**63 - 1)),
    **dict.fromkeys(("count", "zero_count"), st.integers(0, 2**63 - 1)),
    "value": INT64 | FLOATS,
    "sum": INT64 | FLOATS,
    **dict.fromkeys(("min", "max"), st.none() | INT64 | FLOATS),
    "exemplars": st.just([]),
    "bucket_counts": st.lists(st.integers(0, 2**63 - 1), max_size=20).map(tuple),
    "explicit_bounds": st.lists(FLOATS | INT64, max_size=20).map(tuple),
    "scale": INT32,
    **dict.fromkeys(
        ("positive", "negative"),
        st.builds(Buckets, INT32, st.lists(st.integers(0, 300) | UINT64, max_size=40)),
    ),
    "flags": st.integers(0, 2**32 - 1),
    "aggregation_temporality": st.sampled_from(AggregationTemporality),
    "is_monotonic": st.booleans(),
}


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    """A few values for each field of everything, of which `recombined` makes many points.

    Unusual ones for some fields only: a point that takes the fast path must be likely.
    """
    unusual = draw(st.sets(st.sampled_from(sorted(COMMON)), max_size=4))
    words: Vocabulary = draw(_vocabularies(frozenset(unusual)))
    return words


@cache
def _vocabularies(unusual: frozenset[str]) -> S:
    some = {
        "resources": st.lists(resources(False), min_size=1, max_size=3),
        "scopes": st.lists(scopes(False), min_size=1, max_size=3),
        "texts": st.lists(texts(False), min_size=1, max_size=3),
    }
    for kind, (_, fields) in KINDS.items():
        for name, values in {**fields(False), **data_fields(kind, False)}.items():
            each = COMMON[name] | values if name in unusual else COMMON[name]
            some[f"{kind.__name__}.{name}"] = st.lists(each, min_size=1, max_size=5)
    return st.fixed_dictionaries(some)


def recombined(words: Vocabulary, seed: int, points: int) -> MetricsData:
    """MetricsData of ``points`` points, each field one of ``words``, in metrics of 0 to 600."""
    dice = random.Random(seed)

    def made(cls: type, prefix: str, names: Any, **more: Any) -> Any:
        return cls(**{name: dice.choice(words[f"{prefix}.{name}"]) for name in names}, **more)

    def metric(size: int) -> Metric:
        kind = dice.choice(list(KINDS))
        point, fields = KINDS[kind]
        names = list(fields(False))
        some = [made(point, kind.__name__, names) for _ in range(size)]
        data = made(kind, kind.__name__, data_fields(kind, False), data_points=some)
        return Metric(*(dice.choice(words["texts"]) for _ in range(3)), data)

    scope_metrics: list[ScopeMetrics] = []
    while points:
        sizes = []
        for _ in range(dice.randint(1, 4)):
            sizes.append(min(points, dice.choice([0, 1, 5, 40, 300, 600])))
            points -= sizes[-1]
        group = ScopeMetrics(dice.choice(words["scopes"]), [metric(size) for size in sizes], "")
        scope_metrics.append(group)
    half = dice.randint(0, len(scope_metrics))
    first, second = dice.choice(words["resources"]), dice.choice(words["resources"])
    return MetricsData(
        [
            ResourceMetrics(first, scope_metrics[:half], ""),
            ResourceMetrics(second, scope_metrics[half:], ""),
        ]
    )
