"""``view --last``: the newest point of each series."""

from __future__ import annotations

from otel_etw.captures import Point
from otel_etw.cli.choices import series
from otel_etw.cli.outputs import Output

__all__ = ["NewestOutput"]


class NewestOutput:
    """Holds back all but the newest point of each series, and the order of the series."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._newest: dict[str, tuple[str, int, Point]] = {}

    def point(self, file: str, offset: int, point: Point) -> None:
        key = series(point)
        if key not in self._newest or self._newest[key][2].time <= point.time:
            self._newest[key] = file, offset, point

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        before = None
        for file, offset, point in self._newest.values():
            if before not in (None, file):
                self._output.settle()
            before = file
            self._output.point(file, offset, point)
        self._output.finish()
