"""What an encoder left out of its frames, and why: counts and one example of each.

Pure data: `otel_etw.counts` makes totals and log lines of it, `otel_etw.self_metrics` metrics.
"""

from __future__ import annotations

from typing import Any

__all__ = ["REASONS", "Losses", "Rejected", "TooLarge", "name_of", "quoted"]

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

    @classmethod
    def of(cls, error: Exception, field: str, value: object) -> Rejected:
        """Whatever a user's object raised while it was read, as a refusal."""
        if isinstance(error, Rejected):
            return error
        reason = "too_deep" if isinstance(error, RecursionError) else "malformed"
        return cls(reason, field, type(value).__name__)


class TooLarge(Exception):
    """A point that with its resource, scope and metric makes a frame beyond the limit.

    All sizes are bytes: ``frame``, of a frame that holds this point alone; ``point``, its body;
    ``metric``, ``scope`` and ``resource``, what is written of each around the point. The message
    names the largest of the four: it is what to make smaller.
    """

    def __init__(
        self, *, limit: int, frame: int, resource: int, scope: int, metric: int, point: int
    ) -> None:
        parts = {
            "the point": point,
            "the metric's name, description and unit": metric,
            "the scope": scope,
            "the resource": resource,
        }
        largest = max(parts, key=parts.__getitem__)
        super().__init__(
            f"a point that alone makes a frame of {frame:,} bytes, of which {largest} takes "
            f"{parts[largest]:,}; the limit is {limit:,}"
        )


class _Counts(dict[tuple[str, str], int]):
    """A ``Counter`` that costs next to nothing to make: every export makes one."""

    def __missing__(self, key: tuple[str, str]) -> int:
        return 0


class Losses:
    """Counts by what was lost (point, attribute, exemplar, metric, scope, resource, export) and by
    reason. ``text`` is no loss: it was written, but with characters replaced."""

    __slots__ = ("counts", "examples")

    def __init__(self) -> None:
        self.counts = _Counts()
        self.examples: dict[tuple[str, str], str] = {}

    def add(self, what: str, reason: str, example: str = "", count: int = 1) -> None:
        """Count a loss. Of each (what, reason) the first example is remembered, shortened."""
        if count > 0:
            self.counts[what, reason] += count
            self.examples.setdefault((what, reason), _shortened(example))

    def merge(self, other: Losses) -> None:
        """Add the counts of ``other``, and its examples where there are none."""
        for (what, reason), count in other.counts.items():
            self.add(what, reason, other.examples[what, reason], count)

    def reject(
        self, what: str, error: Exception, given: object, points: int, where: str = ""
    ) -> None:
        """Count an object that cannot be encoded, and the ``points`` that go with it."""
        rejected = error
        if not isinstance(rejected, Rejected):
            rejected = Rejected("malformed", what, type(given).__name__)
        example = f"{where}, {rejected}" if where else str(rejected)
        self.add(what, rejected.reason, example)
        self.add("point", rejected.reason, example, points)

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


def quoted(name: object) -> str:
    """A name for a log line: in quotes, ASCII, at most 60 characters of it.

    Of what is no text, its type's name. ``str``'s own repr: a subclass may have another.
    """
    if not isinstance(name, str):
        name = type(name).__name__
    text = str.__repr__(name).encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _NAME else f"{text[:_NAME]}..."


def name_of(thing: Any, kind: str = "metric") -> str:
    """A metric or scope for a log line, by its name if it has one."""
    try:
        return f"{kind} {quoted(thing.name)}"
    except Exception:
        return f"a {kind} without a name"
