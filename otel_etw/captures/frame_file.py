"""Frames behind 4-byte big-endian lengths: the Collector's ``format: proto`` and our own files.

A frame counts as found when its length, its outline and its decoding fit together. Where that
fails, reading goes on at the next place where it holds, and what lies between is one `Damage`.
Every frame whose bytes are as they were written is found again, with two exceptions. After damage
a frame without a single metric is not looked for. And where two sound frames share some bytes, one
of them is damaged and the bytes do not tell which one. A crash may have cut off the last zeros of
the first, or something the first zeros of the second; the file is the same. The second one is
shown, since a crash is more likely.

In a file that grows, an incomplete frame waits for its rest, which may be 64 MiB where its length
is wrong. It is given up as soon as frames stand behind it up to the end of the file.

The work is bounded by the size of the file: where bytes look like a frame at place after place and
are none, such places are ignored once `_CREDIT` is spent. What was done at a place is charged, not
the length that it claims.
"""

from __future__ import annotations

from collections.abc import Iterator

from otel_etw.captures.items import Damage, Frame, Item
from otel_etw.captures.payloads import Decoded, Outline, PayloadKind
from otel_etw.framing import PREFIX
from otel_etw.limits import FRAME_MAXIMUM

__all__ = ["FrameReader"]

# So many bytes of zero lengths in a row are no empty frames but a block that was never written.
_BLANK = 16 * PREFIX
# Bytes behind a frame that are looked at before it is believed.
_AHEAD = _BLANK + 16
# What may be spent on frames that turn out to be none, in bytes that C code looks at: at the
# start, and earned by each byte of the file.
_CREDIT = 1 << 26
_CREDIT_PER_BYTE = 16
# What Python does at a place costs as much as this many bytes.
_PRICE_OF_A_PLACE = 128
# Bytes of frames that come in pieces behind an incomplete one.
_SOON = 1 << 20
# A byte is copied and decoded.
_PRICE_OF_DECODING = 4


class FrameReader:
    """Reads one length-prefixed file; see `otel_etw.captures.items.Reader`."""

    def __init__(self, payloads: PayloadKind) -> None:
        self._payloads = payloads
        self._buffer = bytearray()
        self._base = 0  # where the buffer begins in the file
        self._need = 0  # bytes that the buffer must have before anything more can be told
        self._lost: tuple[int, str] | None = None  # since which offset no frame was found, and why
        self._credit = _CREDIT
        self._settled = False  # nothing more is there now
        self._complete = False  # nothing more will come
        # Of a growing file: where to search for frames that reach its end, which end was seen last,
        # and since which offset frames stand up to there.
        self._searched = self._seen = 0
        self._tail: int | None = None

    def feed(self, data: bytes) -> Iterator[Item]:
        self._buffer += data
        self._credit += _CREDIT_PER_BYTE * len(data)
        if len(self._buffer) >= self._need:
            yield from self._advance()

    def settle(self) -> Iterator[Item]:
        self._settled = True
        yield from self._advance()
        self._settled = False

    def finish(self) -> Iterator[Item]:
        self._settled = self._complete = True
        yield from self._advance()
        yield from self._end_of_damage(self._base + len(self._buffer))
        self._drop(len(self._buffer))
        self._settled = self._complete = False

    def _advance(self) -> Iterator[Item]:
        self._need = at = 0
        while True:
            if self._lost:
                at = self._next(at)
                if at < 0:
                    # A length of which not more than the beginning is there, and part of a magic.
                    return self._drop(max(0, len(self._buffer) - PREFIX - 3))
            else:
                yield from self._leading()
            if at == len(self._buffer):
                return self._drop(at)
            found = self._look(at)
            if isinstance(found, str):
                self._lost = self._lost or (self._base + at, found)
                at += 1
            elif isinstance(found, int):
                if self._settled and not self._complete and self._is_overtaken(at):
                    reason = "a torn frame: others stand where its rest would"
                    self._lost = self._lost or (self._base + at, reason)
                    at += 1
                    continue
                self._need = found - at
                return self._drop(at)
            else:
                self._drop(at + found.length)
                at = 0
                yield from self._end_of_damage(found.offset)
                yield found

    def _leading(self) -> Iterator[Item]:
        """The frames that the buffer begins with, as long as everything is as usual."""
        while payloads := self._payloads.leading(self._buffer, _AHEAD):
            offset = self._base
            self._drop(PREFIX * len(payloads) + sum(map(len, payloads)))
            for payload in payloads:
                length = PREFIX + len(payload)
                yield Frame(offset, length, payload, None, True)
                offset += length

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._base += count

    def _end_of_damage(self, offset: int) -> Iterator[Item]:
        if self._lost:
            start, reason = self._lost
            self._lost = None
            yield Damage(start, offset - start, reason)

    def _next(self, at: int) -> int:
        """Where a frame may begin, at ``at`` or later; -1 for nowhere."""
        if self._credit <= 0:
            return -1
        self._credit -= _PRICE_OF_A_PLACE
        match = self._payloads.beginning.search(self._buffer, at)
        return match.start() if match else -1

    def _look(self, at: int) -> Frame | int | str:
        """The frame at ``at``; or the bytes that the buffer must have to tell; or why there is
        none."""
        have = len(self._buffer)
        start = at + PREFIX
        if have < start:
            return "a torn length" if self._complete else start
        size = int.from_bytes(self._buffer[at:start], "big")
        end = start + size
        if size == 0:
            return "no frame begins here" if self._lost else self._empty(at)
        if size > FRAME_MAXIMUM:
            return f"no frame begins here: its length would be {size:,} bytes"
        torn = have < end and self._complete
        # Looked for among damage it is none, whatever it looks like.
        outline = Outline(end, 0) if torn and self._lost else self._outline(start, end)
        if outline.fault:
            return f"no frame begins here: {size:,} bytes announced, {outline.fault}"
        if torn:
            return f"a torn frame: {size:,} bytes announced, {have - start:,} there"
        if have < end:
            # Look again when twice as much is there: a wrong length is seen before all of it has
            # come, and all the looking together stays linear.
            return end if outline.reached == end else min(end, max(have + 1, 2 * have - at))
        if have < end + _AHEAD and not self._settled:
            return end + _AHEAD
        decoded = self._decode(start, end)
        if isinstance(decoded, str):
            return f"a frame of {size:,} bytes that does not decode: {decoded}"
        if self._lost and not decoded.holds_metrics:
            return "a frame without metrics"
        if not self._followed(end):
            hidden = self._hidden(start, end)
            if hidden is not None:
                return hidden
        return Frame(self._base + at, end - at, decoded.request, checked=True)

    def _outline(self, start: int, end: int, among_frames: bool = True) -> Outline:
        outline = self._payloads.outline(self._buffer, start, end)
        if self._lost or outline.fault or not among_frames:
            self._credit -= outline.work
        return outline

    def _decode(self, start: int, end: int) -> Decoded | str:
        try:
            return self._payloads.decode(self._buffer, start, end)
        except ValueError as error:
            self._credit -= _PRICE_OF_DECODING * (end - start)
            return str(error)

    def _is_overtaken(self, at: int) -> bool:
        """Whether frames reach the end of a file that grows no more for now, behind ``at``, where
        one begins that is not complete: then it will never be."""
        end = self._base + len(self._buffer)
        # What finds the frames behind damage is worth more.
        if self._seen != end and self._credit > _CREDIT // 2:
            self._tail = self._find_tail(max(at + 1, self._searched - self._base))
            self._seen = end
        return self._seen == end and self._tail is not None and self._base + at < self._tail

    def _find_tail(self, at: int) -> int | None:
        """The offset, at ``at`` or behind, from which on frames with metrics stand up to the end.

        The next search begins where the first frame begins that may still become one of them.
        """
        # The last bytes may be of a length.
        self._searched = self._base + max(0, len(self._buffer) - PREFIX)
        while (start := self._next(at)) >= 0:
            at = start
            while (end := self._end_of_sound(at)) > 0:
                if end == len(self._buffer):
                    return self._base + start
                at = end
            if end < 0:
                self._searched = min(self._searched, self._base + at)
            # Frames before this place do not reach the end either.
            at += 1
        return None

    def _end_of_sound(self, at: int) -> int:
        """Where the frame with metrics at ``at`` ends; 0 when there is none, -1 when what is there
        may be one soon."""
        start = at + PREFIX
        size = int.from_bytes(self._buffer[at:start], "big")
        end = start + size
        have = len(self._buffer)
        if have < start:
            return -1
        if not size or (end > have and size > _SOON) or self._outline(start, end).fault:
            return 0
        if end > have:
            return -1
        decoded = self._decode(start, end)
        return 0 if isinstance(decoded, str) or not decoded.holds_metrics else end

    def _empty(self, at: int) -> Frame | int | str:
        blank = self._buffer[at : at + _BLANK]
        if len(blank) < _BLANK and not self._settled:
            return at + _BLANK
        if len(blank) == _BLANK and not any(blank):
            return "NUL bytes: a block that was never written"
        # What is left of a torn length, and the first zeros of the next.
        hidden = self._hidden(at + 1, at + PREFIX)
        if hidden is not None:
            return hidden
        return Frame(self._base + at, PREFIX, b"", checked=True)

    def _followed(self, end: int) -> bool:
        """Whether nothing comes after a frame that ends here, or what may be another one, or a
        block that was never written."""
        head = self._buffer[end : end + _AHEAD]
        while len(head) >= PREFIX:
            size = int.from_bytes(head[:PREFIX], "big")
            del head[:PREFIX]
            if size:
                return size <= FRAME_MAXIMUM and not self._payloads.outline(head, 0, size).fault
        return not head or head[0] <= FRAME_MAXIMUM >> 24

    def _hidden(self, start: int, end: int) -> int | str | None:
        """Whether another frame begins inside what looks like one: then that one was torn, and
        what was written after it stands in its place. Returns as `_look`."""
        self._credit -= end - start
        at = start
        while 0 <= (at := self._next(at)) < end:
            inner = at + PREFIX
            inner_end = inner + int.from_bytes(self._buffer[at:inner], "big")
            if inner < inner_end and not self._outline(inner, inner_end, False).fault:
                if inner_end > len(self._buffer):
                    if not self._complete:
                        return inner_end
                else:
                    decoded = self._decode(inner, inner_end)
                    if not isinstance(decoded, str) and decoded.holds_metrics:
                        return "a torn frame: another one begins inside it"
            at += 1
        return None
