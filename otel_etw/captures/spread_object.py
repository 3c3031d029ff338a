"""A JSON object that is spread over lines."""

from __future__ import annotations

from otel_etw.captures.json_requests import brackets, text_from
from otel_etw.limits import LINE_MAXIMUM

__all__ = ["SpreadObject"]

_BOM = b"\xef\xbb\xbf"
# How a line ends that has its object's rest on the next one.
_GOES_ON = (b"{", b"[", b",", b":")


class SpreadObject:
    """Collects the lines of one object until its brackets are closed."""

    def __init__(self) -> None:
        self._lines = bytearray()
        self._offset = 0
        self._open = 0

    @property
    def is_whole(self) -> bool:
        return self._open <= 0

    def takes(self, line: bytes, offset: int) -> bool:
        """Whether the line is the first of a spread object or goes on with the one before."""
        first = line.removeprefix(_BOM) if offset == 0 else line
        begins = first.startswith(b"{")
        if self._lines:
            if begins or len(self._lines) + len(line) > LINE_MAXIMUM:
                return False
        elif not begins or not first.rstrip().endswith(_GOES_ON):
            return False
        found = brackets(text_from(first))
        if found.torn:
            return False  # strings end on the line where they begin
        if not self._lines:
            self._offset = offset
        self._lines += line
        self._open += found.opened - found.closed
        return True

    def give(self) -> tuple[bytes, int]:
        """What was collected, and its offset; the next line may begin an object."""
        lines = bytes(self._lines)
        self._lines.clear()
        self._open = 0
        return lines, self._offset
