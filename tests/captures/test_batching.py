"""Points in batches: nothing of a capture is lost, whatever stands between its frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from otel_etw.captures import (
    Batch,
    BatchItem,
    CaptureError,
    Damage,
    Event,
    Foreign,
    Frame,
    Item,
    batches,
    follow,
)
from otel_etw.captures.batching import ROWS
from otel_etw.captures.columns import reference
from tests.support.batch_rows import rows
from tests.support.capture_files import framed, line, request


def values(items: Iterable[BatchItem | None]) -> list[object]:
    """Each batch as the list of its values, all else as it is."""
    return [
        [row["ValueInt"] for row in rows(item)] if isinstance(item, Batch) else item
        for item in items
    ]


def frame(number: int, offset: int = 0, resources: int = 1) -> Frame:
    payload = request(number, resources=resources).SerializeToString()
    return Frame(offset, len(payload), payload)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(framed(request(1), request(2)))
    (batch,) = batches(path)
    assert isinstance(batch, Batch)
    assert len(batch) == 2
    assert [(row["File"], row["Offset"], row["ValueInt"]) for row in rows(batch)] == [
        (str(path), 0, 1),
        (str(path), len(framed(request(1))), 2),
    ]
    (named,) = batches(str(path), file="a name")
    assert {row["File"] for row in rows(named)} == {"a name"}


def test_events_stand_in_the_rows() -> None:
    one = frame(1)
    one.event = Event(2**63 + 1, 2, 3, 4)
    (batch,) = batches([one, frame(2)])
    names = ("EventTime", "ProcessId", "ThreadId", "Processor")
    assert [tuple(row[name] for name in names) for row in rows(batch)] == [
        (1 - 2**63, 2, 3, 4),
        (None,) * 4,
    ]


def test_what_is_no_frame_comes_as_it_is() -> None:
    damage, foreign = Damage(1, 2, "why"), Foreign(3, 4, "spans", "line")
    items: list[Item | None] = [frame(1), damage, frame(2), foreign, None, None, frame(3)]
    assert values(batches(items)) == [damage, foreign, [1, 2], None, None, [3]]


def test_a_frame_that_does_not_decode_is_damage() -> None:
    broken = Frame(7, 5, b"\x0a\x05abc")
    found = list(batches([frame(1), broken, frame(2)]))
    assert isinstance(found[0], Damage)
    assert (found[0].offset, found[0].length) == (7, 5)
    assert found[0].reason.startswith("a frame of 5 bytes that does not decode: its protobuf is")
    assert values(found[1:]) == [[1, 2]]


def test_what_was_read_comes_before_the_error() -> None:
    def torn() -> Iterator[Item]:
        yield frame(1)
        raise CaptureError("the disk is gone")

    found = batches(torn())
    assert values([next(found)]) == [[1]]
    with pytest.raises(CaptureError, match="the disk is gone"):
        next(found)


def test_a_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="nothing"):
        list(batches(tmp_path / "nothing"))


def test_large_frames_fill_many_batches_and_small_ones_share_one() -> None:
    items = [frame(0, 0, 66_000), *(frame(number, number) for number in range(1, 1000))]
    found = [item for item in batches(items) if isinstance(item, Batch)]
    sizes = [len(batch) for batch in found]
    assert sum(sizes) == 66_999
    assert max(sizes) <= ROWS
    assert [row["Offset"] for batch in found for row in rows(batch)][-999:] == list(range(1, 1000))


@pytest.mark.parametrize("most", [1, 700, 8192])
def test_batches_are_as_small_as_they_are_asked_for(most: int) -> None:
    items = [frame(0, 0, 9000), frame(1)]
    sizes = [len(item) for item in batches(items, rows=most) if isinstance(item, Batch)]
    assert sum(sizes) == 9001
    # The reference decoder takes a row for larger than it is in the compiled one.
    assert most / 2 < max(sizes) <= most


def test_a_file_that_grows_gives_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    path.write_bytes(line(request(1)))
    following = batches(follow(path))
    assert values([next(following), next(following)]) == [[1], None]
    with path.open("ab") as file:
        file.write(line(request(2)))
    assert values([next(following), next(following)]) == [[2], None]


def test_the_reference_decoder_needs_no_arrow_library_for_its_rows() -> None:
    decoder = reference.Decoder()
    decoder.file("x")
    assert not decoder.add(request(5).SerializeToString(), 9)
    batch = decoder.take()
    assert batch is not None
    assert decoder.take() is None
    assert [(row.file, row.offset, row.point.value) for row in batch.rows] == [("x", 9, 5)]
    assert decoder.points == 1
