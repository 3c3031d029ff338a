"""The import address table of a module that Windows has loaded (PE32+, Microsoft's PE format)."""

from __future__ import annotations

import ctypes
import sys

_U16, _U32, _U64 = ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64
_READ_WRITE = 0x04  # PAGE_READWRITE


def import_slots(path: str) -> dict[str, int]:
    """Name of each function that the module imports → address of its slot."""
    assert sys.platform == "win32"
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.GetModuleHandleW.restype = ctypes.c_void_p
    kernel.GetModuleHandleW.argtypes = (ctypes.c_wchar_p,)
    base = kernel.GetModuleHandleW(path)
    if not base:
        raise ctypes.WinError(ctypes.get_last_error())
    optional_header = base + _U32.from_address(base + 0x3C).value + 24
    assert _U16.from_address(optional_header).value == 0x20B, "no 64-bit module"
    descriptor = base + _U32.from_address(optional_header + 120).value  # directory 1: imports
    slots = {}
    while _U32.from_address(descriptor + 12).value:  # the name of a library
        names = base + _U32.from_address(descriptor).value
        slot = base + _U32.from_address(descriptor + 16).value
        while name := _U64.from_address(names).value:
            if not name >> 63:  # imported by name, not by number
                slots[ctypes.string_at(base + name + 2).decode()] = slot
            names, slot = names + 8, slot + 8
        descriptor += 20
    return slots


def overwrite(slot: int, address: int) -> None:
    assert sys.platform == "win32"
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.VirtualProtect.argtypes = (
        ctypes.c_void_p, ctypes.c_size_t, _U32, ctypes.POINTER(_U32),
    )  # fmt: skip
    before = _U32()
    if not kernel.VirtualProtect(slot, 8, _READ_WRITE, ctypes.byref(before)):
        raise ctypes.WinError(ctypes.get_last_error())
    _U64.from_address(slot).value = address
    kernel.VirtualProtect(slot, 8, before.value, ctypes.byref(before))
