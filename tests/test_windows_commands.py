"""What the documents tell people to type on Windows.

Nothing here can run it: the tools are Windows' own, and Wine has none of ETW. So each line is read
as its shell would, and compared with what Microsoft's pages say the tool takes. Lines of our own
command are run, on Windows too.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest

from otel_etw.event import ETW_LIMIT_64K_BUFFERS
from otel_etw.provider import DEFAULT_PROVIDER
from tests.support.markdown import Block, blocks

PAGES = ("README.md", "docs/operating.md")
GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

# Options and how many values each takes; "at least" where some may be left out.
LOGMAN = {"-ow": 0, "-o": 1, "-p": 3, "-nb": 2, "-bs": 1, "-ft": 1, "-f": 1, "-max": 1, "-ets": 0}
TRACELOG = {
    "-start": 1, "-stop": 1, "-flush": 1, "-q": 1, "-lp": 0, "-f": 1, "-guid": 1, "-level": 1,
    "-matchanykw": 1, "-b": 1, "-min": 1, "-max": 1, "-ft": 1, "-independent": 0,
}  # fmt: skip
WPR = {"-start": 1, "-filemode": 0, "-status": 0, "-stop": 1}
SESSION = {
    "-Name", "-LocalFilePath", "-MaximumFileSize", "-BufferSize", "-MinimumBuffers",
    "-MaximumBuffers", "-FlushTimer",
}  # fmt: skip
CMDLETS = {
    "Start-EtwTraceSession": {*SESSION, "-FileMode"},
    "New-AutologgerConfig": {*SESSION, "-Guid", "-LogFileMode", "-Start"},
    "Add-EtwTraceProvider": {
        "-SessionName", "-AutologgerName", "-Guid", "-Level", "-MatchAnyKeyword",
    },
    "Get-EtwTraceSession": {"-Name"},
    "Stop-EtwTraceSession": {"-Name"},
    "Get-AutologgerConfig": {"-Name"},
    "Get-EtwTraceProvider": {"-SessionName", "-AutologgerName"},
}  # fmt: skip
PERFVIEW = {
    "/AcceptEULA", "/NoGui", "/OnlyProviders", "/Merge", "/Zip", "/MaxCollectSec", "/DataFile",
}  # fmt: skip


def lines(language: str) -> list[str]:
    found = [block for page in PAGES for block in blocks(page, language)]
    return [line for block in found for line in block.text.splitlines()]


def words(line: str) -> list[str]:
    """The words of a line that cmd and PowerShell read alike."""
    assert line.count('"') % 2 == 0, line
    bare = re.sub(r'"[^"]*"', "", line)
    # Quotes of one shell only, variables and blocks, line breaks, chains, and comments.
    assert not re.search(r"""['%{}$`^&|;#]""", bare), line
    return [word.replace('"', "") for word in re.findall(r'(?:"[^"]*"|\S)+', line)]


def options(arguments: list[str], known: dict[str, int]) -> dict[str, list[str]]:
    """Option → its values; each option must be known, and have as many values as it takes."""
    found: dict[str, list[str]] = {}
    last = ""
    for word in arguments:
        if word in known:
            last = word
            found[last] = []
        else:
            assert last, f"{word} belongs to no option"
            assert not word.startswith("-"), f"{word} is no option"
            found[last].append(word)
    for option, values in found.items():
        assert len(values) == known[option], f"{option} takes {known[option]}"
    return found


def logman(verb: str, *arguments: str) -> None:
    if verb == "create":
        kind, name, *rest = arguments
        assert (kind, name) == ("trace", "OtelMetrics")
        given = options(rest, LOGMAN)
        enables(*given["-p"])
        assert int(given["-bs"][0]) * 1024 >= ETW_LIMIT_64K_BUFFERS
        assert given.get("-f", ["bincirc"]) == ["bincirc"]
        assert ("-f" in given) == ("-max" in given)
        lowest, highest = map(int, given["-nb"])
        assert lowest <= highest
    else:
        assert verb in ("query", "stop")
        assert arguments == ("OtelMetrics", "-ets")


def enables(guid: str, keywords: str, level: str) -> None:
    """Our provider, with a level and keywords that let its events pass, the Rust crate's too."""
    assert UUID(guid) == DEFAULT_PROVIDER.guid
    assert int(keywords, 0) & 1
    assert int(level, 0) >= 4


def tracelog(*arguments: str) -> None:
    given = options(list(arguments), TRACELOG)
    assert [values for name, values in given.items() if name in ("-start", "-q", "-flush", "-stop")]
    if "-start" in given:
        (guid,) = given["-guid"]
        assert guid[0] == "#"
        enables(guid[1:], given["-matchanykw"][0], given["-level"][0])


def wpr(*arguments: str) -> None:
    given = options(list(arguments), WPR)
    if "-start" in given:
        file, profile = given["-start"][0].split("!")
        assert file.endswith(".wprp")
        assert profile in {each.get("Name") for each in profiles().iter("Profile")}


def perfview(*arguments: str) -> None:
    *given, verb = arguments
    assert verb == "collect"
    assert {re.split("[:=]", each, maxsplit=1)[0] for each in given} <= PERFVIEW
    (provider,) = [each for each in given if each.startswith("/OnlyProviders=")]
    assert UUID(provider.partition("=")[2]) == DEFAULT_PROVIDER.guid


def py(*arguments: str) -> None:
    assert arguments == ("-m", "venv", ".venv")


def pip(*arguments: str) -> None:
    assert arguments[0] == "install"  # what: test_readme_runs.py


def ours(*arguments: str) -> None:
    assert arguments  # what it does: test_the_lines_of_our_own_command_run


TOOLS = {
    "logman": logman,
    "tracelog": tracelog,
    "wpr": wpr,
    "PerfView.exe": perfview,
    "py": py,
    r".venv\Scripts\pip": pip,
    r".venv\Scripts\otel-etw": ours,
}


@pytest.mark.parametrize("line", lines("bat"))
def test_a_line_for_cmd_and_powershell_is_one_that_its_tool_takes(line: str) -> None:
    tool, *arguments = words(line)
    TOOLS[tool](*arguments)


def test_the_lines_of_our_own_command_run(tmp_path: Path) -> None:
    every = [words(line) for line in lines("bat")]
    found = [arguments for tool, *arguments in every if tool.endswith("otel-etw")]
    assert len(found) == 2
    for arguments in found:
        command = [sys.executable, "-m", "otel_etw", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
    assert b"process.runtime." in done.stdout or b"process.cpu" in done.stdout


@pytest.mark.parametrize("line", lines("powershell"))
def test_a_line_for_powershell_is_one_that_its_cmdlet_takes(line: str) -> None:
    name, *_ = line.split()
    given = dict(re.findall(r"""\s(-[A-Z]\w+) ("[^"]*"|\([^()]*\)|[^\s(){}"']+)""", line))
    assert " ".join([name, *(f"{key} {value}" for key, value in given.items())]) == line
    assert set(given) <= CMDLETS[name]
    if name == "Add-EtwTraceProvider":
        assert given["-MatchAnyKeyword"] == "([UInt64]::MaxValue)"
        enables(given["-Guid"].strip('"'), "-1", given["-Level"])
    elif "-Guid" in given:
        assert UUID(given["-Guid"].strip('"')) != DEFAULT_PROVIDER.guid, "the session's own"
    if "-BufferSize" in given:
        assert int(given["-BufferSize"]) * 1024 >= ETW_LIMIT_64K_BUFFERS
    # Circular, so that the session does not end at the largest size.
    if "-MaximumFileSize" in given:
        assert given.get("-FileMode") == "Circular" or given.get("-LogFileMode") == "2"


def profiles() -> ElementTree.Element:
    (block,) = blocks("docs/operating.md", "xml")
    return ElementTree.fromstring(block.text.encode())


def test_the_profile_for_wpr_is_well_formed_and_enables_the_provider() -> None:
    root = profiles()
    (provider,) = root.iter("EventProvider")
    (keyword,) = provider.iter("Keyword")
    enables(str(provider.get("Name")), str(keyword.get("Value")), str(provider.get("Level")))
    (size,) = root.iter("BufferSize")
    assert int(str(size.get("Value"))) * 1024 >= ETW_LIMIT_64K_BUFFERS
    names = {each.get("Id") for each in root.iter() if each.get("Id")}
    for each in root.iter():
        if each.tag in ("EventCollectorId", "EventProviderId"):
            assert each.get("Value") in names
        assert each.get("Base") in {None, *names}
    # wpr wants each mode and each level of detail to be there, named after what it is.
    for profile in root.iter("Profile"):
        parts = profile.get("Name"), profile.get("DetailLevel"), profile.get("LoggingMode")
        assert profile.get("Id") == ".".join(map(str, parts))


def guids() -> Iterator[str]:
    for page in PAGES:
        for block in blocks(page, "bat", "xml", "powershell", "text"):
            yield from GUID.findall(block.text)


def test_the_provider_of_every_command_is_ours() -> None:
    others = {guid for guid in guids() if UUID(guid) != DEFAULT_PROVIDER.guid}
    assert len(others) == 1, "the autologger's session alone has a GUID of its own"


@pytest.mark.parametrize("block", blocks("docs/operating.md", "python on Windows"))
def test_python_for_windows_alone_compiles(block: Block) -> None:
    compile(block.text, "docs/operating.md", "exec")


def test_every_block_of_the_operators_page_is_of_a_kind_that_is_checked() -> None:
    kinds = {block.language for block in blocks("docs/operating.md")}
    assert kinds == {"bat", "powershell", "xml", "python", "python on Windows"}
