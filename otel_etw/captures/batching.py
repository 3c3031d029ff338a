"""What a capture holds as batches of points, and what stood between its frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from otel_etw.captures.capture import open as open_capture
from otel_etw.captures.columns import Batch, Decoder
from otel_etw.captures.items import CaptureError, Damage, Foreign, Frame, Item, Notice

__all__ = ["MANY_ROWS", "ROWS", "BatchItem", "batches", "undecodable"]

ROWS = 16_384
"""Rows of a batch. With what is remembered of them they stay in a processor's caches."""

MANY_ROWS = 65_536
"""Rows of a batch for who writes it to a file as one piece."""

# The most bytes of texts and lists in a batch, a row.
_BYTES_PER_ROW = 256

BatchItem: TypeAlias = Batch | Damage | Foreign | Notice


def batches(
    source: str | os.PathLike[str] | Iterable[Item | None],
    file: str | None = None,
    *,
    rows: int = ROWS,
) -> Iterator[BatchItem | None]:
    """The points of a capture in batches: the file at a path, or items of `open`, `read` or
    `follow`.

    A batch is an Arrow struct array, by ``__arrow_c_array__``, with one row a point and the columns
    of `otel_etw.captures.columns.COLUMNS`. It has at most ``rows`` rows, 1 to 1,048,576, with some
    256 bytes of texts and lists each, and points of as many frames as fill it. ``file`` is what
    stands in the column ``File``: by default the path.

    `Damage`, `Foreign` and `Notice` come as they are found, before a batch with points that stand
    in front of them. A frame that does not decode is a `Damage` as well. None, which `follow` gives
    when there is nothing more for now, comes behind all points before it. Where `CaptureError` is
    raised, the points that were read come first.
    """
    if isinstance(source, str | os.PathLike):
        file = os.fspath(source) if file is None else file
        source = open_capture(source)
    decoder = Decoder(rows=rows, batch_bytes=_BYTES_PER_ROW * rows)
    decoder.file(file or "")
    try:
        for item in source:
            if isinstance(item, Frame):
                try:
                    is_full = decoder.add(item.payload, item.offset, item.event, item.checked)
                except ValueError as error:
                    yield undecodable(item, error)
                    continue
                while is_full:
                    yield from _taken(decoder)
                    is_full = decoder.resume()
            else:
                if item is None:
                    yield from _taken(decoder)
                yield item
    except CaptureError:
        yield from _taken(decoder)
        raise
    yield from _taken(decoder)


def _taken(decoder: Decoder) -> Iterator[Batch]:
    batch = decoder.take()
    if batch:
        yield batch


def undecodable(frame: Frame, error: ValueError) -> Damage:
    """What is said of a frame that does not decode."""
    reason = f"a frame of {len(frame.payload):,} bytes that does not decode: {error}"
    return Damage(frame.offset, frame.length, reason)
