"""Doubles as text: the same as Python's ``repr``, whatever they are."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from importlib import import_module
from random import Random
from struct import pack

import pytest

from otel_etw.captures.columns import NATIVE

pytestmark = pytest.mark.skipif(not NATIVE, reason="the decoder is not compiled here")


def double_text(number: float) -> str:
    text: str = import_module("otel_etw.captures.columns._shortest").double_text(number)
    return text


def first_difference(numbers: bytes) -> float | None:
    found: float | None
    found = import_module("otel_etw.captures.columns._shortest").first_difference(numbers)
    return found


@pytest.mark.parametrize(
    "number",
    [
        0.0,
        1.0,
        0.1,
        0.3,
        100.0,
        1234.5,
        123456.789,
        1e-4,
        9.999999999999999e-05,
        1e-5,
        2.0**53,
        2.0**53 - 1,
        2.0**53 + 2,
        9999999999999998.0,
        1e16,
        1e17,
        1e22,
        1e23,
        2.0**-44,
        9.5367431640625e-07,
        5e-324,
        2.225073858507201e-308,
        2.2250738585072014e-308,
        1.7976931348623157e308,
    ],
)
def test_a_double_is_printed_as_python_does(number: float) -> None:
    assert double_text(number) == repr(number)
    assert double_text(-number) == repr(-number)


def bits(*numbers: int) -> bytes:
    return pack(f"<{len(numbers)}Q", *numbers)


def test_all_powers_of_two_and_their_neighbours_are_printed_as_python_does() -> None:
    numbers = [
        exponent << 52 | fraction & (1 << 52) - 1
        for exponent in range(2047)
        for fraction in range(-3, 4)
    ]
    assert first_difference(bits(*numbers)) is None


def test_all_powers_of_ten_and_their_neighbours_are_printed_as_python_does() -> None:
    powers = array("d", [float(f"1e{exponent}") for exponent in range(-323, 309)])
    encoded = memoryview(powers).cast("B").cast("Q")
    numbers = [max(0, number + step) for number in encoded for step in range(-3, 4)]
    assert first_difference(bits(*numbers)) is None


RANDOM = Random(20261125)


@pytest.mark.parametrize(
    "number",
    [
        RANDOM.random,
        lambda: RANDOM.lognormvariate(0, 20),
        lambda: round(RANDOM.uniform(0, 1e6), RANDOM.randrange(10)),
        lambda: RANDOM.getrandbits(15) / 10 ** RANDOM.randrange(20),
        lambda: float(RANDOM.getrandbits(RANDOM.randrange(1, 100))),
    ],
    ids=["fractions", "many sizes", "rounded", "short", "whole"],
)
def test_random_doubles_are_printed_as_python_does(number: Callable[[], float]) -> None:
    assert first_difference(array("d", [number() for _ in range(20_000)]).tobytes()) is None


def test_random_bits_are_printed_as_python_does() -> None:
    assert first_difference(RANDOM.randbytes(8 * 50_000)) is None
