"""The example of a loss names metric, attribute and type, and never a value."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import Gauge, Metric, MetricsData, NumberDataPoint, Sum

from otel_etw.encoding.losses import Losses, Rejected
from tests.support.official_encoder import Encoded, gauge, of_metric, of_metrics, of_points
from tests.support.points import (
    METRIC,
    POINTS,
    a_metric,
    exemplar,
    gauge_with,
    resource_with,
    scope_with,
)
from tests.support.policy_rows import ROWS


class Secret(str):
    """Tells itself whatever is asked of it."""

    def __repr__(self) -> str:
        return "secret"


class SecretObject:
    def __repr__(self) -> str:
        return "secret"


POINT = POINTS[Gauge]

# Data with a loss → (what, reason), and the words its example must have.
NAMED: dict[str, tuple[MetricsData, tuple[str, str], list[str]]] = {
    "attribute": (
        gauge_with({"user": {"secret"}}),
        ("attribute", "unsupported_type"),
        ["metric 'metric'", "attribute 'user'", "(set)"],
    ),
    "attribute's text": (
        gauge_with({"user": "secret\ud800"}),
        ("attribute", "not_unicode"),
        ["metric 'metric'", "attribute 'user'", "(str)"],
    ),
    "attribute's number": (
        gauge_with({"user": 10**30}),
        ("attribute", "out_of_range"),
        ["metric 'metric'", "attribute 'user'", "(int)"],
    ),
    "attribute's element": (
        gauge_with({"user": ["secret", SecretObject()]}),
        ("attribute", "unsupported_type"),
        ["metric 'metric'", "attribute 'user'", "(SecretObject)"],
    ),
    "attribute's key": (
        gauge_with({("secret",): 1}),
        ("attribute", "unsupported_type"),
        ["metric 'metric'", "attribute 'tuple'", "key (tuple)"],
    ),
    "exemplar's attribute": (
        gauge(exemplars=[Exemplar({"user": SecretObject()}, 1, 0)]),
        ("attribute", "unsupported_type"),
        ["metric 'metric'", "exemplar", "attribute 'user'", "(SecretObject)"],
    ),
    "exemplar": (
        gauge(exemplars=[exemplar(value=Secret("secret"))]),
        ("exemplar", "unsupported_type"),
        ["metric 'metric'", "exemplar", "value (Secret)"],
    ),
    "resource's attribute": (
        resource_with({"user": SecretObject()}),
        ("attribute", "unsupported_type"),
        ["the resource", "attribute 'user'", "(SecretObject)"],
    ),
    "scope's attribute": (
        scope_with({"user": SecretObject()}),
        ("attribute", "unsupported_type"),
        ["scope 'own'", "attribute 'user'", "(SecretObject)"],
    ),
    "value": (
        of_points([NumberDataPoint({}, 0, 0, Secret("secret"))], Sum),  # type: ignore[arg-type]
        ("point", "unsupported_type"),
        ["metric 'metric'", "value (Secret)"],
    ),
    "time": (
        of_points([NumberDataPoint({}, 0, -123456, 1)]),
        ("point", "out_of_range"),
        ["metric 'metric'", "time_unix_nano (int)"],
    ),
    "temporality": (
        of_points([POINT], Sum, aggregation_temporality="secret"),
        ("metric", "out_of_range"),
        ["metric 'metric'", "aggregation_temporality (str)"],
    ),
    "data": (
        of_metric(a_metric(SecretObject(), "named")),
        ("metric", "unsupported_type"),
        ["metric 'named'", "data (SecretObject)"],
    ),
    "description": (
        of_metric(a_metric(METRIC.data, "named", "secret\ud800")),
        ("text", "not_unicode"),
        ["metric 'named'", "description (str)"],
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_example(name: str, native: bool) -> None:
    data, kind, words = NAMED[name]
    losses = Encoded(data, native).losses
    assert losses.counts[kind] == 1
    example = losses.examples[kind]
    assert [word for word in words if word not in example] == []
    assert not {"secret", "123456", str(10**30)} & set(example.replace("(", " ").split())
    assert "secret" not in example


@pytest.mark.parametrize("name", ROWS)
def test_no_row_of_the_policies_tells_a_value(name: str, native: bool) -> None:
    for case in ROWS[name]:
        examples = Encoded(case.given, native, case.limit).losses.examples
        assert all("secret" not in example for example in examples.values())


@pytest.mark.parametrize("letter", ["a", "ü", "語", "😀", "\n", "\ud800"], ids=ascii)
def test_an_example_is_one_short_line_that_has_the_type(letter: str, native: bool) -> None:
    """However long the names are."""
    point = NumberDataPoint({letter * 300: {1}}, 0, 0, 1)
    losses = Encoded(of_metric(Metric(letter * 300, "", "", Gauge([point]))), native).losses
    for kind in losses.counts:
        example = losses.examples[kind]
        assert len(example) <= 240
        assert example.isascii()
        assert example.isprintable()
    ((_, example),) = (
        (kind, example) for kind, example in losses.examples.items() if kind[0] == "attribute"
    )
    assert "metric" in example
    assert "attribute" in example
    assert "(set)" in example or "(str)" in example


def test_the_first_example_is_kept(native: bool) -> None:
    metrics = [
        Metric(name, "", "", Gauge([NumberDataPoint({"k": {1}}, 0, 0, 1)] * 2)) for name in "ab"
    ]
    losses = Encoded(of_metrics(metrics), native).losses
    assert losses.counts == {("attribute", "unsupported_type"): 4}
    assert "metric 'a'" in losses.examples["attribute", "unsupported_type"]


def test_each_thing_once_each_reason_by_itself(native: bool) -> None:
    """Several losses in one point, in the compiled encoder's chunk, and in a point that is lost."""
    point = NumberDataPoint(
        {"set": {1}, "big": 2**63, "big too": 2**63, "deep": [{1}]},
        *(0, 0, 1),
        [Exemplar({"k": {1}}, 1, 0), Exemplar({}, None, 0), Exemplar({}, 2**63, 0)],  # type: ignore[arg-type]
    )
    good = POINT
    bad = NumberDataPoint({}, 0, -1, 1)
    losses = Encoded(of_points([good, point, bad, good, bad, good]), native).losses
    assert losses.counts == {
        ("attribute", "unsupported_type"): 3,
        ("attribute", "out_of_range"): 2,
        ("exemplar", "unsupported_type"): 1,
        ("exemplar", "out_of_range"): 1,
        ("point", "out_of_range"): 2,
    }
    assert losses.points() == 2


def test_losses_add_up() -> None:
    losses, more = Losses(), Losses()
    assert not losses
    losses.add("text", "not_unicode", "a text")
    assert not losses
    losses.add("point", "too_large", "first", 3)
    losses.add("point", "too_large", "second", 0)
    assert losses
    more.add("point", "too_large", "third")
    more.add("metric", "malformed", "fourth")
    losses.merge(more)
    assert losses.counts == {
        ("text", "not_unicode"): 1,
        ("point", "too_large"): 4,
        ("metric", "malformed"): 1,
    }
    assert losses.examples["point", "too_large"] == "first"
    assert losses.points() == 4


def test_nothing_is_added_for_no_object() -> None:
    losses = Losses()
    losses.add("point", "too_large", "none", 0)
    assert losses.counts == {}
    assert losses.examples == {}


def test_an_unknown_reason_is_an_error_of_ours() -> None:
    unknown: Any = "because"
    with pytest.raises(KeyError):
        Rejected(unknown, "value", "int")
