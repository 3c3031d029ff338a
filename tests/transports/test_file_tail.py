"""A file that ends inside a frame, or never held frames, is neither glued to nor destroyed."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from time import perf_counter

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw.transports import file_formats
from otel_etw.transports.file import FileTransport
from tests.support.data import COLLECTOR
from tests.support.otlp_files import (
    batch,
    frame,
    from_json,
    identify,
    numbers,
    read_frames,
    split_frames,
)

FIRST, SECOND, THIRD = (
    len(item).to_bytes(4, "big") + item for item in (frame(1, 0), frame(1, 1, 900), frame(1, 2))
)


@pytest.mark.parametrize("whole", [b"", FIRST, FIRST + SECOND])
@pytest.mark.parametrize("kept", [1, 2, 3, 4, 5, 6, 7, 8, 9, 60, -1])
def test_a_torn_frame_is_quarantined_with_all_before_it(
    tmp_path: Path, whole: bytes, kept: int
) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(whole + THIRD[:kept])
    assert FileTransport(path).send(batch(frame(2, 0))).taken == 1
    assert numbers(read_frames(path)) == [(2, 0)]
    (torn,) = tmp_path.glob("m-*-torn.pb")
    assert torn.read_bytes() == whole + THIRD[:kept]


@pytest.mark.parametrize("kept", range(1, len(THIRD)))
def test_no_torn_first_frame_is_taken_for_something_else(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(THIRD[:kept])
    assert FileTransport(path).send(batch(frame(2, 0))).losses == ()
    assert numbers(read_frames(path)) == [(2, 0)]


def test_a_frame_torn_between_two_batches_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    with path.open("ab") as other:
        other.write(SECOND + THIRD[:-5])
    transport.send(batch(frame(1, 3)))
    (torn,) = tmp_path.glob("m-*-torn.pb")
    frames, rest = split_frames(torn.read_bytes())
    assert (numbers(frames), rest) == ([(1, 0), (1, 1)], THIRD[:-5])
    assert numbers(read_frames(path)) == [(1, 3)]


def test_what_others_append_whole_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    transport = FileTransport(path)
    for number in range(0, 6, 2):
        transport.send(batch(frame(1, number)))
        FileTransport(path).send(batch(frame(1, number + 1, 200_000)))
    assert numbers(read_frames(path)) == [(1, number) for number in range(6)]
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the reads of files from now on."""
    sizes: list[int] = []
    read_at = file_formats._read_at

    def counted(fd: int, length: int, offset: int) -> bytes:
        sizes.append(length)
        return read_at(fd, length, offset)

    monkeypatch.setattr(file_formats, "_read_at", counted)
    return sizes


def test_only_what_is_new_is_looked_at(tmp_path: Path, reads: list[int]) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(FIRST * 100_000)
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    assert len(reads) > 100
    reads.clear()
    transport.send(batch(frame(1, 0)))
    assert reads == []
    FileTransport(path).send(batch(frame(1, 0)))
    reads.clear()
    transport.send(batch(frame(1, 0)))
    assert reads == [len(FIRST)]
    assert len(read_frames(path)) == 100_004


def test_large_frames_are_stepped_over(tmp_path: Path, reads: list[int]) -> None:
    path = tmp_path / "m.pb"
    large = frame(1, 0, 900_000)
    path.write_bytes((len(large).to_bytes(4, "big") + large) * 10 + THIRD[:9])
    FileTransport(path).send(batch(frame(1, 1)))
    assert numbers(read_frames(path)) == [(1, 1)]
    assert sum(reads) < 1_000_000


def test_a_file_too_large_to_be_searched_is_rotated(
    tmp_path: Path,
    reads: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing can be appended to what may be torn, and others wait while it is looked at."""
    monkeypatch.setattr(file_formats, "_LOOK_READS", 10)
    path = tmp_path / "m.pb"
    content = FIRST * (file_formats._BLOCK * 20 // len(FIRST)) + THIRD[:9]
    path.write_bytes(content)
    assert FileTransport(path).send(batch(frame(1, 3))).losses == ()
    assert len(reads) < 20
    assert numbers(read_frames(path)) == [(1, 3)]
    (rotated,) = tmp_path.glob("m-*-size.pb")
    assert rotated.read_bytes() == content
    assert "too large to be searched for a torn end, and was renamed to" in caplog.text


def test_the_search_ends_by_the_clock_too(
    tmp_path: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk takes longer for each read."""
    now = count(step=0.05)
    monkeypatch.setattr(file_formats, "_monotonic", lambda: next(now))
    path = tmp_path / "m.pb"
    path.write_bytes(FIRST * (file_formats._BLOCK * 20 // len(FIRST)))
    assert FileTransport(path).send(batch(frame(1, 3))).losses == ()
    assert len(reads) < 10
    assert numbers(read_frames(path)) == [(1, 3)]
    assert len(list(tmp_path.glob("m-*-size.pb"))) == 1


def varint(number: int) -> bytes:
    """In three bytes."""
    return bytes([number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14])


def test_the_first_write_to_a_large_file_keeps_nobody_waiting(
    tmp_path: Path, reads: list[int]
) -> None:
    """1.2 GB, sparse. Whoever else writes gives up after a second."""
    path = tmp_path / "m.pb"
    size = 60_000
    with path.open("wb") as file:
        for number in range(20_000):
            file.seek(number * size)
            # One field, that fills the frame.
            file.write((size - 4).to_bytes(4, "big") + b"\n" + varint(size - 8))
        file.truncate(20_000 * size)
    begun = perf_counter()
    assert FileTransport(path).send(batch(frame(1, 3))).losses == ()
    assert perf_counter() - begun < 0.9
    assert len(reads) <= 4_100
    assert numbers(read_frames(path)) == [(1, 3)]


def test_a_first_frame_of_many_fields_is_believed_after_some(
    tmp_path: Path, reads: list[int]
) -> None:
    path = tmp_path / "m.pb"
    content = (2 * 500_000).to_bytes(4, "big") + b"\n\0" * 500_000
    path.write_bytes(content)
    assert FileTransport(path).send(batch(frame(1, 0))).losses == ()
    assert len(reads) < 50
    assert path.read_bytes() == content + FIRST


def test_what_was_written_behind_a_torn_frame_is_no_whole_end(tmp_path: Path) -> None:
    """By a writer that does not look, where the torn length happens to lead to a length that leads
    to the end."""
    path = tmp_path / "m.pb"
    torn = (12).to_bytes(4, "big") + b"\n\x0a" + b"\n\0\n\0"
    behind = (8).to_bytes(4, "big") + b"\n\6" + (2).to_bytes(4, "big") + b"zz"
    glued = FIRST + torn + behind
    path.write_bytes(glued)
    assert FileTransport(path).send(batch(frame(2, 0))).losses == ()
    assert numbers(read_frames(path)) == [(2, 0)]
    (torn,) = tmp_path.glob("m-*-torn.pb")
    assert torn.read_bytes() == glued


def several_resources() -> bytes:
    request = ExportMetricsServiceRequest()
    for number in range(3):
        request.resource_metrics.add().MergeFrom(
            ExportMetricsServiceRequest.FromString(frame(1, number)).resource_metrics[0]
        )
    request.resource_metrics.add()
    request.resource_metrics.add(schema_url="x")
    content = request.SerializeToString()
    return len(content).to_bytes(4, "big") + content


@pytest.mark.parametrize(
    "content",
    [
        several_resources(),
        b"\0\0\0\0" + FIRST,
        b"\0\0\0\0" * 3,
        b"\0\0\0\2\n\0" + FIRST,
        (400).to_bytes(4, "big") + b"\n\0" * 200,
    ],
    ids=["several resources", "empty frame first", "empty frames", "empty resource", "many"],
)
def test_frames_of_other_writers_are_known_as_frames(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(content)
    assert FileTransport(path).send(batch(frame(1, 0))).losses == ()
    assert path.read_bytes() == content + FIRST


@pytest.mark.parametrize("kept", [-1, -3, 60, 100, 150])
def test_a_torn_frame_of_several_resources_is_quarantined(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(several_resources()[:kept])
    assert FileTransport(path).send(batch(frame(1, 0))).losses == ()
    assert path.read_bytes() == FIRST


@pytest.mark.parametrize("name", ["proto.pb", "official.pb"])
def test_a_file_of_the_collector_is_appended_to(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.pb"
    content = (COLLECTOR / name).read_bytes()
    path.write_bytes(content)
    assert FileTransport(path).send(batch(frame(1, 0))).taken == 1
    assert path.read_bytes() == content + FIRST


NOT_FRAMES = {
    "text": b"somebody's notes\n",
    "short text": b"abc",
    "four letters": b"abcd",
    "a length that no frame has": (0x0400_0000).to_bytes(4, "big") + b"\n\2\n\0",
    "a line of four letters": b"abcd\nand more\n",
    "JSON": b'{"resourceMetrics":[]}\n',
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "zip": b"PK\3\4\n\0\0\0\0\0" + bytes(50),
    "SQLite": b"SQLite format 3\0" + bytes(100),
    "NULs": bytes(4096),
    "ELF": b"\x7fELF\2\1\1" + bytes(64),
    "zstd in frames": b"\0\0\1\0\x28\xb5\x2f\xfd" + bytes(400),
    "a length and another message": b"\0\0\0\4\x12\x02ab" + FIRST,
    "a length that doesn't agree": b"\0\0\0\5\n\2\n\0\n" + FIRST,
}


@pytest.mark.parametrize("content", NOT_FRAMES.values(), ids=NOT_FRAMES)
def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(content)
    transport = FileTransport(path, max_bytes=1)
    for _ in range(2):
        (loss,) = transport.send(batch(frame(1, 0), frame(1, 1))).losses
        assert (loss.reason, loss.frames, loss.points) == ("not_frames", 2, 2)
        assert str(path) in loss.detail
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == content
    path.unlink()
    assert transport.send(batch(frame(1, 0))).taken == 1


@pytest.mark.parametrize("content", [b"notes\n", b'{\n  "a": 1\n}\n', b"[]\n", FIRST])
def test_a_file_that_holds_no_lines_of_json_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(content)
    (loss,) = FileTransport(path).send(batch(frame(1, 0))).losses
    assert loss.reason == "not_json_lines"
    assert path.read_bytes() == content


LINE = b'{"resourceMetrics":[]}\n'


@pytest.mark.parametrize("kept", [1, 2, 10, len(LINE) - 1])
def test_a_torn_line_is_ended_before_the_next(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(LINE + LINE[:kept])
    FileTransport(path).send(batch(frame(1, 0), frame(1, 1)))
    content = path.read_bytes()
    assert content.startswith(LINE + LINE[:kept] + b"\n")
    lines = content[len(LINE) + kept + 1 :].splitlines()
    assert [identify(from_json(line))[1] for line in lines] == [0, 1]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [LINE, b"\n" + LINE, b"{}\n", b'{"created":"x"}\r\n', b"\n"])
def test_lines_of_other_writers_are_appended_to(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(content)
    FileTransport(path).send(batch(frame(1, 0)))
    FileTransport(path).send(batch(frame(1, 1)))
    lines = path.read_bytes().removeprefix(content).splitlines()
    assert [identify(from_json(line))[1] for line in lines] == [0, 1]


def test_a_line_torn_between_two_batches_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    transport = FileTransport(path)
    transport.send(batch(frame(1, 0)))
    with path.open("ab") as other:
        other.write(b'{"resou')
    transport.send(batch(frame(1, 1)))
    assert b'\n{"resou\n{"resourceMetrics"' in path.read_bytes()
