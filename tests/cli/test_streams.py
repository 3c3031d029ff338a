"""Output that cannot be written: one sentence, and an exit code of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import capture, framed, gauge, process, run

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
full = pytest.mark.skipif(
    sys.platform == "win32" or not Path("/dev/full").exists(), reason="there is no /dev/full"
)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return capture(tmp_path / "good.pb", *(gauge(n) for n in range(2000)))


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "damaged.pb"
    path.write_bytes(framed(gauge(1)) + b"garbage" + framed(gauge(2)))
    return path


def shell(line: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """A line of shell in which PY is the command and $1, $2 … are files."""
    return subprocess.run(
        ["sh", "-c", line.replace("PY", f'"{sys.executable}" -m otel_etw'), "sh", *files],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@full
@pytest.mark.parametrize(
    "line",
    [
        *(
            f'PY view "$1" --format {name} > /dev/full'
            for name in ("table", "json", "jsonl", "csv")
        ),
        'PY view "$1" --last > /dev/full',
        'PY view "$1" --name none --format json > /dev/full',
        'PY info "$1" > /dev/full',
        'PY info "$1" --format json > /dev/full',
        "PY view --help > /dev/full",
        "PY --version > /dev/full",
        "PY demo --transport memory --seconds 0.05 > /dev/full",
    ],
)
def test_a_full_disk_is_told(line: str, good: Path) -> None:
    result = shell(line, good)
    assert result.stderr == "otel-etw: the output cannot be written: No space left on device\n"
    assert result.returncode == 3


@posix
@pytest.mark.parametrize("redirection", [">&-", ">&- 0<&-"])
@pytest.mark.parametrize(
    "command",
    [
        'view "$1"',
        'view "$1" --follow',
        "--help",
        "view --help",
        "--version",
        "demo --transport memory --seconds 0.05",
    ],
)
def test_a_closed_output_is_told(command: str, redirection: str, good: Path) -> None:
    result = shell(f"PY {command} {redirection}", good)
    assert result.stderr == "otel-etw: the output cannot be written: Bad file descriptor\n"
    assert result.returncode == 3


@posix
@pytest.mark.parametrize("redirection", ["2>&-", "2>&- 0<&-"])
def test_messages_do_not_go_to_the_output_instead(redirection: str, damaged: Path) -> None:
    result = shell(f"PY view --no-such-option {redirection}")
    assert (result.stdout, result.stderr, result.returncode) == ("", "", 2)
    result = shell(f'PY view "$1" --format jsonl {redirection}', damaged)
    assert result.stdout.count("\n") == 2
    assert (result.stderr, result.returncode) == ("", 1)
    assert shell("PY --version >&- 2>&-").returncode == 3


@full
def test_where_messages_cannot_be_written_the_points_still_are(damaged: Path) -> None:
    result = shell('PY view "$1" --format jsonl 2> /dev/full', damaged)
    assert result.stdout.count('"value"') == 2
    assert result.returncode == 3


@full
@pytest.mark.parametrize(
    "line",
    [
        'PY view "$1" > /dev/full 2>&1',
        "PY view --no-such-option 2> /dev/full",
        'PY view "$1" > /dev/full 2>&-',
    ],
)
def test_where_nothing_can_be_written_the_exit_code_tells(line: str, good: Path) -> None:
    result = shell(line, good)
    assert (result.stdout, result.stderr, result.returncode) == ("", "", 3)


@posix
def test_a_closed_input_is_a_file_that_cannot_be_read() -> None:
    result = shell("PY view - <&-")
    assert result.stderr == "otel-etw: standard input: it is closed\n"
    assert result.returncode == 2


@posix
@pytest.mark.parametrize("line", ['PY view "$1" <&-', 'PY view "$1" 2>&-'])
def test_what_is_closed_and_not_needed_is_no_matter(line: str, good: Path) -> None:
    result = shell(line, good)
    assert (result.stderr, result.returncode) == ("", 0)
    assert "metric" in result.stdout


@posix
def test_a_reader_that_closes_its_pipe_is_no_error(good: Path) -> None:
    result = shell('PY view "$1" --format json | head -c 10; PY view --help | head -c 1', good)
    assert (result.stderr, result.returncode) == ("", 0)


def test_a_program_without_a_console_runs_the_demo(tmp_path: Path) -> None:
    """On Windows pythonw and services have no standard streams."""
    program = (
        "import sys\n"
        "sys.stdout = sys.stderr = sys.stdin = None\n"
        "from otel_etw.cli import command, streams\n"
        "streams._ON_WINDOWS = True\n"
        "sys.argv = ['otel-etw', 'demo', '--seconds', '0.05', '--transport', 'file:m.pb']\n"
        "command()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert run("view", tmp_path / "m.pb").exit_code == 0


def test_the_exit_codes_are_in_the_help() -> None:
    assert "3    standard output or standard error cannot be written" in run("view", "-h").stdout
    assert process("view", "-h").returncode == 0
