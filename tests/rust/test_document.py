"""docs/rust.md says which test shows each row, and has a row for each difference in the tests."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests.support import rust_edits as edits
from tests.support.rust_recordings import EVENTS

from . import test_program
from .test_events import DIFFERENCES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "rust.md").read_text("utf-8")


def rows(columns: int) -> dict[str, list[str]]:
    """The rows of the table with so many columns, by the name that each begins with."""
    lines = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", DOCUMENT, re.MULTILINE)
    cells = {name: rest.split(" | ") for name, rest in lines}
    return {name: rest for name, rest in cells.items() if len(rest) == columns - 1}


BY_DESIGN, OF_THE_SDKS = rows(5), rows(3)


def defined_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def named(function: object) -> str:
    return str(getattr(function, "__name__", function)).replace("_", "-")


def test_every_line_of_the_tables_is_a_row() -> None:
    lines = len(re.findall(r"^\|", DOCUMENT, re.MULTILINE))
    assert len(BY_DESIGN) + len(OF_THE_SDKS) == lines - 4  # two heads of two lines


def test_the_test_of_every_row_is_there() -> None:
    for name, (*_, cell) in BY_DESIGN.items():
        path, _, test = cell.strip("`").partition("::")
        assert test.startswith("test_"), name
        assert test in defined_in(path), name


def test_every_test_of_a_difference_has_a_row() -> None:
    tests = {cells[-1].strip("`") for cells in BY_DESIGN.values()}
    path = "tests/rust/test_by_design.py"
    assert {f"{path}::{test}" for test in defined_in(path)} <= tests


def test_every_difference_of_events_is_a_row() -> None:
    assert {named(edit) for edit in edits.EDITS} <= set(BY_DESIGN)


def test_every_difference_of_the_program_is_a_row_of_either_table() -> None:
    found = {
        named(each) for each in (*test_program.EDITS, *test_program.REFUSED, test_program.repeated)
    }
    sdks = {named(name) for name in OF_THE_SDKS}
    assert sdks == found - set(BY_DESIGN)


def test_the_numbers_of_events_are_those_of_the_tests() -> None:
    total: Counter[str] = Counter()
    for differences in DIFFERENCES.values():
        total.update(differences)
    kinds = ["identical", *(edit.__name__ for edit in edits.EDITS)]
    numbers = [sum(EVENTS.values()), *(total[kind] for kind in kinds)]
    text = DOCUMENT[DOCUMENT.index("Of ") : DOCUMENT.index("doubled key")]
    assert list(map(int, re.findall(r"\d+", text))) == numbers
