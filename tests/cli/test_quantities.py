"""Numbers in units a person reads."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from otel_etw.cli.quantities import duration, number, quantity_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7, "7"),
        (1_234, "1,234"),
        (999_999, "999,999"),
        (1_000_000, "1M"),
        (1_234_567, "1.23M"),
        (-12_345_678, "-12.3M"),
        (999_999_999, "1G"),
        (2**63 - 1, "9.22e+18"),
        (0.1, "0.1"),
        (0.02903, "0.02903"),
        (12.3456, "12.35"),
        (1234.5, "1,234"),
        (0.0001234, "0.000123"),
        (1e-9, "1e-09"),
        (1e300, "1e+300"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (3.2e-9, "3.2 ns"),
        (1e-6, "1 us"),
        (0.0123, "12.3 ms"),
        (0.9999, "1 s"),
        (1.5, "1.5 s"),
        (59.9, "59.9 s"),
        (60, "1m 00s"),
        (-83, "-1m 23s"),
        (3_599.7, "1h 00m"),
        (12_345, "3h 25m"),
        (360_000, "4d 04h"),
        (1e-30, "1e-30 s"),
        (math.nan, "NaN"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("unit", "value", "text", "rate"),
    [
        ("By", 512, "512 B", "512 B/s"),
        ("By", 1023, "1,023 B", "1,023 B/s"),
        ("By", 1024, "1 KiB", "1 KiB/s"),
        ("By", 1 << 20, "1 MiB", "1 MiB/s"),
        ("By", -1.5 * 2**30, "-1.5 GiB", "-1.5 GiB/s"),
        ("By", 2**70, "1.05e+06 PiB", "1.05e+06 PiB/s"),
        ("KiBy", 3, "3 KiB", "3 KiB/s"),
        ("MBy", 1, "977 KiB", "977 KiB/s"),
        ("By/s", 2048, "2 KiB/s", "2 KiB/s/s"),
        ("s", 0.25, "250 ms", "250 ms/s"),
        ("s", 600, "10m 00s", "600 s/s"),
        ("ms", 1500, "1.5 s", "1.5 s/s"),
        ("ns", 1500, "1.5 us", "1.5 us/s"),
        ("min", 90, "1h 30m", "5,400 s/s"),
        ("{request}", 1234, "1,234", "1,234/s"),
        ("{request}/s", 2_500_000, "2.5M/s", "2.5M/s/s"),
        ("1", 0.5, "0.5", "0.5/s"),
        ("", 5, "5", "5/s"),
        ("%", 12.5, "12.5 %", "12.5 %/s"),
        ("Cel", 21.5, "21.5 °C", "21.5 °C/s"),
        ("bit", 1_500_000, "1.5 Mbit", "1.5 Mbit/s"),
        ("Hz", 2.4e9, "2.4 GHz", "2.4 GHz/s"),
        ("packets", 7, "7", "7/s"),
        ("\x1b[31m", 7, "7", "7/s"),
    ],
)
def test_units(unit: str, value: float, text: str, rate: str) -> None:
    quantity = quantity_of(unit)
    assert (quantity.value(value), quantity.rate(value)) == (text, rate)


@pytest.mark.parametrize(("value", "text"), [(2048, "+2 KiB"), (-1, "-1 B"), (0, "+0 B")])
def test_changes_have_their_sign(value: float, text: str) -> None:
    assert quantity_of("By").change(value) == text


@given(
    some.sampled_from(["", "By", "TiBy", "s", "ns", "h", "bit", "%", "By/s", "{a}"]),
    some.floats() | some.integers(-(2**63), 2**64),
)
def test_every_number_has_a_short_text(unit: str, value: float) -> None:
    quantity = quantity_of(unit)
    for text in (quantity.value(value), quantity.rate(value), quantity.change(value)):
        assert text.isprintable()
        assert len(text) <= 24
    if math.isfinite(value):
        assert float(number(abs(value)).replace(",", "").rstrip("kMGTP")) >= 0
