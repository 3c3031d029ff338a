"""What an encoder left out of its frames, and why: counts and one example of each.

Pure data. Logging and self-metrics are made of it in `otel_etw.telemetry`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["REASONS", "Losses", "Rejected"]

# Every reason an encoder gives. docs/policies.md has the table of what leads to which.
REASONS = {
    "unsupported_type": "a type that OTLP has no place for",
    "out_of_range": "a number outside what its field can hold",
    "not_unicode": "text with lone surrogates, which UTF-8 cannot write",
    "too_deep": "nested deeper than receivers can parse",
    "malformed": "an object that is not what the SDK's data model says",
    "too_large": "larger by itself than the transport's limit",
    "duplicate": "a resource or scope given twice in one export; the last one counts",
    "shutdown": "still not encoded when the shutdown's time ran out",
    "internal": "an error in the encoder itself; please report it",
}

# Characters of a name, and of a whole example, in a log line.
_NAME, _LINE = 60, 240


class Rejected(Exception):
    """An object that cannot be encoded.

    ``field`` says where, ``kind`` is the name of the value's type. The value itself is never kept:
    it may be large or secret.
    """

    def __init__(self, reason: str, field: str, kind: str) -> None:
        super().__init__(f"{field} ({kind}): {REASONS[reason]}")
        self.reason = reason


class _Counts(dict[tuple[str, str], int]):
    """A ``Counter``, but made in no time: every export makes one, and most lose nothing."""

    def __missing__(self, key: tuple[str, str]) -> int:
        return 0


class Losses:
    """Counts by what was lost (point, attribute, exemplar, metric, scope, resource; ``text``: kept,
    but with characters replaced) and by reason."""

    __slots__ = ("counts", "examples")

    def __init__(self) -> None:
        self.counts = _Counts()
        self.examples: dict[tuple[str, str], str] = {}

    def add(self, what: str, reason: str, example: str = "", count: int = 1) -> None:
        """Count a loss; the first example of a kind is kept, shortened."""
        if count > 0:
            self.counts[what, reason] += count
            self.examples.setdefault((what, reason), _shortened(example))

    def include(self, other: Losses) -> None:
        """Count the losses of ``other`` too."""
        for (what, reason), count in other.counts.items():
            self.add(what, reason, other.examples[what, reason], count)

    def points(self) -> int:
        """Points lost, for whatever reason."""
        return sum(count for (what, _), count in self.counts.items() if what == "point")

    def __bool__(self) -> bool:
        """Whether anything is lost; replaced characters in a text alone are no loss."""
        return bool(self.counts) and any(what != "text" for what, _ in self.counts)


def _shortened(text: str) -> str:
    """Printable ASCII on one line."""
    text = text.encode("ascii", "backslashreplace").decode()
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)[:_LINE]


def shown(name: object) -> str:
    """A name for a log line, of whatever was given for one; its beginning when it is long.

    Of what is no text, its type's name. ``str``'s own repr: a subclass may have another.
    """
    if not isinstance(name, str):
        name = type(name).__name__
    text = str.__repr__(name).encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _NAME else f"{text[:_NAME]}..."


def name_of(thing: Any, kind: str = "metric") -> str:
    """A metric or scope for a log line, by its name if it has one."""
    try:
        return f"{kind} {shown(thing.name)}"
    except Exception:
        return f"a {kind} without a name"
