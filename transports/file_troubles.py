"""What may go wrong with a file: reasons that are counted, and sentences one can act on."""

from __future__ import annotations

import errno
import os

__all__ = ["Refused", "cause", "explain"]

_REASONS = {
    errno.ENOSPC: ("disk_full", "no space is left on the disk"),
    errno.EDQUOT: ("disk_full", "the user's or project's disk quota is used up"),
    errno.EFBIG: ("file_too_large", "the process or the file system allows no larger file"),
    errno.EROFS: ("read_only", "the file system is read-only"),
    errno.EACCES: ("permission_denied", "this user may not write there"),
    errno.EPERM: ("permission_denied", "the system forbids it"),
    errno.EISDIR: ("is_a_folder", "the path is a folder; name a file in it"),
    errno.ENOTDIR: ("not_a_folder", "a part of the path is a file, so no folder can be there"),
    errno.EEXIST: ("not_a_folder", "a part of the path is a file, so no folder can be there"),
    errno.ENOENT: ("no_folder", "the folder is missing and can't be made"),
    errno.EMFILE: ("too_many_open_files", "the process has too many files open"),
    errno.ENFILE: ("too_many_open_files", "the system has too many files open"),
    errno.ENAMETOOLONG: ("name_too_long", "the file system allows no name of this length"),
    errno.EIO: ("io_error", "the device reports an error"),
}

# Windows' own numbers, where errno has one for several causes.
_WINDOWS_REASONS = {
    32: ("in_use", "another program has it open and does not share it"),  # SHARING_VIOLATION
    33: ("in_use", "another program has locked a part of it"),  # LOCK_VIOLATION
}


class Refused(Exception):
    """A reason of our own not to write; the text is the sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


def explain(path: str, trouble: OSError | Refused) -> tuple[str, str]:
    """The reason and the sentence for what stopped a write to ``path``."""
    reason, words = cause(path, trouble)
    return reason, f"{path}: {words}"


def cause(path: str, trouble: OSError | Refused) -> tuple[str, str]:
    """As `explain`, without the path: a part of a sentence."""
    if isinstance(trouble, Refused):
        return trouble.reason, str(trouble)
    number = trouble.errno or 0
    # Windows says EACCES of a folder. Path.is_dir would raise where the parent can't be read.
    if number == errno.EACCES and os.path.isdir(path):  # noqa: PTH112
        number = errno.EISDIR
    reason, words = _WINDOWS_REASONS.get(
        getattr(trouble, "winerror", None) or 0,
        _REASONS.get(number, ("os_error", "the system refused it")),
    )
    return reason, f"{words} ({trouble.strerror or trouble})"
