"""The pure-Python twin of ``_etw.pyx``, for a Windows without compiled modules.

The same event through ctypes, slower: a copy and some microseconds a frame. Instead of an enable
callback, which ctypes could only run with the GIL, ETW is asked before each export.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from otel_etw.transports.base import Frames
from otel_etw.transports.etw_codes import CLOSED

__all__ = ["Registration"]

_SET_TRAITS = 2  # EVENT_INFO_CLASS: EventProviderSetTraits


class EventDescriptor(ctypes.Structure):
    """EVENT_DESCRIPTOR of evntprov.h."""

    Id: int
    Version: int
    Channel: int
    Level: int
    Opcode: int
    Task: int
    Keyword: int

    _fields_: ClassVar[Sequence[Any]] = (
        ("Id", ctypes.c_uint16),
        ("Version", ctypes.c_uint8),
        ("Channel", ctypes.c_uint8),
        ("Level", ctypes.c_uint8),
        ("Opcode", ctypes.c_uint8),
        ("Task", ctypes.c_uint16),
        ("Keyword", ctypes.c_uint64),
    )


class DataDescriptor(ctypes.Structure):
    """EVENT_DATA_DESCRIPTOR of evntprov.h; the low byte of Reserved is its type."""

    Ptr: int
    Size: int
    Reserved: int

    _fields_: ClassVar[Sequence[Any]] = (
        ("Ptr", ctypes.c_uint64),
        ("Size", ctypes.c_uint32),
        ("Reserved", ctypes.c_uint32),
    )

    @classmethod
    def of(cls, data: bytes, kind: int) -> DataDescriptor:
        """The caller keeps ``data``. Kinds: 0 user data, 1 event schema, 2 provider traits."""
        return cls(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value, len(data), kind)


# What Windows 8 and later have in advapi32.dll: name → result and parameters.
PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "EventRegister": (
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_uint64),
    ),
    "EventSetInformation": (
        ctypes.c_uint32,
        ctypes.c_uint64,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
    ),
    "EventProviderEnabled": (
        ctypes.c_uint8,
        ctypes.c_uint64,
        ctypes.c_uint8,
        ctypes.c_uint64,
    ),
    "EventWriteTransfer": (
        ctypes.c_uint32,
        ctypes.c_uint64,
        ctypes.POINTER(EventDescriptor),
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.POINTER(DataDescriptor),
    ),
    "EventUnregister": (ctypes.c_uint32, ctypes.c_uint64),
}


def functions() -> Any:
    """ETW's functions as attributes of one object."""
    if sys.platform != "win32":
        raise OSError(f"{sys.platform} has no advapi32.dll")
    library = ctypes.WinDLL("advapi32")
    for name, (result, *parameters) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = parameters
    return library


class Registration:
    """See ``_etw.Registration``: the same arguments, attributes and results."""

    def __init__(
        self,
        guid: bytes,
        traits: bytes,
        schema: bytes,
        *,
        event_id: int,
        version: int,
        channel: int,
        level: int,
        keyword: int,
    ) -> None:
        self._functions = functions()
        self._traits, self._schema = traits, schema
        self._event = EventDescriptor(event_id, version, channel, level, 0, 0, keyword)
        # Those that write now, and the handle until somebody unregisters it. Both change in single
        # steps, so nobody waits for anybody: neither a thread nor a signal handler.
        self._writing: dict[object, bool] = {}
        self._registered: list[ctypes.c_uint64] = []
        self._handle = ctypes.c_uint64()
        self.traits_error = 0
        self.register_error = self._functions.EventRegister(
            guid, None, None, ctypes.byref(self._handle)
        )
        self._open = not self.register_error
        if self._open:
            self._registered.append(self._handle)
            self.traits_error = self._functions.EventSetInformation(
                self._handle, _SET_TRAITS, traits, len(traits)
            )
        if self.traits_error:
            self._event.Channel = 0

    def __del__(self) -> None:
        if getattr(self, "_registered", None):
            self.close()

    @property
    def enabled(self) -> bool:
        return self._open and bool(
            self._functions.EventProviderEnabled(
                self._handle, self._event.Level, self._event.Keyword
            )
        )

    def send(self, frames: Frames) -> list[tuple[int, int]]:
        failed = []
        call = object()
        try:
            self._writing[call] = True
            for index, frame in enumerate(frames):
                code = self._write(bytes(frame)) if self._open else CLOSED
                if code:
                    failed.append((index, code))
        finally:
            self._writing.pop(call, None)
            self._unregister_if_closed()
        return failed

    def _write(self, frame: bytes) -> int:
        data = [DataDescriptor.of(frame, 0)]
        if not self.traits_error:
            data[:0] = DataDescriptor.of(self._traits, 2), DataDescriptor.of(self._schema, 1)
        return int(
            self._functions.EventWriteTransfer(
                self._handle,
                self._event,
                None,
                None,
                len(data),
                (DataDescriptor * len(data))(*data),
            )
        )

    def close(self) -> None:
        self._open = False
        self._unregister_if_closed()

    def _unregister_if_closed(self) -> None:
        """Once, and not beside a call that writes: the last of them does it."""
        if not self._open and not self._writing:
            try:
                handle = self._registered.pop()
            except IndexError:
                return
            self._functions.EventUnregister(handle)
