"""Paths of files: what is taken, in which forms, and how Windows' differ. No I/O."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PureWindowsPath

__all__ = ["absolute_path", "path_from_target"]

_ON_WINDOWS = sys.platform == "win32"


def absolute_path(path: str | os.PathLike[str]) -> Path:
    """``path`` as it is meant now, whatever the working folder is later.

    TypeError, or ValueError with a sentence, for what names no file.
    """
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"path={path!r} must be a str or a path of str, not {type(text).__name__}")
    try:
        usable = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise ValueError(f"path={path!r} has characters that no file name can have")
    if text.endswith(tuple(filter(None, (os.sep, os.altsep)))) or Path(text).name in ("", ".."):
        raise ValueError(f"path={path!r} must name a file, for example metrics.pb in that folder")
    if _ON_WINDOWS and (fault := windows_fault(text)):
        raise ValueError(f"path={path!r} {fault}")
    try:
        return Path(text).absolute()
    except OSError as error:
        raise ValueError(
            f"path={path!r} is relative, and the working folder is gone ({error.strerror}): give "
            "an absolute path"
        ) from error


def windows_fault(text: str) -> str | None:
    """What is wrong with a path on Windows, for a sentence that begins with it."""
    path = PureWindowsPath(text)
    if path.drive and not path.root:
        return (
            f"is relative to the current folder of drive {path.drive}, which is not the working "
            f"folder: write {path.drive}\\{text[len(path.drive) :]}, or a path without a drive"
        )
    if any(":" in part for part in path.parts[bool(path.anchor) :]):
        return "has a ':' in a name, where Windows has none but behind the letter of a drive"
    return None


def path_from_target(target: str, windows: bool = _ON_WINDOWS) -> str:
    """The path that stands behind ``file:`` in the string that names a transport.

    A path as it is, with ``~`` at its beginning as the home; or, when it begins with ``//``, the
    rest of a file URL (RFC 8089), with its percent-encoding decoded: ``file:///var/log/m.pb``,
    ``file://localhost/var/log/m.pb``, on Windows also ``file:///C:/logs/m.pb``,
    ``file:/C:/logs/m.pb`` and ``file://server/share/m.pb``. ValueError says what is wrong.
    """
    if target.startswith("//"):
        host, slash, path = target[2:].partition("/")
        path = _decoded(target, slash + path)
        if host.lower() not in ("", "localhost"):
            if not windows or ":" in host:
                where = f"file:///{host}{slash}…" if windows else f"file:/{host}{slash}…"
                raise ValueError(
                    f"file:{target} names a file of the machine {host!r}; one of this machine is "
                    f"file:///PATH or file:PATH, perhaps {where}"
                )
            return f"\\\\{host}{path}".replace("/", "\\")
    elif windows and _DRIVE.match(target):
        path = _decoded(target, target)
    else:
        return os.path.expanduser(target)  # noqa: PTH111  (Path's raises without a home)
    if windows and _DRIVE.match(path):
        return f"{path[1]}:{path[3:]}".replace("/", "\\")
    return path


_DRIVE = re.compile(r"/[A-Za-z][:|]")


def _decoded(target: str, path: str) -> str:
    for character, code in ("?", "%3F"), ("#", "%23"):
        if character in path:
            raise ValueError(
                f"file:{target} is a file URL, in which a {character!r} of a name is written "
                f"{code}; options are ?option=value&option=value at its end"
            )
    from urllib.parse import unquote_to_bytes  # takes long to import, and most paths are no URLs

    content = unquote_to_bytes(path)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return os.fsdecode(content)
