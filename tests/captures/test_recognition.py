"""The format of a file is told by its content; its name says nothing."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from otel_etw.captures import CaptureError, Item
from otel_etw.captures.recognition import RecognisingReader
from tests.support.capture_files import damage, framed, line, numbers, read_by, request
from tests.support.etl_files import EtlWriter

FRAMES = framed(request(1), request(2, 300), request(3))
LINES = line(request(1)) + line(request(2, 300)) + line(request(3))


def read(data: bytes, chunk: int = 1 << 16) -> tuple[str | None, list[Item]]:
    reader = RecognisingReader()
    items = read_by(reader, data, chunk)
    return reader.format.name if reader.format else None, items


@pytest.mark.parametrize("chunk", [1, 50, 1 << 16])
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("length-prefixed protobuf", FRAMES),
        ("length-prefixed protobuf", bytes(8) + FRAMES),
        ("length-prefixed protobuf", framed(request(1, 20_000), request(2), request(3))),
        ("OTLP JSON Lines", LINES),
        ("OTLP JSON Lines", b"\xef\xbb\xbf\r\n\n" + LINES),
        ("OTLP JSON Lines", b'{"file":"1"}\n' + LINES),
        ("OTLP JSON Lines", b"{ }\n" + LINES),
        ("gzip", gzip.compress(FRAMES)),
        ("gzip", gzip.compress(gzip.compress(LINES))),
    ],
)
def test_what_is_whole_is_recognised_by_its_beginning(name: str, data: bytes, chunk: int) -> None:
    assert read(data, chunk)[0] == name
    assert numbers(read(data, chunk)[1])[-3:] == [1, 2, 3]


@pytest.mark.parametrize("garbage", [b"\xff" * 5, bytes(4096), b"text\n" * 999, b"\x1f\x8b\x07"])
@pytest.mark.parametrize(
    ("name", "data"), [("length-prefixed protobuf", FRAMES), ("OTLP JSON Lines", LINES)]
)
def test_what_begins_damaged_is_recognised_by_what_follows(
    name: str, data: bytes, garbage: bytes
) -> None:
    found, items = read(garbage + data)
    assert found == name
    assert numbers(items) == [1, 2, 3]
    assert damage(items)[0][0] == 0


def test_a_torn_first_line_does_not_hide_the_format() -> None:
    found, items = read(LINES[40:])
    assert found == "OTLP JSON Lines"
    assert numbers(items) == [2, 3]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", None),
        (b"\0\0", "length-prefixed protobuf"),
        (FRAMES[:3], "length-prefixed protobuf"),
        (FRAMES[:5], "length-prefixed protobuf"),
        (LINES[:1], "OTLP JSON Lines"),
        (LINES[:30], "OTLP JSON Lines"),
        (b"\n", "OTLP JSON Lines"),
    ],
)
def test_a_file_that_has_only_begun_is_known_as_far_as_can_be(
    data: bytes, name: str | None
) -> None:
    assert read(data)[0] == name


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"metric,kind,unit\n" * 100,
        bytes(100_000),
        bytes(range(256)) * 40,
        b"[1, 2]",
        b"\x7fELF" + bytes(200),
        b"MZ\x90\0" + b"\x7f\0\0\0\0\n\0\0\0\0\0\n\n" * 5000,
        b"\0\0\0\0MZ\x90\0" + bytes(500),
    ],
)
def test_anything_else_is_refused_with_what_is_known(data: bytes) -> None:
    with pytest.raises(CaptureError, match=r"no capture: known are ETW log, .* OTLP JSON Lines"):
        read(data)


def test_a_program_is_no_capture() -> None:
    """It has zeros at many places, which are no empty frames there."""
    with pytest.raises(CaptureError, match="no capture"):
        read(Path(sys.executable).read_bytes())


def test_the_search_for_a_frame_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_etw.captures.recognition._WINDOW", 100_000)
    reader = RecognisingReader()
    chunk = b"nothing here\n" * 500
    for _ in range(15):
        assert list(reader.feed(chunk)) == []
    with pytest.raises(CaptureError):
        list(reader.feed(chunk))


def test_a_log_is_recognised_by_its_first_buffer() -> None:
    writer = EtlWriter()
    for number in (1, 2, 3):
        writer.frame(writer.reference + number, request(number).SerializeToString())
    for data in (writer.file().data, gzip.compress(writer.file().data)):
        reader = RecognisingReader()
        assert numbers(read_by(reader, data, 100)) == [1, 2, 3]
        assert reader.report
        assert reader.report.frames == 3
    assert read(writer.file().data)[0] == "ETW log"


def test_a_log_with_a_damaged_header_is_recognised_by_its_events() -> None:
    writer = EtlWriter()
    writer.frame(writer.reference, request(1).SerializeToString())
    data = bytearray(writer.file().data)
    data[:200] = b"\xee" * 200
    found, items = read(bytes(data))
    assert found == "ETW log"
    assert numbers(items) == [1]
    assert damage(items)[0] == (0, 0x2000)


def test_files_of_other_formats_have_no_report() -> None:
    for data in (FRAMES, LINES, gzip.compress(FRAMES)):
        reader = RecognisingReader()
        assert reader.report is None
        read_by(reader, data)
        assert reader.report is None
