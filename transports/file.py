"""Frames to a file: length-prefixed protobuf or OTLP JSON Lines, as the Collector has them."""

from __future__ import annotations

import os
from pathlib import Path

from otel_etw.limits import FRAME_MAXIMUM
from otel_etw.transports.arguments import whole_number
from otel_etw.transports.base import Delivery, Frames, Spec, Transport
from otel_etw.transports.file_append import Appender
from otel_etw.transports.file_formats import FORMATS, Piece, Unwritable
from otel_etw.transports.locks import ForkSafeLock

__all__ = ["FileTransport"]


class FileTransport(Transport):
    """Appends frames to the file at ``path``; several processes may share it.

    ``format``: ``"proto"``, each frame behind its length in 4 bytes, big-endian (what the
    Collector's file exporter writes with ``format: proto``), or ``"jsonl"``, one OTLP JSON object
    a line (what its ``otlpjsonfile`` receiver reads; needs the extra ``otel-etw[proto]``). By
    default what the suffix says: ``.jsonl`` and ``.json`` are lines, everything else protobuf.

    ``limit``: the most bytes of one frame of protobuf, 1 MiB by default and 128 KiB for lines,
    since readers take lines below 1 MiB and JSON is up to seven times as long. A line that gets
    longer all the same is lost.

    ``max_bytes``: a file that would grow beyond is renamed to ``<stem>-<UTC>-size<suffix>`` and
    a new one begun; a batch is divided for it if need be, a frame never. Of the files so set
    aside the newest ``backups`` are kept. None: no rotation, and nothing is ever removed.

    Each batch is one write in append mode to a file opened for it, so nothing is held between
    two batches: forks, removed folders and rotation by others do no harm. A batch is in the
    system's hands when ``send`` returns (no fsync). Folders are made when missing; files are
    private to the user (0600). A file that ends inside a frame, since a writer was killed, is
    renamed to ``<stem>-<UTC>-torn<suffix>`` (protobuf) or its last line is ended (lines). A file
    that holds something else is left alone.

    Processes take turns by an advisory lock. Who does not get it within 50 ms appends without
    and does not rotate; only where that could damage a frame (behind one that isn't whole, and
    on Windows) it waits up to a second, then the batch is lost.

    Whatever the system refuses is told by the `Delivery`, and the next batch tries anew.
    TypeError and ValueError for arguments that can't be meant; the disk is not touched before
    the first ``send``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,  # noqa: A002  (the Collector's word for it)
        limit: int | None = None,
        max_bytes: int | None = None,
        backups: int = 10,
    ) -> None:
        self._path = _checked(path)
        if format is None:
            format = "jsonl" if self._path.suffix.lower() in (".jsonl", ".json") else "proto"  # noqa: A001
        if format not in list(FORMATS):
            raise ValueError(f"format={format!r} must be one of {', '.join(map(repr, FORMATS))}")
        if max_bytes is not None:
            whole_number("max_bytes", max_bytes, 1)
        self._form = FORMATS[format]()
        self._limit = (
            self._form.limit if limit is None else whole_number("limit", limit, 1, FRAME_MAXIMUM)
        )
        self._file = Appender(
            self._path, self._form, max_bytes, whole_number("backups", backups, 0)
        )
        self._turn = ForkSafeLock()
        self._closed = False

    @classmethod
    def from_spec(cls, spec: Spec) -> FileTransport:
        """``file:PATH?format=…&limit=…&max_bytes=…&backups=…``; a leading ``~`` is the home."""
        if not spec.target:
            raise ValueError(f"transport {spec.name!r} needs a path: {spec.name}:metrics.pb")
        options = dict(spec.options)
        chosen = options.pop("format", None)
        numbers = spec._replace(options=options).integers("format", "limit", "max_bytes", "backups")
        return cls(
            os.path.expanduser(spec.target),  # noqa: PTH111  (Path's raises without a home)
            format=chosen,
            limit=numbers.pop("limit", spec.limit),
            **numbers,
        )

    @property
    def path(self) -> Path:
        """Where frames go, absolute."""
        return self._path

    @property
    def limit(self) -> int:
        return self._limit

    def send(self, frames: Frames) -> Delivery:
        if self._closed:
            return Delivery.nothing(frames, "closed", "the transport was closed")
        pieces: list[Piece] = []
        indices: list[int] = []
        lost: dict[int, str] = {}
        details: dict[str, str] = {}
        for index, frame in enumerate(frames):
            try:
                pieces.append(self._form.piece(frame))
                indices.append(index)
            except Unwritable as error:
                lost[index] = error.reason
                details[error.reason] = f"{self._path}: {error}"
        with self._turn.lock:
            done, trouble = self._file.append(pieces)
        if trouble:
            reason, details[reason] = trouble
            lost.update(dict.fromkeys(indices[done:], reason))
        return Delivery.of(frames, lost, details)

    def close(self) -> None:
        self._closed = True


def _checked(path: str | os.PathLike[str]) -> Path:
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
    try:
        return Path(text).absolute()
    except OSError:
        return Path(text)  # the working folder is gone; the first send says what that means
