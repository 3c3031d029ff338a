"""docs/policies.md is true: every row of its table is tried, what each column says is compared."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from otel_etw.encoding.losses import REASONS
from tests.support.official_encoder import Encoded, official
from tests.support.points import Case
from tests.support.policy_rows import ROWS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "policies.md"


class Policy(NamedTuple):
    """A row of the table."""

    given: str
    official: str
    ours: str
    counted: str


def read_table() -> dict[str, Policy]:
    rows = re.findall(r"^\| `([\w-]+)` +\|(.*)\|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return {name: Policy(*(cell.strip() for cell in cells.split("|"))) for name, cells in rows}


TABLE = read_table()
CASES = [
    pytest.param(name, case, id=f"{name}-{number}")
    for name, cases in ROWS.items()
    for number, case in enumerate(cases)
]


def test_every_row_has_cases_and_every_case_a_row() -> None:
    assert list(TABLE) == list(ROWS)
    assert all(ROWS.values())


def test_every_reason_of_the_encoder_is_in_the_table() -> None:
    # The other two are the exporter's.
    told = {reason for policy in TABLE.values() for _, reason in counted(policy.counted, 0)}
    assert told == REASONS.keys() - {"shutdown", "internal"}


@pytest.mark.parametrize(("name", "case"), CASES)
def test_row(name: str, case: Case, native: bool) -> None:
    policy = TABLE[name]
    want = official(case.given if case.written is None else case.written)
    assert want is not None
    if policy.official.startswith("loses the export"):
        assert official(case.given) is None
    elif policy.official.startswith("writes it"):
        assert official(case.given) not in (None, want)
    else:
        assert official(case.given) == want

    ours = Encoded(case.given, native, case.limit)

    assert ours.frames == [want]
    gone = points_of(case.given) - sum(ours.counts)
    assert ours.lost == counted(policy.counted, gone)


def counted(cell: str, points: int) -> Counter[tuple[str, str]]:
    """The losses that a cell of the last column names; ``its points`` are so many."""
    named = re.findall(r"`(\w+)` `(\w+)`", cell)
    losses = Counter(dict.fromkeys(named, 1))
    if "its points" in cell:
        losses["point", named[-1][1]] += points
    return +losses


def points_of(given: Any, *levels: str) -> int:
    """All points, also those of objects in which something else is wrong."""
    level, *below = levels or (
        "resource_metrics",
        "scope_metrics",
        "metrics",
        "data",
        "data_points",
    )
    try:
        found = getattr(given, level)
        if not below:
            return len(found)
        return sum(points_of(one, *below) for one in (found if level != "data" else [found]))
    except Exception:
        return 0
