"""``--last``: the newest point of each series."""

from __future__ import annotations

from typing import Any

from otel_etw.captures import columns
from otel_etw.cli.outputs import Output

__all__ = ["NewestOutput"]


class NewestOutput:
    """Holds back all but the newest point of each series until the end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._newest = columns.Newest()

    def batch(self, batch: Any) -> None:
        self._newest.add(batch)

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        for batch in self._newest.finish():
            self._output.batch(batch)
        self._output.finish()
