"""Paths and file URLs: where frames go is where they were meant to go, on every system."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from otel_etw.transports import open as open_transport
from otel_etw.transports import parse
from otel_etw.transports.file import FileTransport
from otel_etw.transports.file_path import path_from_target, windows_fault
from tests.support.otlp_files import batch, frame, numbers, read_frames
from tests.support.systems import not_on_windows


def path_of(text: str, windows: bool) -> str:
    return path_from_target(parse(text).target, windows)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:m.pb", "m.pb"),
        ("file:/var/log/m.pb", "/var/log/m.pb"),
        ("file:/var/log/100%25.pb", "/var/log/100%25.pb"),  # a path, no URL
        ("file:/C:/logs/m.pb", "/C:/logs/m.pb"),
        ("file:C:m.pb", "C:m.pb"),
        ("file:a?b.pb", "a?b.pb"),
        ("file:///var/log/m.pb", "/var/log/m.pb"),
        ("file:///var/log/m.pb?max_bytes=10", "/var/log/m.pb"),
        ("file://localhost/var/log/m.pb", "/var/log/m.pb"),
        ("file://LocalHost/var/log/m.pb", "/var/log/m.pb"),
        ("file:///var/my%20log/100%25/%C3%A9.pb", "/var/my log/100%/é.pb"),
        ("file:///var/log/a%3Fb%23c.pb", "/var/log/a?b#c.pb"),
        ("FILE:///var/log/m.pb", "/var/log/m.pb"),
    ],
)
def test_where_frames_go_elsewhere_than_on_windows(text: str, path: str) -> None:
    assert path_of(text, windows=False) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:m.pb", "m.pb"),
        (r"file:C:\logs\m.pb", r"C:\logs\m.pb"),
        ("file:C:/logs/m.pb", "C:/logs/m.pb"),
        (r"file:\\server\share\m.pb", r"\\server\share\m.pb"),
        ("file:/C:/logs/m.pb", r"C:\logs\m.pb"),
        ("file:/c|/logs/m.pb", r"c:\logs\m.pb"),
        ("file:///C:/logs/m.pb", r"C:\logs\m.pb"),
        ("file:///C:/logs/m.pb?format=proto&max_bytes=10", r"C:\logs\m.pb"),
        ("file:///C|/logs/m.pb", r"C:\logs\m.pb"),
        ("file://localhost/C:/logs/m.pb", r"C:\logs\m.pb"),
        ("file:///C:/My%20Logs/100%25.pb", r"C:\My Logs\100%.pb"),
        ("file:/C:/My%20Logs/%C3%A9.pb", r"C:\My Logs\é.pb"),
        ("file://server/share/m%20.pb", r"\\server\share\m .pb"),
        ("file:////server/share/m.pb", "//server/share/m.pb"),
        ("file:///logs/m.pb", "/logs/m.pb"),
    ],
)
def test_where_frames_go_on_windows(text: str, path: str) -> None:
    assert path_of(text, windows=True) == path


@pytest.mark.parametrize(
    ("text", "windows", "words"),
    [
        ("file://server/share/m.pb", False, "a file of the machine 'server'"),
        ("file://tmp/m.pb", False, "perhaps file:/tmp/…"),
        ("file://C:/logs/m.pb", True, "perhaps file:///C:/…"),
        ("file://C:/logs/m.pb", False, "a file of the machine 'C:'"),
        ("file:///tmp/a?b.pb", False, "a '?' of a name is written %3F"),
        ("file:///tmp/a#b.pb", True, "a '#' of a name is written %23"),
    ],
)
def test_a_url_that_names_no_file_of_this_machine_is_refused(
    text: str, windows: bool, words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as raised:
        path_of(text, windows)
    assert text.partition("?")[0] in str(raised.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("C:m.pb", r"relative to the current folder of drive C:.* write C:\\m\.pb"),
        (r"d:logs\m.pb", r"relative to the current folder of drive d:"),
        ("/C:/logs/m.pb", "has a ':' in a name"),
        (r"C:\logs\m.pb:stream", "has a ':' in a name"),
        ("logs/12:30.pb", "has a ':' in a name"),
    ],
)
def test_paths_that_lead_elsewhere_on_windows_are_refused(path: str, words: str) -> None:
    fault = windows_fault(path)
    assert fault
    assert re.search(words, fault)
    if sys.platform == "win32":
        # Behind "file:", /C: begins a URL.
        for text in (path, f"file:{path}")[: 1 if path.startswith("/") else 2]:
            with pytest.raises(ValueError, match=words):
                FileTransport(text) if text == path else open_transport(text)


@pytest.mark.parametrize(
    "path",
    [
        "m.pb",
        r"logs\m.pb",
        r"C:\m.pb",
        "C:/logs/m.pb",
        r"\logs\m.pb",
        r"\\server\share\m.pb",
        r"\\?\C:\logs\m.pb",
        "//server/share/m.pb",
    ],
)
def test_other_paths_are_taken_on_windows(path: str) -> None:
    assert windows_fault(path) is None


def test_a_file_url_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "my metrics #1.pb"
    transport = open_transport(f"{path.as_uri()}?max_bytes=100000")
    assert isinstance(transport, FileTransport)
    assert transport.path == path
    assert transport.send(batch(frame(1, 0))).losses == ()
    assert numbers(read_frames(path)) == [(1, 0)]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@not_on_windows("names are Unicode")
def test_a_url_of_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    transport = open_transport(f"{tmp_path.as_uri()}/%ff.pb")
    assert transport.send(batch(frame(1, 0))).losses == ()
    assert [file.name for file in tmp_path.iterdir()] == ["\udcff.pb"]


def test_the_path_is_absolute_whatever_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in ("m.pb", "./m.pb", Path("m.pb"), f"{tmp_path.as_uri()}/m.pb"):
        made = open_transport(given) if str(given).startswith("file:") else FileTransport(given)
        assert isinstance(made, FileTransport)
        assert made.path == tmp_path / "m.pb"
