"""Text fitted to columns, sparklines: whatever the text is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from otel_etw.captures.texts import printable
from otel_etw.cli.fitting import cut, isolated, width, wrapped
from otel_etw.cli.sparkline import sparkline

TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=60).map(printable)
BLOCKS = "12345678"


@given(TEXTS, some.integers(2, 30))
def test_what_is_cut_is_no_wider_than_its_columns(text: str, columns: int) -> None:
    shown = cut(text, columns, "…")
    assert width(shown) <= columns
    assert shown == text or shown.endswith("…")


@given(some.lists(TEXTS, max_size=8), some.integers(2, 30))
def test_what_is_wrapped_loses_nothing(pieces: list[str], columns: int) -> None:
    lines = ["".join(line) for line in wrapped(pieces, columns)]
    assert "".join(lines) == ", ".join(pieces)
    assert all(width(line.rstrip()) <= columns for line in lines)


def test_lines_are_broken_between_pieces() -> None:
    assert wrapped(["aa", "bb", "cccccccc"], 7) == [["aa, ", "bb, "], ["ccccccc"], ["c"]]
    assert ["".join(line) for line in wrapped(["aa", "bb", "cc"], 8)] == ["aa, bb, ", "cc"]


@pytest.mark.parametrize("text", ["שלום", "مرحبا", "a: שלום", "٣"])
def test_right_to_left_text_is_isolated(text: str) -> None:
    assert isolated(text) == f"\u2068{text}\u2069"


@pytest.mark.parametrize("text", ["", "plain", "Grüße", "世界", "\U0001f600"])
def test_other_text_is_not(text: str) -> None:
    assert isolated(text) == text


@pytest.mark.parametrize(
    ("slots", "is_level", "line"),
    [
        ((), True, ""),
        ((None, None), True, "  "),
        ((1, 2, 3, 4, 5, 6, 7, 8), True, "12345678"),
        ((7, 8), True, "18"),
        ((7, 8), False, "88"),
        ((4, 8), False, "58"),
        ((-1, 0, 1), False, "158"),
        ((5, 5, 5), True, "111"),
        ((0, 0), False, "11"),
        # Points that are two slots apart; a level holds, an increase came together before.
        ((1, None, 2, None, 8), True, "11228"),
        ((None, 1, None, 2, None, 8), False, " 23388"),
        # Points that are missing.
        ((1, 1, 1, None, None, None, 8, 8), True, "111   88"),
        ((math.nan, 1, math.inf, 2), True, " 188"),
        ((-1.7e308, 1.7e308), True, "18"),
    ],
)
def test_sparklines(slots: tuple[float | None, ...], is_level: bool, line: str) -> None:
    assert sparkline(slots, BLOCKS, is_level) == line


@given(some.lists(some.none() | some.floats(), max_size=20), some.booleans())
def test_every_slot_has_a_character(slots: list[float | None], is_level: bool) -> None:
    line = sparkline(slots, BLOCKS, is_level)
    assert len(line) == len(slots)
    assert set(line) <= {*BLOCKS, " "}
