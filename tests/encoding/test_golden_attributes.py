"""The bytes of an attribute of every type, the field of opentelemetry-proto beside each piece."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.official_encoder import Encoded, field, gauge, official, written

# The value, and its place in a KeyValue. Zero and empty are written all the same: they are choices
# among the fields of AnyValue.
VALUES: dict[str, tuple[Any, str]] = {
    "text": (
        "ü",
        """
        12 04        | value
          0A 02 C3 BC | string_value
        """,
    ),
    "text, empty": (
        "",
        """
        12 02        | value
          0A 00      | string_value
        """,
    ),
    "true": (
        True,
        """
        12 02        | value
          10 01      | bool_value
        """,
    ),
    "false": (
        False,
        """
        12 02        | value
          10 00      | bool_value
        """,
    ),
    "integer": (
        300,
        """
        12 03        | value
          18 AC 02   | int_value
        """,
    ),
    "integer, zero": (
        0,
        """
        12 02        | value
          18 00      | int_value
        """,
    ),
    "integer, negative": (
        -1,
        """
        12 0B        | value
          18 FF FF FF FF FF FF FF FF FF 01 | int_value
        """,
    ),
    "double": (
        0.5,
        """
        12 09        | value
          21 00 00 00 00 00 00 E0 3F | double_value
        """,
    ),
    "double, minus zero": (
        -0.0,
        """
        12 09        | value
          21 00 00 00 00 00 00 00 80 | double_value
        """,
    ),
    "bytes": (
        b"\0\xff",
        """
        12 04        | value
          3A 02 00 FF | bytes_value
        """,
    ),
    "bytes, empty": (
        b"",
        """
        12 02        | value
          3A 00      | bytes_value
        """,
    ),
    "None": (
        None,
        """
        12 00        | value
        """,
    ),
    "sequence": (
        [1, "a", None, True],
        """
        12 11            | value
          2A 0F          | array_value
            0A 02        | values
              18 01      | int_value
            0A 03        | values
              0A 01 61   | string_value
            0A 00        | values
            0A 02        | values
              10 01      | bool_value
        """,
    ),
    "sequence, empty": (
        (),
        """
        12 02        | value
          2A 00      | array_value
        """,
    ),
    "mapping": (
        {"k": 2, "": None},
        """
        12 0F            | value
          32 0D          | kvlist_value
            0A 07        | values
              0A 01 6B   | key
              12 02      | value
                18 02    | int_value
            0A 02        | values
              12 00      | value
        """,
    ),
    "mapping, empty": (
        {},
        """
        12 02        | value
          32 00      | kvlist_value
        """,
    ),
    "sequence in a mapping in a sequence": (
        [{"k": [1]}],
        """
        12 13                | value
          2A 11              | array_value
            0A 0F            | values
              32 0D          | kvlist_value
                0A 0B        | values
                  0A 01 6B   | key
                  12 06      | value
                    2A 04    | array_value
                      0A 02  | values
                        18 01 | int_value
        """,
    ),
}


def assert_attribute(key: Any, value: Any, key_value: bytes, native: bool) -> None:
    data = gauge(0, {key: value}, time=0)
    point = written("31 00 00 00 00 00 00 00 00 | as_int") + field(0x3A, key_value)
    request = official(data)
    assert request is not None
    assert request.endswith(field(0x2A, field(0x0A, point)))
    assert Encoded(data, native).frames == [request]


@pytest.mark.parametrize("name", VALUES)
def test_value(name: str, native: bool) -> None:
    value, listing = VALUES[name]
    assert_attribute("key", value, field(0x0A, b"key") + written(listing), native)


@pytest.mark.parametrize("key", ["", None, b""])
def test_an_empty_key_is_omitted_and_its_value_kept(key: object, native: bool) -> None:
    assert_attribute(key, 1, written("12 02 | value\n 18 01 | int_value"), native)
