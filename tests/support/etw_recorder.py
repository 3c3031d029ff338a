"""ETW's functions replaced by ones that record each call, answer as told and play sessions.

The code under test stays as it is. On Windows the functions in the import table of the compiled
module are replaced; elsewhere the module is compiled against the headers in ``standin/``, whose
functions are pointers; and ``etw_ctypes`` is given other functions to call.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from tests.support.import_table import import_slots, overwrite

ALL_ONES = 2**64 - 1
DISABLE, ENABLE, CAPTURE_STATE = 0, 1, 2

U8, U32, U64, POINTER = ctypes.c_uint8, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
# A pointer's parameters are taken as numbers, and what is behind them read as bytes: a layout that
# is wrong in the product shall not be wrong here too.
SIGNATURES = {
    "EventRegister": (U32, POINTER, POINTER, POINTER, POINTER),
    "EventSetInformation": (U32, U64, U32, POINTER, U32),
    "EventProviderEnabled": (U8, U64, U8, U64),
    "EventWriteTransfer": (U32, U64, POINTER, POINTER, POINTER, U32, POINTER),
    "EventUnregister": (U32, U64),
}
PLACED_NATIVELY = tuple(name for name in SIGNATURES if name != "EventProviderEnabled")
ENABLE_CALLBACK = ctypes.CFUNCTYPE(None, POINTER, U32, U8, U64, U64, POINTER, POINTER)


@dataclass(frozen=True)
class Register:
    handle: int
    guid: bytes
    callback: int | None
    context: int | None


@dataclass(frozen=True)
class SetInformation:
    handle: int
    kind: int
    data: bytes


@dataclass(frozen=True)
class Write:
    handle: int
    descriptor: bytes
    activities: tuple[int | None, int | None]
    data: tuple[tuple[int, bytes], ...]  # of each data descriptor: Reserved, and its bytes

    @property
    def payload(self) -> bytes:
        return self.data[-1][1]


@dataclass(frozen=True)
class Unregister:
    handle: int


Call = Register | SetInformation | Write | Unregister


@dataclass(frozen=True)
class Session:
    """What a session asks of the provider."""

    level: int = 5
    any_mask: int = ALL_ONES
    all_mask: int = 0


class Recorder:
    """ETW, as far as a producer sees it.

    ``answers``: function → the code it returns, or an iterator of codes, one a call.
    ``faults``: what a real ETW would not forgive; a test ends with none.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, int | Iterator[int]] = {}
        self.faults: list[str] = []
        self.during_write: Callable[[], None] = lambda: None
        self.session: Session | None = None
        self._registered: dict[int, Register] = {}
        self._with_traits: set[int] = set()
        self._writing: dict[int, int] = {}
        self._turn = threading.Lock()
        self.functions = {
            name: ctypes.CFUNCTYPE(*SIGNATURES[name])(getattr(self, f"_{name}"))
            for name in SIGNATURES
        }
        _kept.append(self)

    # What tests ask ------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        return [type(call).__name__ for call in self.calls]

    @property
    def writes(self) -> list[Write]:
        return [call for call in self.calls if isinstance(call, Write)]

    @property
    def payloads(self) -> list[bytes]:
        return [write.payload for write in self.writes]

    @property
    def registered(self) -> set[int]:
        """Handles that are not given back."""
        return set(self._registered)

    # What tests do -------------------------------------------------------------------------------

    def start(self, level: int = 5, any_mask: int = ALL_ONES, all_mask: int = 0) -> None:
        """A session starts or changes: every provider is told, on another thread."""
        self.session = Session(level, any_mask, all_mask)
        self.play(ENABLE)

    def stop(self) -> None:
        self.session = None
        self.play(DISABLE)

    def play(self, code: int) -> None:
        thread = threading.Thread(
            target=lambda: [self._tell(each, code) for each in list(self._registered.values())]
        )
        thread.start()
        thread.join()

    def _tell(self, provider: Register, code: int) -> None:
        if provider.callback:
            session = self.session or Session(0, 0, 0)
            ENABLE_CALLBACK(provider.callback)(
                None,
                code,
                session.level,
                session.any_mask,
                session.all_mask,
                None,
                provider.context,
            )

    # What the product calls ----------------------------------------------------------------------

    def _answer(self, name: str) -> int:
        answer = self.answers.get(name, 0)
        return answer if isinstance(answer, int) else next(answer)

    def _EventRegister(
        self, guid: int, callback: int | None, context: int | None, handle: int
    ) -> int:
        if code := self._answer("EventRegister"):
            self.calls.append(Register(0, ctypes.string_at(guid, 16), callback, context))
            return code
        with self._turn:
            number = 0x0000_0777_0000_0001 + sum(isinstance(c, Register) for c in self.calls)
            call = Register(number, ctypes.string_at(guid, 16), callback, context)
            self.calls.append(call)
            self._registered[number] = call
            self._writing[number] = 0
        if self.session:
            self._tell(call, ENABLE)
        U64.from_address(handle).value = number
        return 0

    def _EventSetInformation(self, handle: int, kind: int, data: int, size: int) -> int:
        self._check(handle, "EventSetInformation")
        self.calls.append(SetInformation(handle, kind, ctypes.string_at(data, size)))
        code = self._answer("EventSetInformation")
        if not code:
            self._with_traits.add(handle)
        return code

    def _EventProviderEnabled(self, handle: int, level: int, keyword: int) -> int:
        self._check(handle, "EventProviderEnabled")
        session = self.session
        return int(
            session is not None
            and (session.level == 0 or level <= session.level)
            and (
                session.any_mask == 0
                or (
                    keyword & session.any_mask != 0
                    and keyword & session.all_mask == session.all_mask
                )
            )
        )

    def _EventWriteTransfer(
        self,
        handle: int,
        descriptor: int,
        activity: int | None,
        related: int | None,
        count: int,
        data: int,
    ) -> int:
        with self._turn:
            self._check(handle, "EventWriteTransfer")
            self._writing[handle] = self._writing.get(handle, 0) + 1
        try:
            parts = []
            for at in range(data, data + 16 * count, 16):
                pointer = U64.from_address(at).value
                size, reserved = U32.from_address(at + 8).value, U32.from_address(at + 12).value
                parts.append((reserved, ctypes.string_at(pointer, size)))
                if reserved and handle not in self._with_traits:
                    self.faults.append("a typed descriptor before the traits were set")
            self.calls.append(
                Write(handle, ctypes.string_at(descriptor, 16), (activity, related), tuple(parts))
            )
            self.during_write()
            return self._answer("EventWriteTransfer")
        finally:
            with self._turn:
                self._writing[handle] -= 1

    def _EventUnregister(self, handle: int) -> int:
        with self._turn:
            self._check(handle, "EventUnregister")
            if self._writing.get(handle):
                self.faults.append("EventUnregister beside EventWriteTransfer")
            self.calls.append(Unregister(handle))
            self._registered.pop(handle, None)
        return 0

    def _check(self, handle: int, name: str) -> None:
        if handle not in self._registered:
            self.faults.append(f"{name} with handle {handle:#x}, which is not registered")

    # Where the functions are put -----------------------------------------------------------------

    def for_ctypes(self, prototypes: Mapping[str, Sequence[Any]]) -> SimpleNamespace:
        """What stands in for `etw_ctypes.functions`: called as is declared there."""
        return SimpleNamespace(
            **{
                name: ctypes.CFUNCTYPE(*prototype)(self._address(name))
                for name, prototype in prototypes.items()
            }
        )

    def place(self, path: str) -> None:
        """In the compiled module at ``path``, which is loaded."""
        if sys.platform == "win32":
            self._place_in_import_table(path)
        else:
            self._place_in_standin(path)

    def _place_in_standin(self, path: str) -> None:
        library = ctypes.CDLL(path)
        for name in PLACED_NATIVELY:
            POINTER.in_dll(library, f"standin_{name}").value = self._address(name)

    def _place_in_import_table(self, path: str) -> None:
        slots = import_slots(path)
        assert {*PLACED_NATIVELY} <= {*slots}, f"{path} does not import {PLACED_NATIVELY}"
        for name in PLACED_NATIVELY:
            overwrite(slots[name], self._address(name))

    def _address(self, name: str) -> int:
        address = ctypes.cast(self.functions[name], POINTER).value
        assert address
        return address


# A provider that a failed test left open may call when its recorder is gone.
_kept: list[Recorder] = []
