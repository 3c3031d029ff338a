"""What an Encoder is made with, and what it keeps between exports."""

from __future__ import annotations

import dataclasses
import gc
from typing import Any

import pytest
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_etw.encoding import Encoder, Losses
from tests.support.odd_values import Colour, Pairs, nested
from tests.support.official_encoder import Encoded, gauge, of_points, official
from tests.support.points import (
    KINDS,
    METRIC,
    POINTS,
    SCOPE,
    Own,
    Raising,
    RaisingItems,
    of_scopes,
)

# A point's own attributes → what is written when it should also have {"ours": "a", "n": 1}.
MERGED: list[tuple[Any, dict[Any, Any]]] = [
    (None, {"ours": "a", "n": 1}),
    ({}, {"ours": "a", "n": 1}),
    ({"k": "v"}, {"k": "v", "ours": "a", "n": 1}),
    ({"n": 2.5}, {"n": 2.5, "ours": "a"}),
    ({"n": None, "ours": [1]}, {"n": None, "ours": [1]}),
    (Pairs([("n", 5)]), {"n": 5, "ours": "a"}),
    (BoundedAttributes(attributes={"ours": "b"}), {"ours": "b", "n": 1}),
    ({5: "lost"}, {"ours": "a", "n": 1}),
]


@pytest.mark.parametrize(("given", "written"), MERGED)
def test_constant_attributes(given: Any, written: Any, native: bool) -> None:
    """Behind the point's own, which win."""
    ours = Encoded(gauge(1, given), native, attributes={"ours": "a", "n": 1})
    assert ours.frames == [official(gauge(1, written))]


@pytest.mark.parametrize("kind", KINDS)
def test_constant_attributes_of_every_kind(kind: type, native: bool) -> None:
    constant = {"z": [1, {"k": b"v"}]}
    point = POINTS[kind]
    written = dataclasses.replace(point, attributes={**point.attributes, **constant})
    ours = Encoded(of_points([point] * 3, kind), native, attributes=constant)
    assert ours.frames == [official(of_points([written] * 3, kind))]


@pytest.mark.parametrize(
    "given",
    [{}, {"red": 1}, Pairs([("red", 1)]), {Colour.RED: 1}],
    ids=["none", "text", "no dict", "str subclass"],
)
def test_a_constant_key_of_a_str_subclass(given: Any, both: tuple[bool, bool]) -> None:
    """Is its content, whatever ``str()`` makes of it."""
    written = {"red": 1} if given else {"red": "ours"}
    for native in both:
        ours = Encoded(gauge(1, given), native, attributes={Colour.RED: "ours"})
        assert ours.frames == [official(gauge(1, written))]


RESOURCES: list[tuple[Any, dict[Any, Any]]] = [
    ({}, {"ours": "a", "n": 1}),
    ({"k": "v"}, {"k": "v", "ours": "a", "n": 1}),
    ({"n": 2.5, "k": "v"}, {"k": "v", "ours": "a", "n": 1}),
]


@pytest.mark.parametrize(("given", "written"), RESOURCES)
@pytest.mark.parametrize("kind", [Resource, Own])
def test_resource_attributes_replace(given: Any, written: Any, kind: type, native: bool) -> None:
    data, want = (
        MetricsData([ResourceMetrics(kind(each), [SCOPE], "")]) for each in (given, written)
    )
    ours = Encoded(data, native, resource_attributes={"ours": "a", "n": 1})
    assert ours.frames == [official(want)]
    assert not ours.lost


def test_resource_attributes_of_a_resource_without(native: bool) -> None:
    """None is no attributes, with and without ours."""
    data = MetricsData([ResourceMetrics(Own(None), [SCOPE], "")])  # type: ignore[arg-type]
    assert Encoded(data, native).frames == [official(data)]
    want = MetricsData([ResourceMetrics(Own({"n": 1}), [SCOPE], "")])  # type: ignore[arg-type]
    assert Encoded(data, native, resource_attributes={"n": 1}).frames == [official(want)]


WRONG = {
    "type": {"k": {1}},
    "integer": {"k": 2**63},
    "text": {"k": "\ud800"},
    "depth": {"k": nested("list", 60)},
    "empty key": {"": 1},
    "key": {5: 1},
    "key text": {"\ud800": 1},
    "raising": {"k": [RaisingItems(a=1)]},
    "object": {"k": Raising()},
}


@pytest.mark.parametrize("option", ["attributes", "resource_attributes"])
@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG)
def test_wrong_attributes_are_refused(option: str, given: Any, native: bool) -> None:
    with pytest.raises(ValueError, match="attribute"):
        Encoder(native=native, **{option: given})


def test_changing_what_was_given_changes_nothing(native: bool) -> None:
    constants: dict[str, Any] = {"a": 1}
    encoder = Encoder(native=native, attributes=constants, resource_attributes=constants)
    before, _ = encoded(encoder, gauge())
    constants["b"] = 2
    assert encoded(encoder, gauge())[0] == before


# Kept between exports --------------------------------------------------------------------------


def encoded(encoder: Encoder, data: MetricsData) -> tuple[list[bytes], Losses]:
    losses = Losses()
    return [bytes(f) for batch in encoder.encode(data, None, losses) for f in batch], losses


def test_the_same_bytes_and_losses_at_each_export(native: bool) -> None:
    encoder = Encoder(native=native)
    resource = Resource({"big": 2**63, "a": 1})
    scope = InstrumentationScope("\ud800", attributes={"text": "\ud800", "a": 1})
    data = MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, [METRIC], "")], "")])
    first, lost = encoded(encoder, data)
    assert lost.counts == {
        ("attribute", "out_of_range"): 1,
        ("attribute", "not_unicode"): 1,
        ("text", "not_unicode"): 1,
    }
    for _ in range(3):
        again, lost_again = encoded(encoder, data)
        assert again == first
        assert lost_again.counts == lost.counts
        assert lost_again.examples == lost.examples


def test_an_equal_resource_of_another_order_is_another(native: bool) -> None:
    encoder = Encoder(native=native)
    for attributes in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 2}):
        data = MetricsData([ResourceMetrics(Resource(attributes), [SCOPE], "")])
        assert encoded(encoder, data)[0] == [official(data)]


def test_ids_that_come_again(native: bool) -> None:
    """A new resource or scope may lie where one lay that is gone."""
    encoder = Encoder(native=native)
    for number in range(600):
        scope = ScopeMetrics(InstrumentationScope(f"scope {number}"), [METRIC], "")
        data = MetricsData([ResourceMetrics(Resource({"n": number}), [scope], "")])
        ((frame,), _) = encoded(encoder, data)
        assert f"scope {number}".encode() in frame
        if number % 100 == 0:
            assert frame == official(data)
            gc.collect()
        del data, scope


def test_what_may_change_is_read_each_time(native: bool) -> None:
    encoder = Encoder(native=native)
    scope, resource = Own({"n": 1}), Own({"n": 1})
    for number in (1, 2):
        scope.attributes["n"] = resource.attributes["n"] = number
        scopes = of_scopes([ScopeMetrics(scope, [METRIC], "")]).resource_metrics[0].scope_metrics  # type: ignore[arg-type]
        data = MetricsData([ResourceMetrics(resource, scopes, "")])  # type: ignore[arg-type]
        assert encoded(encoder, data)[0] == [official(data)]
