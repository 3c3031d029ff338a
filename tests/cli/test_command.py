"""The command as a whole: versions, help, and what is said where it cannot run."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from otel_etw import __main__, cli, encoding

from .material import process, run


def test_the_version_says_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for native, calls, words in (
        (True, "_etw", "compiled encoder, ETW compiled"),
        (False, "etw_ctypes", "plain Python encoder, ETW through ctypes"),
        (True, None, "compiled encoder, ETW not on this system"),
    ):
        monkeypatch.setattr(encoding, "NATIVE", native)
        monkeypatch.setattr(cli, "CALLS", calls)
        result = run("--version")
        assert result.exit_code == 0
        assert result.stdout == (
            f"otel-etw {version('otel-etw')}, {words}, "
            f"{platform.python_implementation()} {platform.python_version()}, "
            f"opentelemetry-sdk {version('opentelemetry-sdk')}\n"
        )


@pytest.mark.parametrize("verb", [[], ["view"], ["demo"]])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_examples(verb: list[str], flag: str) -> None:
    result = run(*verb, flag)
    assert result.exit_code == 0
    assert re.search(r"\n +otel-etw (view|demo)", result.stdout)
    if verb:
        assert "Exit codes:" in result.stdout


def test_the_module_runs_as_the_command_does() -> None:
    result = process("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == run("--version").stdout


@pytest.mark.parametrize("module", ["click", "tabulate", "google.protobuf", "opentelemetry.proto"])
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


def test_a_fault_of_ours_is_not_taken_for_a_missing_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "otel_etw.cli")
    monkeypatch.setitem(sys.modules, "otel_etw.cli.view", None)
    with pytest.raises(ModuleNotFoundError, match=r"otel_etw\.cli\.view"):
        __main__.main()


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
    assert all(
        name.startswith("otel_etw.captures") or name == "otel_etw.provider" for name in names
    )
