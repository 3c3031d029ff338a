"""``view --points``: points one by one. What does not change from line to line is not repeated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from otel_etw.captures import columns
from otel_etw.captures.columns.series import Metric
from otel_etw.captures.points import NO_RECORDED_VALUE
from otel_etw.cli.fitting import width, wrapped
from otel_etw.cli.local_times import TimeFormat
from otel_etw.cli.metric_line import write_metric
from otel_etw.cli.origins import origin_texts, process_text, schema_texts
from otel_etw.cli.screen import Part, Screen
from otel_etw.cli.texts import attribute_texts

__all__ = ["PointList"]

_INDENT = "  "
_GAP = "  "
# Digits of a second, and columns of a number.
_DIGITS = 3
_ALL_DIGITS = 9
_NUMBER = 20
_LEAST_ATTRIBUTES = 24

_FILE, _ORIGIN, _FAINT, _VALUE = "bold", "magenta", "dim", "bold"


class PointList:
    """Writes points as they come; see `otel_etw.cli.outputs.Output`. Nothing is cut off.

    ``wide``: all digits of times, when intervals began, and all that is known of scopes and
    resources.
    """

    def __init__(self, screen: Screen, name_files: bool, utc: bool, wide: bool) -> None:
        self._screen = screen
        self._name_files = name_files
        self._time_format = TimeFormat(utc)
        self._wide = wide
        self._digits = _ALL_DIGITS if wide else _DIGITS
        self._file = ""
        self._date = ""
        self._measured_by: tuple[Any, ...] | None = None
        self._origin: Sequence[str] | None = None
        self._metric: Metric | None = None
        self._time: str | None = None

    def batch(self, batch: Any) -> None:
        for piece in columns.json_rows(batch):
            for line in piece.decode().rstrip("\n").split("\n"):
                self._point(json.loads(line))

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        return None

    def _point(self, point: dict[str, Any]) -> None:
        self._head(point)
        time = self._time_of(point)
        times = [f"{'' if time == self._time else time:{len('00:00:00.') + self._digits}}"]
        self._time = time
        if self._wide:
            times.append(self._start_of(point))
        self._values(point, times)

    # What stands above points --------------------------------------------------------------------

    def _head(self, point: dict[str, Any]) -> None:
        """The lines for what is otherwise than at the point before."""
        line = self._screen.line
        if self._name_files and point["file"] != self._file:
            if self._metric:
                line()
            self._lines([point["file"]], _FILE)
            self._measured_by = self._origin = self._metric = None
        self._file = point["file"]
        measured_by = point["resource"], point["scope"], point.get("pid")
        if measured_by != self._measured_by:
            self._measured_by = measured_by
            self._write_origin(point)
        metric = Metric(
            point["metric"],
            point["kind"],
            point["unit"],
            point.get("temporality"),
            point.get("monotonic"),
        )
        date = self._date_of(point)
        if metric != self._metric or date != self._date:
            self._metric, self._time = metric, None
            write_metric(self._screen, metric)
        if date != self._date:
            self._date = date
            line(_INDENT, (date, _FAINT))

    def _write_origin(self, point: dict[str, Any]) -> None:
        """What the point before did not have of it; all where that says nothing."""
        origin = self._origin_of(point)
        if origin == self._origin:
            return
        if self._metric:
            self._screen.line()
        known = () if self._wide else self._origin or ()
        news = [text for text in origin if text not in known]
        self._lines(news or origin, _ORIGIN)
        self._origin, self._metric = origin, None

    def _origin_of(self, point: dict[str, Any]) -> list[str]:
        scope, resource = point["scope"], point["resource"]
        texts = origin_texts(
            resource["attributes"], scope["name"], scope["version"], scope["attributes"]
        )
        if self._wide:
            texts += schema_texts(resource["schema_url"], scope["schema_url"])
        if "pid" in point:
            texts.append(process_text(point["pid"]))
        return texts

    def _lines(self, texts: Sequence[str], style: str, indent: str = "") -> None:
        pieces = [self._screen.shown(text) for text in texts]
        for parts in wrapped(pieces, self._screen.width - len(indent)):
            self._screen.line(indent, ("".join(parts), style))

    # Times ---------------------------------------------------------------------------------------

    def _date_of(self, point: dict[str, Any]) -> str:
        time = point.get("time")
        if not time:
            return self._date
        nanoseconds = _nanoseconds(time)
        return f"{self._time_format.date(nanoseconds)} {self._time_format.zone(nanoseconds)}"

    def _time_of(self, point: dict[str, Any]) -> str:
        time = point.get("time")
        return self._time_format.time(_nanoseconds(time), self._digits) if time else "no time"

    def _start_of(self, point: dict[str, Any]) -> str:
        start = point.get("start")
        if not start:
            return " " * len("from 00:00:00.000000000")
        nanoseconds = _nanoseconds(start)
        text = self._time_format.time(nanoseconds, self._digits)
        date = self._time_format.date(nanoseconds)
        return f"from {text}" if self._date.startswith(date) else f"from {date} {text}"

    # Values --------------------------------------------------------------------------------------

    def _values(self, point: dict[str, Any], times: Sequence[str]) -> None:
        """The line of a point behind its times, and the lines below it where that is too short."""
        screen = self._screen
        before = _INDENT + "".join(f"{time}{_GAP}" for time in times)
        value = _value_text(point)
        if "count" not in point:
            value = f"{value:>{_NUMBER}}"
        attributes = [screen.shown(text) for text in attribute_texts(point["attributes"])]
        columns = screen.width - len(before) - width(value)
        if attributes:
            columns -= len(_GAP)
        if columns >= (_LEAST_ATTRIBUTES if attributes else 0):
            first, *others = wrapped(attributes, columns) or [[]]
            screen.line((before, _FAINT), (value, _VALUE), _GAP, "".join(first))
            for line in others:
                screen.line(" " * (screen.width - columns), "".join(line))
        else:
            self._write_below(times, value.split(), attributes)

    def _write_below(
        self, times: Sequence[str], words: Sequence[str], attributes: Sequence[str]
    ) -> None:
        """Values, then attributes, in lines of their own."""
        screen = self._screen
        before = _INDENT + "".join(f"{time}{_GAP}" for time in times)
        if screen.width - len(before) < _LEAST_ATTRIBUTES:
            for time in times:
                screen.line((f"{_INDENT}{time}", _FAINT))
            before = _INDENT * 2
        columns = screen.width - len(before)
        lines: list[Part] = [("".join(line), _VALUE) for line in wrapped(words, columns, " ")]
        lines += ["".join(line) for line in wrapped(attributes, columns)]
        for line in lines:
            screen.line((before, _FAINT), line)
            before = " " * len(before)


@lru_cache(1024)
def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def _nanoseconds(text: str) -> int:
    """ns since 1970 of ``2026-11-25T10:13:17.123456789Z``."""
    return _seconds(text[:19]) * 1_000_000_000 + int(text[20:29])


def _value_text(point: dict[str, Any]) -> str:
    """The number of a point; of a distribution its count, sum, bounds and estimated quantiles."""
    if point["flags"] & NO_RECORDED_VALUE:
        return "no value"
    if "count" not in point:
        return str(point.get("value", "no value"))
    names = ["count", "sum"]
    if _is_range(point.get("min"), point.get("max")):
        names += ["min", "max"]
    parts = [f"{name}={point[name]}" for name in names if point.get(name) is not None]
    parts += [f"{name}~{_short(value)}" for name, value in point.get("estimates", {}).items()]
    parts += [f"q{_short(q)}={value}" for q, value in point.get("quantiles", ())]
    return " ".join(parts)


def _is_range(least: float | str | None, most: float | str | None) -> bool:
    """Whether both are known and in order; what is not finite is a string in JSON."""
    return least is not None and most is not None and float(least) <= float(most)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
