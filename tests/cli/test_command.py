"""The command as a whole: versions, help, and its messages where it cannot run."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from otel_etw import __main__, encoding
from otel_etw.cli import file_arguments, otel_etw
from otel_etw.cli.file_arguments import expand_files
from otel_etw.transports import etw
from tests.support.command_line import capture, gauge, process, run


def test_the_version_says_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for native, calls, words in (
        (True, "_etw", "compiled encoder, ETW compiled"),
        (False, "etw_ctypes", "pure Python encoder, ETW through ctypes"),
        (True, None, "compiled encoder, ETW not on this system"),
    ):
        monkeypatch.setattr(encoding, "NATIVE", native)
        monkeypatch.setattr(etw, "CALLS", calls)
        result = run("--version")
        assert result.exit_code == 0
        assert result.stdout == (
            f"otel-etw {version('otel-etw')}, {words}, "
            f"{platform.python_implementation()} {platform.python_version()}, "
            f"opentelemetry-sdk {version('opentelemetry-sdk')}\n"
        )


@pytest.mark.parametrize("subcommand", [[], ["view"], ["demo"]])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_examples(subcommand: list[str], flag: str) -> None:
    result = run(*subcommand, flag)
    assert result.exit_code == 0
    assert re.search(r"\n +otel-etw (view|demo)", result.stdout)
    if subcommand:
        assert "Exit codes:" in result.stdout


def test_the_help_says_where_spread_objects_begin() -> None:
    words = " ".join(run("view", "--help").stdout.split())
    assert (
        "JSON objects that are spread over several lines must begin in the first column." in words
    )


@pytest.mark.parametrize("subcommand", [[], ["view"], ["demo"]])
def test_what_the_help_shows_runs_on_this_system(subcommand: list[str], tmp_path: Path) -> None:
    """In Windows' shells as well: patterns in double quotes, FILEs with a star."""
    lines = [
        line.strip()
        for line in run(*subcommand, "--help").stdout.splitlines()
        if re.match(r" +otel-etw \w", line)
    ]
    assert lines
    for name in ("metrics.pb", "m-1.jsonl", "m.jsonl"):
        assert process("demo", *QUICK, "--transport", f"file:{name}", cwd=tmp_path).returncode == 0
    for line in lines:
        line = line.partition(" | ")[0].partition(" > ")[0]
        words = [word.strip('"') for word in line.split()[1:]]
        assert "'" not in line
        if "--follow" in words:
            words.remove("--follow")
        if words[0] == "demo":
            words = [
                word for word in words if not word.isdigit() and word[:3] not in ("--s", "--i")
            ]
            words += QUICK
        elif sys.platform != "win32":
            words = [name for word in words for name in expanded(word, tmp_path)]
        result = process(*words, cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, ""), line
        assert result.stdout or "--name" in words


QUICK = ["--seconds", "0.05", "--interval", "60"]


def expanded(word: str, folder: Path) -> list[str]:
    """As a POSIX shell does."""
    return sorted(file.name for file in folder.glob(word)) or [word]


def test_a_pattern_of_an_option_is_not_taken_for_files(tmp_path: Path) -> None:
    """click would do so on Windows."""
    capture(tmp_path / "m.pb", gauge(1, name="count.a"), gauge(2, name="count.b"))
    (tmp_path / "count.txt").touch()
    result = process(
        *("view", "m.pb", "--format", "jsonl", "--name", "count*", "-a", "pool=main"), cwd=tmp_path
    )
    assert [json.loads(line)["value"] for line in result.stdout.splitlines()] == [1, 2]


def test_files_are_expanded_where_the_shell_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("m-2.pb", "m-1.pb", "[x].pb"):
        capture(tmp_path / name, gauge(1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(file_arguments.sys, "platform", "win32")
    command, argument = otel_etw.commands["view"], otel_etw.commands["view"].params[0]
    context = click.Context(command)

    def files(*given: str) -> tuple[str, ...]:
        return expand_files(context, argument, given)

    assert files("m-*.pb", "-", "[x].pb", "no*.pb") == ("m-1.pb", "m-2.pb", "-", "[x].pb", "no*.pb")
    monkeypatch.setattr(file_arguments.sys, "platform", "linux")
    assert files("m-*.pb") == ("m-*.pb",)


def test_the_module_runs_as_the_command_does() -> None:
    result = process("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == run("--version").stdout


@pytest.mark.parametrize("module", ["click", "google.protobuf", "opentelemetry.proto", "rich"])
def test_without_the_extra_one_sentence_says_what_to_install(module: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from otel_etw.__main__ import main\n"
        "sys.argv = ['otel-etw', 'view', 'm.pb']\n"
        "main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 2
    assert result.stdout == ""
    (sentence,) = result.stderr.splitlines()
    assert module in sentence
    assert "pip install 'otel-etw[cli]'" in sentence


def test_a_fault_in_this_package_is_not_taken_for_a_missing_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "otel_etw.cli")
    monkeypatch.setitem(sys.modules, "otel_etw.cli.view", None)
    with pytest.raises(ModuleNotFoundError, match=r"otel_etw\.cli\.view"):
        __main__.main()


# What both sides must agree about.
SHARED = ("otel_etw.event", "otel_etw.framing", "otel_etw.limits", "otel_etw.provider")


def test_the_reading_side_knows_nothing_of_the_writing_side() -> None:
    program = (
        "import sys, types\n"
        "package = types.ModuleType('otel_etw'); package.__path__ = sys.argv[1:]\n"
        "sys.modules['otel_etw'] = package\n"
        "import otel_etw.captures\n"
        "print(*sorted(name for name in sys.modules if name.startswith('otel_etw.')))"
    )
    folder = __main__.__file__.rpartition("__main__")[0]
    result = subprocess.run(
        [sys.executable, "-c", program, folder], capture_output=True, text=True, timeout=60
    )
    assert result.stderr == ""
    names = result.stdout.split()
    assert names
    assert all(name.startswith("otel_etw.captures") or name in SHARED for name in names)
