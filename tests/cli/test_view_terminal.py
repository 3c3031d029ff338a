"""``view`` where a person watches: colours, a pager, a progress bar, Ctrl-C."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from otel_etw.cli.pager import pager_command, shows_colours
from tests.support.command_line import capture, framed, gauge, process, run
from tests.support.overviews import exports
from tests.support.terminals import Terminal, plain_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="on Windows Python has no pty")

CODES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return capture(tmp_path / "m.pb", *exports({("m", "gauge", "By"): {"k=a": [1, 2, 3]}}))


@pytest.fixture
def long(tmp_path: Path) -> Path:
    series = {f"k=n{number:03}": [number] for number in range(300)}
    return capture(tmp_path / "m.pb", *exports({("m", "gauge", "By"): series}))


def paging(tmp_path: Path, code: str) -> str:
    """A PAGER that runs Python code."""
    script = tmp_path / "pager.py"
    script.write_text(f"import sys\n{code}\n")
    return shlex.join([sys.executable, str(script)])


def test_colours_are_for_terminals(short: Path) -> None:
    shown, exit_code = Terminal.command("view", short, environment=plain_environment()).finish()
    assert exit_code == 0
    assert CODES.search(shown)
    piped = process("view", short, env=plain_environment(COLUMNS="80")).stdout
    assert "\x1b" not in piped
    assert CODES.sub("", shown) == piped
    assert "\x1b" not in process("view", short, env=plain_environment(FORCE_COLOR="1")).stdout


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}])
@pytest.mark.parametrize("options", [(), ("--points",)])
def test_who_wants_no_colours_gets_none(
    short: Path, variables: dict[str, str], options: tuple[str, ...]
) -> None:
    environment = plain_environment(**variables)
    shown, _ = Terminal.command("view", short, *options, environment=environment).finish()
    assert "\x1b" not in shown
    assert "m  gauge, By" in shown


def test_lines_have_the_terminals_width(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1, long="v" * 300))
    terminal = Terminal.command(
        "view", "--points", path, environment=plain_environment(), size=(57, 24)
    )
    shown, _ = terminal.finish()
    assert max(len(CODES.sub("", line)) for line in shown.splitlines()) == 57


def test_a_terminal_of_unknown_size_is_taken_for_an_ordinary_one(short: Path) -> None:
    terminal = Terminal.command(
        "view", short, environment=plain_environment(PAGER="no"), size=(0, 0)
    )
    shown, exit_code = terminal.finish()
    assert exit_code == 0
    assert "m\x1b[0m  gauge, By" in shown


def test_what_is_longer_than_the_terminal_goes_through_the_pager(
    tmp_path: Path, long: Path
) -> None:
    code = "sys.stdout.write(''.join('> ' + line for line in sys.stdin)); sys.exit(5)"
    environment = plain_environment(PAGER=paging(tmp_path, code), NO_COLOR="1")
    shown, exit_code = Terminal.command("view", long, "--all", environment=environment).finish()
    assert exit_code == 0
    lines = shown.splitlines()
    assert len(lines) > 300
    assert all(line.startswith("> ") for line in lines)
    # What fits is shown as it is, and so is what nobody pages.
    for options in ((), ("--no-pager", "--all")):
        shown, _ = Terminal.command("view", long, *options, environment=environment).finish()
        assert ">" not in shown
        assert "k=n000" in shown


def test_points_go_through_the_pager_as_they_come(tmp_path: Path) -> None:
    """The pager is ended at its first lines, and so is reading what would never end."""
    path = capture(tmp_path / "m.pb", *(gauge(n, name=f"m{n}") for n in range(20_000)))
    code = "print('first:', sys.stdin.readline(), flush=True)"
    environment = plain_environment(PAGER=paging(tmp_path, code), NO_COLOR="1")
    terminal = Terminal.command("view", path, "--points", environment=environment)
    shown, exit_code = terminal.finish()
    assert (shown, exit_code) == ("first: service.name=tests, scope lib 2.0 (pool=main)\n\n", 0)


def test_messages_are_in_the_pager_while_it_runs(tmp_path: Path) -> None:
    first = capture(tmp_path / "first.pb", *(gauge(n, name=f"m{n}") for n in range(100)))
    path = tmp_path / "m.pb"
    path.write_bytes(framed(gauge(1)) + b"garbage")
    code = "sys.stdout.write(''.join('> ' + line for line in sys.stdin))"
    environment = plain_environment(PAGER=paging(tmp_path, code), NO_COLOR="1")
    terminal = Terminal.command("view", first, path, "--points", environment=environment)
    shown, exit_code = terminal.finish()
    assert exit_code == 1
    assert all(line.startswith("> ") for line in shown.splitlines())
    assert f"> otel-etw: {path}: damaged at byte " in shown


@pytest.mark.parametrize("asked", ["no-such-pager -x", "'", "", "cat"])
def test_without_a_pager_it_is_shown_all_the_same(long: Path, asked: str) -> None:
    environment = plain_environment(PAGER=asked)
    shown, exit_code = Terminal.command("view", long, "--all", environment=environment).finish()
    assert exit_code == 0
    assert "k=n299" in shown


def test_ctrl_c_in_the_pager_is_the_pagers(tmp_path: Path, long: Path) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('INTERRUPTED', flush=True))\n"
        "print('READY', flush=True)\n"
        "lines = sys.stdin.readlines()\n"
        "print('READ', len(lines), flush=True)\n"
        "open('/dev/tty').readline()\n"
        "print('END', flush=True)\n"
    )
    environment = plain_environment(PAGER=paging(tmp_path, code))
    terminal = Terminal.command("view", long, "--all", environment=environment)
    terminal.wait_for(lambda output: b"READ " in output)
    terminal.type(b"\x03")
    terminal.wait_for(lambda output: b"INTERRUPTED" in output)
    assert terminal.process.poll() is None
    terminal.type(b"q\n")
    shown, exit_code = terminal.finish()
    assert "END" in shown
    assert "Traceback" not in shown
    assert exit_code == 0


def test_what_takes_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LESS", raising=False)
    assert shows_colours(["/usr/bin/less"])
    assert shows_colours(["less", "-S"])
    assert not shows_colours(["/usr/bin/more"])
    monkeypatch.setenv("LESS", "-S")
    assert not shows_colours(["less"])
    assert shows_colours(["less", "-R"])


def test_which_pager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("otel_etw.cli.pager.shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.delenv("PAGER", raising=False)
    assert pager_command() == ["/bin/less"]
    monkeypatch.setenv("PAGER", "less -S 'a b'")
    assert pager_command() == ["/bin/less", "-S", "a b"]
    for none in ("", "cat", "'"):
        monkeypatch.setenv("PAGER", none)
        assert pager_command() == []
    monkeypatch.delenv("PAGER")
    monkeypatch.setattr("otel_etw.cli.pager.shutil.which", lambda name: None)
    assert pager_command() == []


# Progress ---------------------------------------------------------------------------------------

# The command with a bar from the first bytes on, instead of after a second.
EAGER = (
    "import sys\n"
    "from otel_etw.cli import command, reading_progress\n"
    "reading_progress._PATIENCE = reading_progress._PAUSE = 0\n"
    "sys.argv[0] = 'otel-etw'\n"
    "command()"
)


def eager(*arguments: object, **options: object) -> Terminal:
    words = [sys.executable, "-c", EAGER, *map(str, arguments)]
    return Terminal(words, **options)  # type: ignore[arg-type]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """3 MiB, some chunks."""
    return capture(tmp_path / "m.pb", *(gauge(n, "m", long="v" * 3_000) for n in range(1_000)))


def test_a_bar_says_how_much_was_read_and_goes(large: Path) -> None:
    shown, exit_code = eager("view", large, environment=plain_environment()).finish()
    assert exit_code == 0
    assert "reading" in shown
    assert "MB" in shown or "MiB" in shown
    # Its line is erased, and what follows is the overview.
    overview = shown.rpartition("\x1b[2K")[2]
    assert "1,000 points" in overview
    assert "reading" not in overview


@pytest.mark.parametrize(
    "arguments",
    [("--points", "--no-pager"), ("--format", "jsonl"), ("--points", "--name", "none")],
)
def test_no_bar_where_points_are_written_meanwhile(large: Path, arguments: tuple[str, ...]) -> None:
    terminal = eager("view", large, *arguments, environment=plain_environment())
    assert "reading" not in terminal.finish()[0]


def test_a_bar_where_the_output_goes_elsewhere(large: Path, tmp_path: Path) -> None:
    for arguments in (
        ("view", large, "--format", "jsonl"),
        ("view", large, "--points"),
        ("convert", large, "-o", tmp_path / "m.csv"),
    ):
        terminal = eager(
            *arguments, environment=plain_environment(), redirected={1: tmp_path / "out"}
        )
        shown, exit_code = terminal.finish()
        assert exit_code == 0
        assert "reading" in shown
    assert "\x1b" not in (tmp_path / "out").read_text()


def test_no_bar_where_nobody_watches(large: Path, tmp_path: Path) -> None:
    for environment, redirected in (
        (plain_environment(), {2: tmp_path / "messages"}),
        (plain_environment(TERM="dumb"), {}),
    ):
        terminal = eager("view", large, environment=environment, redirected=redirected)
        assert "reading" not in terminal.finish()[0]
    quick = Terminal.command("view", large, environment=plain_environment())
    assert "reading" not in quick.finish()[0]


def test_damage_is_said_beside_the_bar(large: Path) -> None:
    data = large.read_bytes()
    large.write_bytes(data + b"garbage" + data)
    shown, exit_code = eager("view", large, environment=plain_environment()).finish()
    assert exit_code == 1
    (line,) = (line for line in shown.splitlines() if "damaged at byte" in line)
    assert line.rpartition("\x1b[2K")[2].startswith(f"otel-etw: {large}: damaged at byte")


@pytest.mark.parametrize("command", ["view", "info"])
def test_standard_input_has_no_bar(command: str, large: Path) -> None:
    eagerly = shlex.join([sys.executable, "-c", EAGER, command])
    program = ["sh", "-c", f'{eagerly} - < "$1"', "", large]
    terminal = Terminal([str(word) for word in program], plain_environment())
    shown, exit_code = terminal.finish()
    assert exit_code == 0
    assert "reading" not in shown


def test_ctrl_c_while_it_reads_is_quiet(tmp_path: Path) -> None:
    path = capture(tmp_path / "m.pb", gauge(1))
    terminal = Terminal.command("view", "--follow", path, environment=plain_environment())
    terminal.wait_for(lambda output: b"gauge" in output)
    terminal.type(b"\x03")
    shown, exit_code = terminal.finish()
    assert exit_code == 130
    assert "Traceback" not in shown


def test_rich_of_a_windows_console_without_codes_is_not_asked_to_write(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would call Windows' own functions; we write plain text there."""
    from rich import console

    from otel_etw.cli import screen

    class Stream:
        encoding = "cp437"

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(console, "detect_legacy_windows", lambda: True)
    assert screen._renderer(Stream()) is None  # type: ignore[arg-type]
    assert run("view", short).exit_code == 0


def test_the_overview_is_whole_where_its_reader_goes_away(long: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "otel_etw", "view", long, "--all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as viewer:
        assert viewer.stdout
        assert viewer.stderr
        viewer.stdout.close()
        assert viewer.stderr.read() == b""
        assert viewer.wait(30) == 0
