"""Which format a file has, told by its content: one row a format, the first that fits counts.

A format that is read from beginning to end is one more row here and one more file with its reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from otel_etw.captures.compression import GZIP, ZSTD_MAGIC, Codec, zstd
from otel_etw.captures.etl import EtlReader, EtlReport, begins_log, may_begin_log
from otel_etw.captures.expanding import ExpandingReader
from otel_etw.captures.expansion import Expansion
from otel_etw.captures.frame_file import FrameReader
from otel_etw.captures.items import CaptureError, Frame, Item, Reader, UnknownFormatError
from otel_etw.captures.json_lines import LineReader
from otel_etw.captures.payloads import ProtobufPayloads, ZstdPayloads
from otel_etw.captures.zip_archive import ZipReader, begins_zip
from otel_etw.framing import PREFIX
from otel_etw.limits import FRAME_MAXIMUM
from otel_etw.provider import DEFAULT_PROVIDER

__all__ = ["CAPTURE_FORMATS", "CaptureFormat", "RecognisingReader"]

# Bytes that tell the format of a file, and bytes searched for a frame when they do not.
_HEAD = 128
_WINDOW = 1 << 21
# Fewer bytes say nothing yet about a file that grows.
_LEAST = 8

_TEXT = re.compile(rb'(\xef\xbb\xbf)?[ \t\r\n]*(\{[ \t\r\n]*(["}]|$)|$)')
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class CaptureFormat:
    """A way to keep frames in a file."""

    name: str
    key: str
    """What programs call it."""
    begins: Callable[[bytes], bool]
    """Whether a file that begins with these bytes, `_HEAD` or all of them, has this format."""
    reader: Callable[[Expansion, UUID], Reader]
    """A reader for one file, which spends what it decompresses, and takes for frames the events of
    this provider; may raise `CaptureError`."""
    found_behind_damage: bool = False
    """Whether its frames can be told apart from anything else that a file may begin with."""


def _begins_zstd_frames(head: bytes) -> bool:
    return head[PREFIX : PREFIX + 4] == ZSTD_MAGIC and head[0] <= FRAME_MAXIMUM >> 24


def _begins_frames(head: bytes) -> bool:
    data = bytearray(head)
    while data[:PREFIX] == bytes(PREFIX):
        del data[:PREFIX]
    if len(data) <= PREFIX:
        # A few empty frames or the beginning of a length. A long run of NULs says nothing.
        return len(head) < _HEAD and data[:1] <= b"\0"
    size = int.from_bytes(data[:PREFIX], "big")
    return (
        size <= FRAME_MAXIMUM and not ProtobufPayloads().outline(data, PREFIX, PREFIX + size).fault
    )


def _begins_lines(head: bytes) -> bool:
    return bool(_TEXT.match(head)) and not _CONTROL.search(head)


def _expanding(codec: Codec, expansion: Expansion, provider: UUID) -> Reader:
    inner = expansion.enter()
    return ExpandingReader(codec, RecognisingReader(provider, inner), inner)


def _archive(expansion: Expansion, provider: UUID) -> Reader:
    inner = expansion.enter()
    return _ArchiveReader(lambda: RecognisingReader(provider, inner), inner)


class _ArchiveReader(ZipReader):
    """Keeps what is known of the members that are captures."""

    formats: tuple[CaptureFormat, ...] = ()
    """Of the latest one."""
    report: EtlReport | None = None
    """Of all that are ETW logs together."""

    def _has_read(self, reader: Reader) -> None:
        assert isinstance(reader, RecognisingReader)
        self.formats = reader.formats
        if reader.report:
            self.report = self.report or EtlReport()
            self.report.include(reader.report)


CAPTURE_FORMATS = (
    CaptureFormat(
        "ETW log",
        "etl",
        begins_log,
        lambda expansion, provider: EtlReader(provider, expansion),
        found_behind_damage=True,
    ),
    CaptureFormat("zip", "zip", begins_zip, _archive),
    CaptureFormat(
        "gzip",
        "gzip",
        lambda head: head.startswith(GZIP.magic),
        lambda expansion, provider: _expanding(GZIP, expansion, provider),
    ),
    CaptureFormat(
        "zstd",
        "zstd",
        lambda head: head.startswith(ZSTD_MAGIC),
        lambda expansion, provider: _expanding(zstd(), expansion, provider),
    ),
    CaptureFormat(
        "length-prefixed zstd",
        "otlp-proto-zstd",
        _begins_zstd_frames,
        lambda expansion, _: FrameReader(ZstdPayloads(zstd(), expansion)),
        found_behind_damage=True,
    ),
    CaptureFormat(
        "length-prefixed protobuf",
        "otlp-proto",
        _begins_frames,
        lambda expansion, _: FrameReader(ProtobufPayloads()),
        found_behind_damage=True,
    ),
    CaptureFormat(
        "OTLP JSON Lines",
        "otlp-json",
        _begins_lines,
        lambda expansion, _: LineReader(),
        found_behind_damage=True,
    ),
)


def _has_content(item: Item) -> bool:
    """Four zeros at the beginning are an empty frame, or of a file of another kind."""
    return isinstance(item, Frame) and bool(item.payload)


class RecognisingReader:
    """Reads a file of any format; raises `CaptureError` when it is none of them.

    ``provider``: whose events are taken for frames. ``expansion``: of the file whose compressed
    content this is; none when it is a file itself.
    """

    def __init__(
        self, provider: UUID = DEFAULT_PROVIDER.guid, expansion: Expansion | None = None
    ) -> None:
        self._provider = provider
        self._is_content = expansion is not None
        self._expansion = expansion or Expansion()
        self.format: CaptureFormat | None = None
        self._reader: Reader | None = None
        self._head = b""
        self.size = 0
        """Bytes that came."""

    @property
    def formats(self) -> tuple[CaptureFormat, ...]:
        """The format and, where that is a compression, what is inside: from the outside in. Of a
        zip file the latest member that was read; nothing while the format is not known."""
        if not self.format:
            return ()
        inner = self._content()
        has_more = isinstance(inner, RecognisingReader | _ArchiveReader)
        return (self.format, *inner.formats) if has_more else (self.format,)

    @property
    def report(self) -> EtlReport | None:
        """What is known of an ETW log by now, of those in a zip file together once they are read;
        None for files of other formats."""
        inner = self._content()
        has_report = isinstance(inner, EtlReader | RecognisingReader | _ArchiveReader)
        return inner.report if has_report else None

    def _content(self) -> Any:
        """The reader of what a compressed file holds, or of the file."""
        reader = self._reader
        return reader.inner if isinstance(reader, ExpandingReader) else reader

    @property
    def log(self) -> EtlReader | None:
        """The reader of a file that is an ETW log itself, not what a compressed one holds."""
        return self._reader if isinstance(self._reader, EtlReader) else None

    def feed(self, data: bytes) -> Iterator[Item]:
        self.size += len(data)
        if not self._is_content:
            self._expansion.read(len(data))
        if not self._reader:
            self._head += data
            if len(self._head) < _HEAD or not self._recognise(len(self._head) >= _WINDOW):
                return
            data = self._head
            self._head = b""
        if self._reader:
            yield from self._reader.feed(data)

    def settle(self) -> Iterator[Item]:
        if len(self._head) >= _LEAST and not self._is_too_short():
            yield from self._decide()
        if self._reader:
            yield from self._reader.settle()

    def finish(self) -> Iterator[Item]:
        if self._head:
            yield from self._decide()
        if self._reader:
            yield from self._reader.finish()

    def _is_too_short(self) -> bool:
        known = any(candidate.begins(self._head) for candidate in CAPTURE_FORMATS)
        return not known and may_begin_log(self._head)

    def _decide(self) -> Iterator[Item]:
        self._recognise(search=True)
        data, self._head = self._head, b""
        if self._reader:
            yield from self._reader.feed(data)

    def _recognise(self, search: bool) -> bool:
        candidate = next(
            (candidate for candidate in CAPTURE_FORMATS if candidate.begins(self._head[:_HEAD])),
            None,
        )
        if not candidate and search:
            candidate = self._search()
        if not candidate:
            return False
        self.format = candidate
        self._reader = candidate.reader(self._expansion, self._provider)
        return True

    def _search(self) -> CaptureFormat:
        for candidate in CAPTURE_FORMATS:
            if candidate.found_behind_damage:
                try:
                    reader = candidate.reader(Expansion(), self._provider)
                    for items in (reader.feed(self._head[:_WINDOW]), reader.finish()):
                        if any(_has_content(item) for item in items):
                            return candidate
                except CaptureError:
                    continue
        known = ", ".join(row.name for row in CAPTURE_FORMATS)
        raise UnknownFormatError(f"its content is no capture: known are {known}")
