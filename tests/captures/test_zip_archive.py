"""Zip files: members read by themselves, others named, torn and broken ones, and bombs."""

from __future__ import annotations

import gzip
import io
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterable
from random import Random

import hypothesis
import pytest
import zstandard
from hypothesis import strategies as st

from otel_etw import captures
from otel_etw.captures import CaptureError, Damage, Foreign, Frame, Item
from otel_etw.captures.recognition import RecognisingReader
from tests.support.capture_files import damage, framed, line, numbers, read_by, reasons, request
from tests.support.etl_files import HEADER, EtlFile, EtlWriter
from tests.support.windows_compressors import xpress

PROTO = framed(*(request(n, 2000) for n in range(4)))
LINES = b"".join(line(request(n)) for n in range(4, 8))
PDB = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0" + bytes(range(256)) * 20
METHODS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}

every_method = pytest.mark.parametrize("method", METHODS)


class Pipe(io.RawIOBase):
    """Written to and never sought in, so that sizes are written behind members."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.content += data
        return len(data)


def zipped(
    members: dict[str, bytes], method: str = "deflated", pipe: bool = False, zip64: bool = False
) -> bytes:
    target = Pipe() if pipe else io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = METHODS[method]
            with archive.open(info, "w", force_zip64=zip64) as file:
                file.write(content)
    return bytes(target.content) if isinstance(target, Pipe) else target.getvalue()


def read(data: bytes, chunk: int = 1 << 16) -> list[Item]:
    return read_by(RecognisingReader(), data, chunk)


def foreign(items: Iterable[Item]) -> list[str]:
    return [item.what.rpartition(": ")[2] for item in items if isinstance(item, Foreign)]


# What is read ------------------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize("chunk", [1, 100, 1 << 20])
@pytest.mark.parametrize("zip64", [False, True])
def test_captures_in_a_zip_are_read_each_by_itself(method: str, chunk: int, zip64: bool) -> None:
    members = {"a/metrics.pb": PROTO, "lines.jsonl": LINES, "empty.pb": b"", "folder/": b""}
    items = read(zipped(members, method, zip64=zip64), chunk)
    assert numbers(items) == list(range(8))
    assert [item for item in items if not isinstance(item, Frame)] == []
    # Offsets are of a member's content.
    assert [items[0].offset, items[4].offset] == [0, 0]


@pytest.mark.parametrize("chunk", [1, 100, 1 << 20])
@pytest.mark.parametrize("zip64", [False, True])
def test_a_zip_that_was_written_to_a_pipe_is_read(chunk: int, zip64: bool) -> None:
    members = {"x.pdb": PDB, "metrics.pb": PROTO, "lines.jsonl": LINES}
    data = zipped(members, pipe=True, zip64=zip64)
    assert data[6] & 8
    items = read(data, chunk)
    assert numbers(items) == list(range(8))
    assert foreign(items) == ["*.pdb"]
    assert damage(items) == []


def descriptor(content: bytes, compressed: bytes, signature: bytes, width: str) -> bytes:
    numbers = struct.pack(f"<I{width}", zlib.crc32(content), len(compressed), len(content))
    return signature + numbers


@pytest.mark.parametrize("signature", [b"", b"PK\7\x08"])
@pytest.mark.parametrize("width", ["II", "QQ"])
def test_all_shapes_of_descriptors_are_read(signature: bytes, width: str) -> None:
    """As .NET's ZipArchive and others write them to a pipe."""
    data = b""
    for content in (PROTO, LINES):
        compressor = zlib.compressobj(wbits=-15)
        body = compressor.compress(content) + compressor.flush()
        data += struct.pack("<4sHHHIIIIHH", b"PK\3\4", 20, 8, 8, 0, 0, 0, 0, 4, 0) + b"x.pb"
        data += body + descriptor(content, body, signature, width)
    data += b"PK\5\6" + bytes(18)
    for chunk in (1, 1 << 20):
        items = read(data, chunk)
        assert numbers(items) == list(range(8))
        assert damage(items) == []


def test_members_may_be_compressed_themselves() -> None:
    zstd = zstandard.ZstdCompressor().compress(LINES)
    members = {f"{n}.gz": gzip.compress(PROTO) for n in range(6)}
    items = read(gzip.compress(zipped({**members, "lines.zst": zstd})))
    assert numbers(items) == [0, 1, 2, 3] * 6 + [4, 5, 6, 7]
    assert damage(items) == []


def test_other_members_are_named_by_their_endings() -> None:
    names = ["symbols/a.pdb", "b.PDB", "PerfView.xml", "windows\\LICENCE", ".ini"]
    members = {name: PDB + name.encode() for name in names}
    items = read(zipped({**members, "metrics.pb": PROTO}))
    assert foreign(items) == ["*.pdb", "*.pdb", "*.xml", "LICENCE", ".ini"]
    assert items[0].offset == 0
    assert isinstance(items[0], Foreign)
    assert items[0].what == "members of the zip file that are no captures: *.pdb"
    assert numbers(items) == [0, 1, 2, 3]


def test_a_zip_without_captures_is_refused() -> None:
    members = {f"{n}.a{n}": PDB for n in range(7)}
    for data in (zipped(members), zipped(members, pipe=True)):
        with pytest.raises(CaptureError) as refused:
            read(data)
        assert str(refused.value) == (
            "it is a zip file without a capture: it holds *.a0, *.a1, *.a2, *.a3, *.a4 and 2 other"
            " kinds"
        )


def test_an_empty_zip_holds_nothing() -> None:
    assert read(zipped({})) == []


def test_a_zip_in_a_zip_without_captures_is_one_of_the_others() -> None:
    items = read(zipped({"symbols.zip": zipped({"a.pdb": PDB}), "m.pb": PROTO}))
    assert "*.zip" in foreign(items)
    assert numbers(items) == [0, 1, 2, 3]


# Damage ------------------------------------------------------------------------------------------


def test_a_member_that_cannot_be_read_costs_itself() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("one.pb", PROTO, zipfile.ZIP_BZIP2)
        archive.writestr("two.pb", PROTO, zipfile.ZIP_LZMA)
        archive.writestr("three.pb", PROTO, zipfile.ZIP_STORED)
        archive.writestr("lines.jsonl", LINES)
    data = bytearray(target.getvalue())
    third = data.index(b"three.pb") - 30
    data[third + 6] |= 1
    for chunk in (1, 1 << 20):
        items = read(bytes(data), chunk)
        assert numbers(items) == [4, 5, 6, 7]
        assert reasons(items) == [
            "one.pb is compressed with bzip2 (Deflate is read): extract it first (offset in the zip"
            " file)",
            "two.pb is compressed with LZMA (Deflate is read): extract it first (offset in the zip"
            " file)",
            "three.pb is encrypted: extract it first (offset in the zip file)",
        ]
        assert damage(items)[2] == (third, 0)


def test_a_stored_member_of_unknown_size_is_said_and_passed() -> None:
    items = read(zipped({"a.pb": PROTO, "b.pb": b"x"}, "stored", pipe=True))
    assert [text.partition(":")[0] for text in reasons(items)] == [
        "a.pb is stored without its size before it",
        "b.pb is stored without its size before it",
    ]


def test_damage_inside_a_member_says_whose_offset_it_is() -> None:
    broken = PROTO[:2500] + b"\xff" * 40 + PROTO[2540:]
    items = read(zipped({"metrics.pb": broken}))
    assert len(numbers(items)) == 3
    (text,) = reasons(items)
    assert text.endswith(" (offset in metrics.pb)")
    (place,) = damage(items)
    assert 2000 < place[0] < 4200


@every_method
@pytest.mark.parametrize("pipe", [False, True])
def test_a_wrong_checksum_is_said_when_all_was_read(method: str, pipe: bool) -> None:
    if pipe and method == "stored":
        method = "deflated"
    data = zipped({"metrics.pb": PROTO, "lines.jsonl": LINES}, method, pipe)
    checksum = zlib.crc32(PROTO).to_bytes(4, "little")
    data = data.replace(checksum, b"\1\2\3\4")
    for chunk in (1, 1 << 20):
        items = read(data, chunk)
        assert numbers(items) == list(range(8))
        assert reasons(items) == [
            "metrics.pb is damaged: its checksum or size is wrong, and with it perhaps what was"
            " read of it (offset in the zip file)"
        ]


def test_broken_deflate_data_costs_the_rest_of_its_member() -> None:
    contents = {"a.pb": framed(*(request(n, 3000) for n in range(40))), "lines.jsonl": LINES}
    random = Random(3)
    contents["a.pb"] += framed(*(request(n, 10) for n in range(40, 900)))
    data = bytearray(zipped(contents))
    member = data.index(b"lines.jsonl") - 30
    data[member - 900 : member - 860] = random.randbytes(40)
    items = read(bytes(data))
    found = numbers(items)
    assert found[-4:] == [4, 5, 6, 7]
    assert found[:40] == list(range(40))
    assert any("a.pb is damaged: " in text for text in reasons(items))


@pytest.mark.parametrize("pipe", [False, True])
def test_a_damaged_header_costs_its_member(pipe: bool) -> None:
    data = bytearray(zipped({"a.pb": PROTO, "b.pb": PROTO, "lines.jsonl": LINES}, pipe=pipe))
    second = data.index(b"b.pb") - 30
    data[second : second + 4] = b"\0\0\0\0"
    items = read(bytes(data))
    assert numbers(items) == [0, 1, 2, 3, 4, 5, 6, 7]
    (text,) = reasons(items)
    assert text == "no zip data (offset in the zip file)"


@every_method
def test_a_zip_that_was_cut_is_read_as_far_as_it_goes(method: str) -> None:
    data = zipped({"a.pb": PROTO, "b.pb": PROTO, "x.pdb": PDB}, method)
    ends = [data.index(name) for name in (b"b.pb", b"x.pdb", b"PK\1\2")]
    for end in range(200, len(data), 7):
        items = read(data[:end])
        assert len(numbers(items)) >= 4 * sum(end > each for each in ends[:2])
        assert reasons(items)[-1].startswith("the zip file ends")


def test_a_log_that_is_none_is_damage() -> None:
    items = read(zipped({"PerfViewData.etl": PDB, "a.pb": PROTO}))
    (text,) = reasons(items)
    assert text.startswith("PerfViewData.etl is damaged: its content is no capture")
    assert numbers(items) == [0, 1, 2, 3]


def test_bytes_behind_the_end_are_said() -> None:
    data = zipped({"a.pb": PROTO})
    assert reasons(read(data + bytes(1000))) == []
    for behind in (b"x", b"x" * 5000):
        items = read(data + behind)
        assert damage(items) == [(len(data), len(behind))]
        assert numbers(items) == [0, 1, 2, 3]
    assert numbers(read(data + data)) == [0, 1, 2, 3] * 2


@hypothesis.given(data=st.data(), pipe=st.booleans())
def test_damage_anywhere_raises_nothing_else_and_does_not_depend_on_chunks(
    data: st.DataObject, pipe: bool
) -> None:
    content = bytearray(zipped({"a.pb": PROTO, "x.pdb": PDB, "l.jsonl": LINES}, pipe=pipe))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    results: list[object] = []
    for chunk in (1 << 20, 333):
        try:
            results.append(read(bytes(content), chunk))
        except CaptureError as error:
            results.append(str(error))
    assert results[0] == results[1]


# Bombs -------------------------------------------------------------------------------------------


def test_a_bomb_is_refused_with_a_sentence_and_little_memory() -> None:
    layer = zipped({"zeros.etl": bytes(50 << 20)})
    many = {f"{n}.zip": layer for n in range(40)}
    bomb = zipped(many)
    assert len(bomb) < 20_000
    tracemalloc.start()
    with pytest.raises(CaptureError, match="expands to more than 2000 times its size"):
        read(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20


def test_too_many_layers_cost_their_member() -> None:
    data = PROTO
    for _ in range(5):
        data = gzip.compress(data)
    items = read(zipped({"deep": data, "lines.jsonl": LINES}))
    assert numbers(items) == [4, 5, 6, 7]
    (text,) = reasons(items)
    assert text.startswith("deep cannot be read: it is compressed more than 4 times over")


def test_very_many_members_take_linear_time() -> None:
    def seconds(count: int) -> float:
        data = zipped({f"{n}.txt": b"x" for n in range(count)} | {"a.pb": PROTO})
        start = time.process_time()
        read(data, 1 << 20)
        return time.process_time() - start

    assert seconds(8000) < 20 * max(seconds(2000), 0.02)


def test_items_in_a_zip_keep_their_kinds() -> None:
    items = read(zipped({"a.pb": b"\xff" * 50 + PROTO}))
    assert {type(item) for item in items} == {Damage, Frame}


# Logs of Windows ---------------------------------------------------------------------------------


def log(**options: object) -> EtlFile:
    writer = EtlWriter(**options)  # type: ignore[arg-type]
    for n in range(40):
        writer.frame(writer.reference + n, request(n).SerializeToString(), n % 3)
    return writer.file()


@pytest.mark.parametrize("compress", [None, xpress])
@pytest.mark.parametrize("chunk", [1000, 1 << 20])
def test_a_log_as_perfview_zips_it_gives_the_same_frames(
    compress: Callable[[bytes], bytes] | None, chunk: int
) -> None:
    file = log(mode=0x401_0001 if compress else 1, compress=compress)
    members = {"otel.etl": file.data, "otel.etl.ngen/x.pdb": PDB, "LogFile.txt": b"x" * 99}
    for data in (
        zipped(members),
        zipped(members, pipe=True),
        gzip.compress(file.data),
        gzip.compress(zipped(members)),
    ):
        reader = RecognisingReader()
        items = read_by(reader, data, chunk)
        frames = [item for item in items if isinstance(item, Frame)]
        assert [frame.payload for frame in frames] == [event.payload for event in file.events]
        assert [frame.event and frame.event.time for frame in frames] == [
            event.time for event in file.events
        ]
        assert damage(items) == []
        # What is known of the log is known through the layers.
        assert reader.report is not None
        assert reader.report.session is not None
        assert reader.report.session.name == "OtelMetrics"


def test_a_zip_comes_from_a_pipe_too() -> None:
    items = list(captures.read(io.BytesIO(zipped({"otel.etl": log().data})), "standard input"))
    assert numbers(items) == list(range(40))
    with pytest.raises(CaptureError, match=r"^standard input: it is a zip file without a capture"):
        list(captures.read(io.BytesIO(zipped({"x.pdb": PDB})), "standard input"))


def test_buffers_that_claim_much_are_refused_in_a_zip_too() -> None:
    """Each may rightly expand to 16 MiB; very many of them must not."""
    writer = EtlWriter(mode=0x401_0001, compress=xpress)
    match = bytes.fromhex("ffffff7f 61 0700 0f ff 0000") + struct.pack("<I", (1 << 24) - HEADER - 4)
    header = writer.buffer_header(HEADER + len(match), 1 << 24, 1, 0, flags=0x40)
    bomb = writer.file().data + (header + match) * 3000
    tracemalloc.start()
    for data in (bomb, zipped({"otel.etl": bomb})):
        with pytest.raises(CaptureError, match="expands to more than 2000 times its size"):
            read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80 << 20
