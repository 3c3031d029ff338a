"""The line above what is shown of a metric."""

from __future__ import annotations

from otel_etw.captures.columns.series import Metric
from otel_etw.cli.fitting import cut, width, wrapped
from otel_etw.cli.screen import Screen
from otel_etw.cli.texts import kind_text

__all__ = ["write_metric"]

_INDENT = "  "
_GAP = "  "
_NAME, _FAINT = "bold cyan", "dim"


def write_metric(
    screen: Screen, metric: Metric, description: str = "", in_full: bool = False
) -> None:
    """``name  kind, temporality, unit  description``, in more lines where one is too short.

    A description is cut to one line, unless wanted in full.
    """
    name, unit = screen.shown(metric.name), screen.shown(metric.unit)
    kind = kind_text(metric.kind, metric.temporality, metric.monotonic)
    kind += f", {unit}" if unit else ""
    description = screen.shown(description)
    columns = screen.width - len(_INDENT)
    room = screen.width - width(name) - len(_GAP) - width(kind)
    if room >= 0:
        if description and width(description) + len(_GAP) <= room:
            screen.line((name, _NAME), _GAP, kind, _GAP, (description, _FAINT))
            return
        screen.line((name, _NAME), _GAP, kind)
    else:
        for parts in wrapped([name], screen.width):
            screen.line(("".join(parts), _NAME))
        for parts in wrapped(kind.split(" "), columns, " "):
            screen.line(_INDENT, "".join(parts))
    if description:
        text = description if in_full else cut(description, columns, screen.ellipsis)
        for parts in wrapped(text.split(" "), columns, " "):
            screen.line(_INDENT, ("".join(parts), _FAINT))
