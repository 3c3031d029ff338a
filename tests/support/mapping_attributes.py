"""The rules by which the official encoder maps attributes, row by row: see `mapping_rows`."""

from __future__ import annotations

import array
from collections import OrderedDict, deque
from types import MappingProxyType
from typing import Any

import numpy as np
from opentelemetry.attributes import BoundedAttributes

from tests.support.odd_values import Colour, Level, Pairs, Real, Text, Whole, nested
from tests.support.points import exemplar_with, gauge_with, resource_with, scope_with

Row = list[Any]
"""Data that the official encoder accepts, and names of rows in docs/policies.md."""


def values(*given: Any) -> Row:
    """Each as an attribute of a point, an exemplar, a scope and a resource."""
    places = (gauge_with, exemplar_with, scope_with, resource_with)
    return [within({"a": 1, "key": value, "z": 2}) for value in given for within in places]


def keys(*given: Any) -> Row:
    return [gauge_with({key: 1, "z": 2}) for key in given]


ATTRIBUTES: dict[str, Row] = {
    # Attribute values
    "None is a value without a choice": values(None, [None], {"k": None}),
    "bool before int": values(True, False, [True, 1]),
    "text": values("", "text", "ümläut", "語", "😀", "\0", "x" * 20_000),
    "str subclasses are their content": values(Text("a"), Colour.RED, np.str_("np")),
    "integers": values(0, 1, -1, 127, 128, 2**31, 2**63 - 1, -(2**63)),
    "int subclasses are ints": values(Level.MANY, Level.NONE, Whole(-7)),
    "doubles": values(0.0, -0.0, 1.5, float("nan"), -float("nan"), float("inf"), 5e-324),
    "float subclasses are doubles": values(np.float64(2.5), Real("inf")),
    "bytes": values(b"", b"\0\xff", np.bytes_(b"np")),
    "other sequences are arrays": values(
        *([], [1, "a"], (), (1.5,), range(3), deque([1]), bytearray(b"ab"), memoryview(b"ab")),
        *(array.array("h", [1, -1]), array.array("d", [0.5]), memoryview(array.array("d", [0.5]))),
    ),
    "mappings": values(
        *({}, {"k": 1}, OrderedDict(b=1, a=2), MappingProxyType({"k": [1]}), Pairs([("k", 1)])),
        BoundedAttributes(attributes={"k": (1, 2)}),
    ),
    "a nested key is str() of itself": values(
        {1: 1, None: 2, 2.5: 3, (1,): 4, Colour.RED: 5, "": 6}
    ),
    "nested in one another": values([[[]]], {"a": {"b": {"c": {}}}}, [{"a": [{"b": [1, None]}]}]),
    "other types are dropped": ["attribute-type"],
    "one bad element drops all of the attribute": ["attribute-nested"],
    "integers beyond 64 bits are dropped": ["attribute-integer"],
    "texts with lone surrogates are dropped": ["attribute-surrogate"],
    "cyclic lists, and what raises, are dropped": ["attribute-cyclic", "attribute-raises"],
    "deep": values(nested("list", 46), nested("map", 30), nested("both", 35)),
    "deeper": ["attribute-deep", "attribute-too-deep-to-read"],
    # Attribute keys and mappings
    "an empty key, or None, leaves the value alone": keys("", None, b""),
    "keys as bytes of UTF-8, and as str subclasses": keys(
        b"key", "ü".encode(), Text("a"), Colour.RED
    ),
    "other keys are dropped": ["attribute-key-type", "attribute-key-text"],
    "the order of the mapping is that of the wire": [
        gauge_with({"z": 1, "a": 2, "m": 3}),
        gauge_with(Pairs([("same", 1), ("same", 2)])),
    ],
    "no attributes": [gauge_with(None), gauge_with({}), gauge_with(()), gauge_with("")],
    "any mapping of attributes": [
        gauge_with(MappingProxyType({"k": 1})),
        gauge_with(OrderedDict(b=1, a=2)),
        gauge_with(BoundedAttributes(attributes={"k": (1, 2)})),
        gauge_with(Pairs([("k", 1)])),
    ],
    "attributes that are no mapping": ["attributes-no-mapping"],
}
