"""Frames to a file: length-prefixed protobuf or OTLP JSON Lines, as the Collector has them."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic as _monotonic

from otel_etw.limits import FRAME_MAXIMUM
from otel_etw.log import warn
from otel_etw.transports.arguments import whole_number
from otel_etw.transports.base import Delivery, Frames, Spec, Transport
from otel_etw.transports.call_guard import BUSY, REENTRANT, CallGuard, Refusal
from otel_etw.transports.file_append import Appender, Outcome
from otel_etw.transports.file_formats import FILE_FORMATS, Record
from otel_etw.transports.file_path import absolute_path, path_from_target
from otel_etw.transports.file_troubles import Refused

__all__ = ["FileTransport"]

# Seconds between two log lines about the same thing.
_QUIET = 60.0

# Seconds to wait for other threads' batches: at first, and after that was in vain, until a turn
# comes. There is no queue: one of many threads that write without a pause may wait long.
_PATIENCE, _SHORT_PATIENCE = 10.0, 0.05
_REFUSALS = {
    BUSY: "another thread is writing to it",
    REENTRANT: "send was called by a signal handler amid send",
}


class FileTransport(Transport):
    """Appends frames to the file at ``path``; several processes may share it.

    Each batch is one write in append mode to a file opened for it, so nothing is held between
    two batches: forks, removed folders and rotation by others do no harm. A batch is in the
    system's hands when ``send`` returns (no fsync). Folders are made when missing; files are
    private to the user (0600). A file that holds something else is left alone.

    Processes take turns by an advisory lock. A batch whose turn does not come within a second is
    lost, and the next ones wait only 50 ms until one is written; on a file system without locks
    there are no turns. Threads that share a transport wait for each other ten seconds at most. A
    signal handler that sends while its own thread does is refused.

    A file that ends inside a frame, since a writer was killed, is quarantined, that is renamed to
    ``<stem>-<UTC>-torn<suffix>`` (protobuf), or its last line is ended (lines). How a file of
    others ends is searched for a quarter of a second, enough for some 200 MB; a larger one is
    rotated.

    Whatever the system refuses is told by the `Delivery`, and the next batch tries again. What an
    operator should know though nothing is lost (a file was quarantined, or can't be rotated) is
    logged by the logger ``otel_etw``, at most once a minute. The disk is not touched before the
    first ``send``.

    Args:
        path: where to write; made absolute.
        format: ``"proto"``, each frame behind its length in 4 bytes, big-endian (what the
            Collector's file exporter writes with ``format: proto``), or ``"jsonl"``, one OTLP JSON
            object a line (what its ``otlpjsonfile`` receiver reads; needs the extra
            ``otel-etw[proto]``). By default what the suffix says: ``.jsonl`` and ``.json`` are
            lines, everything else protobuf.
        limit: the most bytes of one frame of protobuf, 1 to 67,108,863 (64 MiB, what readers take).
            By default 1,048,576 (1 MiB), and 131,072 (128 KiB) for lines: readers take lines below
            1 MiB, and JSON is up to seven times as long. A line that gets longer all the same is
            lost; an exporter's limit above 131,072 is lowered for lines, one in the spec is not.
        max_bytes: a file that would grow beyond it is rotated, that is renamed to
            ``<stem>-<UTC>-size<suffix>``, and a new one begun; a batch is divided for it if need
            be, a frame never. None: nothing is rotated for its size or removed. Whatever this is, a
            file is rotated to which a new process cannot append within a quarter of a second, since
            it is too large to be searched for a torn end.
        backups: with ``max_bytes``, how many of the rotated and quarantined files are kept, the
            newest. Their names are in order even when the clock was set back.

    Raises:
        TypeError, ValueError: an argument is wrong; also for a relative path when the working
            folder is gone.
        ImportError: lines without the extra ``otel-etw[proto]``.
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
        self._path = absolute_path(path)
        if format is None:
            format = "jsonl" if self._path.suffix.lower() in (".jsonl", ".json") else "proto"  # noqa: A001
        if format not in list(FILE_FORMATS):
            known = ", ".join(map(repr, FILE_FORMATS))
            raise ValueError(f"format={format!r} must be one of {known}")
        if max_bytes is not None:
            whole_number("max_bytes", max_bytes, 1)
        self._format = FILE_FORMATS[format]()
        self._limit = (
            self._format.limit if limit is None else whole_number("limit", limit, 1, FRAME_MAXIMUM)
        )
        self._file = Appender(
            str(self._path), self._format, max_bytes, whole_number("backups", backups, 0)
        )
        self._guard = CallGuard()
        self._patience = _PATIENCE
        self._logged: dict[str, float] = {}
        self._closed = False

    @classmethod
    def from_spec(cls, spec: Spec) -> FileTransport:
        """``file:PATH?format=…&limit=…&max_bytes=…&backups=…``, or a file URL in place of
        ``file:PATH``. In a path a leading ``~`` is the home.

        The exporter's limit is used unless there is one here, and lowered to what readers take.
        """
        if not spec.target:
            raise ValueError(f"transport {spec.name!r} needs a path: {spec.name}:metrics.pb")
        options = dict(spec.options)
        chosen = options.pop("format", None)
        numbers = spec._replace(options=options).integers("format", "limit", "max_bytes", "backups")
        transport = cls(path_from_target(spec.target), format=chosen, **numbers)
        if "limit" not in numbers and spec.limit is not None:
            transport._limit = min(spec.limit, transport._format.safe_limit)
            if transport._limit < spec.limit:
                warn(
                    "otel-etw: limit=%d is more than readers of such files take, %d is used",
                    spec.limit,
                    transport._limit,
                )
        return transport

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
        records: list[Record] = []
        indices: list[int] = []
        lost: dict[int, str] = {}
        details: dict[str, str] = {}
        for index, frame in enumerate(frames):
            try:
                records.append(self._format.record(frame))
                indices.append(index)
            except Refused as error:
                lost[index] = error.reason
                details[error.reason] = f"{self._path}: {error}"
        if records:
            outcome = self._append(records)
            if outcome.trouble:
                reason, details[reason] = outcome.trouble
                lost.update(dict.fromkeys(indices[outcome.written :], reason))
            if outcome.notices:
                self._log(outcome.notices)
        return Delivery.of(frames, lost, details)

    def _append(self, records: list[Record]) -> Outcome:
        """What the `Appender` says when it is this call's turn."""
        outcome = self._guard.run(self._patience, self._file.append, records)
        if not isinstance(outcome, Refusal):
            self._patience = _PATIENCE
            return outcome
        if outcome is BUSY:
            self._patience = _SHORT_PATIENCE
        words = _REFUSALS[outcome]
        return Outcome(0, (outcome.reason, f"{self._path}: {words}"), {})

    def _log(self, notices: dict[str, str]) -> None:
        """Outside the guard: a log handler is other people's code, and may raise or send."""
        now = _monotonic()
        for kind, sentence in notices.items():
            said = self._logged.get(kind)
            if said is None or now - said >= _QUIET:
                self._logged[kind] = now
                warn("otel-etw: %s (said at most once in %d s)", sentence, _QUIET)

    def close(self) -> None:
        self._closed = True
