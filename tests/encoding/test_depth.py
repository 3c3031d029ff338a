"""How deep an attribute may be nested: just as deep as the official encoder writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.odd_values import nested
from tests.support.official_encoder import NEWEST, Encoded, official
from tests.support.points import exemplar_with, gauge_with, resource_with, scope_with

pytestmark = pytest.mark.skipif(
    not NEWEST, reason="byte equality is with the official encoder 1.45 or newer, which is not here"
)

# How many lists, or mappings, one in another, around an empty one, a number or nothing.
DEEPEST = {
    "resource": (resource_with, {"list": 48, "map": 32}),
    "scope": (scope_with, {"list": 48, "map": 32}),
    "point": (gauge_with, {"list": 47, "map": 31}),
    "exemplar": (exemplar_with, {"list": 46, "map": 31}),
}


@pytest.mark.parametrize("place", DEEPEST)
@pytest.mark.parametrize("kind", ["list", "map", "both"])
@pytest.mark.parametrize("leaf", [None, 1, [], {}], ids=str)
def test_as_deep_as_the_official_encoder(place: str, kind: str, leaf: Any, native: bool) -> None:
    within, _ = DEEPEST[place]
    without = official(within({"a": 1}))
    kept = []
    for depth in range(26, 56):
        data = within({"a": 1, "deep": nested(kind, depth, leaf)})
        want = official(data)
        ours = Encoded(data, native)
        assert ours.frames == [want or without]
        dropped = ours.frames == [without]
        assert ours.lost == ({("attribute", "too_deep"): 1} if dropped else {})
        kept.append(not dropped)
    assert kept[0]
    assert not kept[-1]
    assert kept == sorted(kept, reverse=True)


@pytest.mark.parametrize("place", DEEPEST)
@pytest.mark.parametrize("kind", ["list", "map"])
def test_deepest(place: str, kind: str, native: bool) -> None:
    within: Callable[[Any], Any]
    within, deepest = DEEPEST[place]
    at_most = deepest[kind]
    assert not Encoded(within({"k": nested(kind, at_most)}), native).lost
    assert Encoded(within({"k": nested(kind, at_most + 1)}), native).lost
