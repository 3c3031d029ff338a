"""``convert``: what file it writes, and what becomes of it when something is wrong."""

from __future__ import annotations

import gzip
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import zstandard

from otel_etw.cli import formats, output_files, zstd
from tests.support.command_line import capture, framed, gauge, process, run
from tests.support.converted import READERS, expected
from tests.support.markdown import document
from tests.support.otlp_files import read_frames

ENDINGS = ["parquet", "arrow", "csv", "jsonl", "otlp.jsonl", "pb"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
full = pytest.mark.skipif(
    sys.platform == "win32" or not Path("/dev/full").exists(), reason="there is no /dev/full"
)
each_ending = pytest.mark.parametrize("ending", ENDINGS)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return capture(tmp_path / "good.pb", *(gauge(n) for n in range(2000)))


def form_of(ending: str) -> str:
    form = formats.format_of(f"m.{ending}")
    assert form
    return form


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("m.parquet", b"PAR1"),
        ("M.PARQUET", b"PAR1"),
        ("m.arrow", b"ARROW1"),
        ("m.feather", b"ARROW1"),
        ("m.csv", b"file,"),
        ("m.jsonl", b'{"file": '),
        ("m.ndjson", b'{"file": '),
        ("m.otlp.jsonl", b'{"resourceMetrics":'),
        ("m.otlp.json", b'{"resourceMetrics":'),
        ("m.pb", b"\0\0\0"),
    ],
)
def test_the_ending_says_the_format(name: str, begin: bytes, good: Path, tmp_path: Path) -> None:
    result = run("convert", good, "-o", tmp_path / name)
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / name).read_bytes().startswith(begin)


def test_the_guide_has_each_format_and_its_endings() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (`\..*?) \|", document("docs/captured.md"), re.MULTILINE)
    found = {form: tuple(re.findall(r"`(.*?)`", endings)) for form, endings in rows}
    assert found == {form: row.endings for form, row in formats.FORMATS.items()}


def test_the_option_says_more_than_the_ending(good: Path, tmp_path: Path) -> None:
    output = tmp_path / "m.csv"
    assert run("convert", good, "-o", output, "--format", "jsonl").exit_code == 0
    assert output.read_bytes().startswith(b'{"file": ')
    assert run("convert", good, "-o", tmp_path / "points", "--format", "csv").exit_code == 0


@pytest.mark.parametrize("name", ["m", "m.txt", "m.pb.bz2", "m.gz", "parquet", "m.json"])
def test_another_ending_is_refused(name: str, good: Path, tmp_path: Path) -> None:
    result = run("convert", good, "-o", tmp_path / name)
    assert result.exit_code == 2
    text = " ".join(result.stderr.split())
    assert f"{name}: its ending is none of .parquet, .arrow, .feather, .csv," in text
    assert "say --format, one of parquet, arrow, csv, otlp-json, jsonl, otlp-proto" in text
    assert not (tmp_path / name).exists()


def test_standard_output_needs_a_format(good: Path) -> None:
    result = run("convert", good, "-o", "-")
    assert result.exit_code == 2
    assert "standard output has no ending: say --format, one of" in result.stderr


@pytest.mark.parametrize("ending", ["csv", "jsonl", "otlp.jsonl", "pb"])
def test_another_ending_compresses(ending: str, good: Path, tmp_path: Path) -> None:
    plain, packed, frame = (tmp_path / f"m.{ending}{more}" for more in ("", ".gz", ".zst"))
    for output in (plain, packed, frame):
        assert run("convert", good, "-o", output).exit_code == 0
    content = plain.read_bytes()
    assert gzip.decompress(packed.read_bytes()) == content
    with frame.open("rb") as file:
        assert zstandard.ZstdDecompressor().stream_reader(file).read() == content
    if ending == "pb":
        assert run("view", frame, "--format", "csv").stdout.count("\n") == 2001


@pytest.mark.parametrize("ending", ["parquet.gz", "arrow.zst", "parquet.zst"])
def test_what_compresses_inside_is_not_compressed_again(
    ending: str, good: Path, tmp_path: Path
) -> None:
    result = run("convert", good, "-o", tmp_path / f"m.{ending}")
    assert result.exit_code == 2
    assert "compresses inside, so without ." in result.stderr
    assert not (tmp_path / f"m.{ending}").exists()


# Input -------------------------------------------------------------------------------------------


def test_standard_input_is_read(tmp_path: Path) -> None:
    result = run("convert", "-", "-o", tmp_path / "m.pb", stdin=framed(gauge(1), gauge(2)))
    assert result.exit_code == 0
    assert read_frames(tmp_path / "m.pb") == [gauge(n).SerializeToString() for n in (1, 2)]


@each_ending
def test_an_input_is_never_written_to(ending: str, tmp_path: Path) -> None:
    path = capture(tmp_path / f"m.{ending}", gauge(1))
    other = capture(tmp_path / "other.pb", gauge(2))
    link = tmp_path / f"link.{ending}"
    os.link(path, link)
    content = path.read_bytes()
    for output in (path, tmp_path / "." / path.name, link):
        result = run("convert", other, path, "-o", output)
        assert result.exit_code == 2
        assert "is read and cannot be written at the same time" in " ".join(result.stderr.split())
        assert path.read_bytes() == content


@each_ending
def test_one_input_that_cannot_be_read_does_not_keep_the_others(
    ending: str, good: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"m.{ending}"
    result = run("convert", tmp_path / "absent.pb", good, "-o", output)
    assert result.exit_code == 2
    assert "absent.pb" in result.stderr
    assert output.stat().st_size > 2000
    if ending in READERS:
        assert READERS[ending](output) == expected(good)


@each_ending
def test_when_nothing_can_be_read_nothing_is_written(ending: str, tmp_path: Path) -> None:
    output = tmp_path / f"m.{ending}"
    output.write_bytes(b"what was there")
    result = run("convert", tmp_path / "absent.pb", "-o", output)
    assert result.exit_code == 2
    assert output.read_bytes() == b"what was there"
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_statistics_are_said_on_standard_error(good: Path, tmp_path: Path) -> None:
    result = run("convert", good, "-o", tmp_path / "m.parquet", "--stats", "--until", "-1d")
    assert result.stderr == f"otel-etw: {good}: 2,000 frames, 2,000 points, 0 damages\n"
    result = run("convert", good, "-o", tmp_path / "m.pb", "--stats")
    assert result.stderr == f"otel-etw: {good}: 2,000 frames, 0 damages\n"


# Output ------------------------------------------------------------------------------------------


@each_ending
def test_what_was_there_is_replaced_when_the_new_file_is_complete(
    ending: str, good: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"m.{ending}"
    output.write_bytes(b"what was there" * 10_000)
    assert run("convert", good, "-o", output).exit_code == 0
    assert b"what was there" not in output.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {output.name, good.name}


@each_ending
def test_what_was_there_stays_when_writing_fails(
    ending: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk: the system's own words, exit code 3, and no half file."""

    def opened(path: Path, mode: str) -> object:
        file = open(path, mode)  # noqa: SIM115
        monkeypatch.setattr(output_files, "open", open, raising=False)
        return _Full(file)

    output = tmp_path / f"m.{ending}"
    output.write_bytes(b"what was there")
    monkeypatch.setattr(output_files, "open", opened, raising=False)
    # The time limit of a test is a thread, too, where there are no signals.
    threads = threading.active_count()
    result = run("convert", good, "-o", output)
    assert result.stderr == f"otel-etw: {output}: it cannot be written: No space left on device\n"
    assert result.exit_code == 3
    assert output.read_bytes() == b"what was there"
    assert {path.name for path in tmp_path.iterdir()} == {output.name, good.name}
    assert threading.active_count() == threads


class _Full:
    """A file that takes 1,000 bytes."""

    def __init__(self, file: object) -> None:
        self._file = file
        self._room = 1000

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(28, "No space left on device")
        return len(data)

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()  # type: ignore[attr-defined]


@full
@each_ending
def test_a_full_disk_is_told(ending: str, good: Path) -> None:
    result = process("convert", good, "-o", "/dev/full", "--format", form_of(ending))
    assert result.stderr == "otel-etw: /dev/full: it cannot be written: No space left on device\n"
    assert result.returncode == 3


def shell(line: str, *files: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", line.replace("PY", f'"{sys.executable}" -m otel_etw'), "sh", *files],
        capture_output=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@full
@each_ending
def test_a_full_disk_behind_standard_output_is_told(ending: str, good: Path) -> None:
    result = shell(f'PY convert "$1" -o - --format {form_of(ending)} > /dev/full', good)
    assert result.stderr == b"otel-etw: the output cannot be written: No space left on device\n"
    assert result.returncode == 3


@posix
@each_ending
def test_a_closed_output_is_told(ending: str, good: Path) -> None:
    result = shell(f'PY convert "$1" -o - --format {form_of(ending)} >&-', good)
    assert result.stderr == b"otel-etw: the output cannot be written: Bad file descriptor\n"
    assert result.returncode == 3


@posix
@each_ending
def test_a_reader_may_close_a_pipe(ending: str, good: Path) -> None:
    line = f'(PY convert "$1" "$1" "$1" "$1" -o - --format {form_of(ending)}; echo $? >&2) | true'
    result = shell(line, good)
    assert result.stderr == b"0\n"


@pytest.mark.parametrize("name", ["absent/m.csv", "folder"])
def test_what_cannot_be_opened_is_told(name: str, good: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = run("convert", good, "-o", tmp_path / name, "--format", "csv")
    assert result.exit_code == 3
    assert result.stderr.startswith(f"otel-etw: {tmp_path / name}: it cannot be written: ")
    assert {path.name for path in tmp_path.iterdir()} == {"folder", good.name}


@posix
def test_a_link_stays_a_link_and_rights_stay_rights(good: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.csv"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link = tmp_path / "m.csv"
    link.symlink_to(target)
    assert run("convert", good, "-o", link).exit_code == 0
    assert link.is_symlink()
    assert target.read_bytes().startswith(b"file,")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@posix
def test_a_pipe_with_a_name_is_written_to(good: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "m.csv"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    result = process("convert", good, "-o", pipe)
    reader.join(60)
    assert (result.returncode, result.stderr) == (0, "")
    assert found[0].count(b"\n") == 2001
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@posix
@pytest.mark.parametrize("ending", ["parquet", "pb"])
def test_an_interrupted_run_leaves_nothing(ending: str, tmp_path: Path) -> None:
    import signal
    import time

    output = tmp_path / f"m.{ending}"
    output.write_bytes(b"what was there")
    running = subprocess.Popen(
        [sys.executable, "-m", "otel_etw", "convert", "-", "-o", output],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdin
    running.stdin.write(framed(*[gauge(1)] * 1000))
    running.stdin.flush()
    until = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(list(tmp_path.iterdir())) == 2
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert output.read_bytes() == b"what was there"
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


# Without the extra -------------------------------------------------------------------------------


def test_a_missing_library_is_named(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    result = run("convert", good, "-o", tmp_path / "m.arrow")
    assert result.exit_code == 2
    assert 'pip install "otel-etw[arrow]"' in " ".join(result.stderr.split())
    assert {path.name for path in tmp_path.iterdir()} == {good.name}


@pytest.mark.parametrize("name", ["m.parquet", "m.csv.zst"])
def test_a_missing_zstd_is_named(
    name: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its package is of the extra cli, but somebody may have installed click alone."""

    def missing(module: str) -> None:
        raise ImportError(f"No module named {module!r}")

    monkeypatch.setattr(zstd, "import_module", missing)
    zstd.compressor.cache_clear()
    result = run("convert", good, "-o", tmp_path / name)
    assert result.exit_code == 2
    assert "the package zstandard: pip install zstandard" in " ".join(result.stderr.split())
    assert {path.name for path in tmp_path.iterdir()} == {good.name}


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl", "otlp.jsonl", "pb"])
def test_the_other_formats_need_no_arrow_library(ending: str, good: Path, tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["arro3"] = sys.modules["pyarrow"] = None
from otel_etw.cli import otel_etw
otel_etw(["convert", {str(good)!r}, "-o", {str(tmp_path / f"m.{ending}")!r}])
"""
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)
    assert (tmp_path / f"m.{ending}").stat().st_size > 2000
