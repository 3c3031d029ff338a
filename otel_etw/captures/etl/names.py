"""What providers, events and programs are called, as far as a file says or everybody knows.

A TraceLogging event brings its own name and its provider's, in two of its extended items; the
kernel names the programs of processes, in records of its process group (Process_TypeGroup1 of
"Process Class", Event Tracing, learn.microsoft.com). Names of manifest events stand in manifests,
which files do not have.
"""

from __future__ import annotations

from struct import Struct
from uuid import UUID

from otel_etw.event import EVENT_ID, EVENT_NAME
from otel_etw.provider import DEFAULT_PROVIDER

__all__ = [
    "EVENT_NAMES",
    "PROCESS_GROUP",
    "PROCESS_OPCODES",
    "PROVIDER_NAMES",
    "event_names",
    "program",
]

PROVIDER_NAMES = {
    DEFAULT_PROVIDER.guid: DEFAULT_PROVIDER.name,
    **{
        UUID(guid): name
        for guid, name in {
            "68fdd900-4a3e-11d1-84f4-0000f80464e3": "MSNT_SystemTrace",
            "6a399ae0-4bc6-4de9-870b-3657f8947e7e": "RT_LostEvent",
            # Groups of the kernel: MSNT_SystemTrace is above them.
            "3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c": "Process (kernel)",
            "3d6fa8d1-fe05-11d0-9dda-00c04fd7ba7c": "Thread (kernel)",
            "3d6fa8d3-fe05-11d0-9dda-00c04fd7ba7c": "PageFault (kernel)",
            "3d6fa8d4-fe05-11d0-9dda-00c04fd7ba7c": "DiskIo (kernel)",
            "2cb15d1d-5fc1-11d2-abe1-00a0c911f518": "Image (kernel)",
            "90cbdc39-4a3e-11d1-84f4-0000f80464e3": "FileIo (kernel)",
            "9a280ac0-c8e0-11d1-84e2-00c04fb998a2": "TcpIp (kernel)",
            "bf3a50c5-a9c9-4988-a005-2df0b7c80f80": "UdpIp (kernel)",
            "ae53722e-c863-11d2-8659-00c04fa321a1": "Registry (kernel)",
            "ce1dbfb4-137e-4da6-87b0-3f59aa102cbc": "PerfInfo (kernel)",
            "def2fe46-7bd6-4b80-bd94-f57fe20d0ce3": "StackWalk (kernel)",
            "22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716": "Microsoft-Windows-Kernel-Process",
            "b675ec37-bdb6-4648-bc92-f3fdc74d3ca2": "Microsoft-Windows-Kernel-EventTracing",
            "e13c0d23-ccbc-4e12-931b-d9cc2eee27e4": "Microsoft-Windows-DotNETRuntime",
            "a669021c-c450-4609-a035-5af59af4df18": "Microsoft-Windows-DotNETRuntimeRundown",
            "dd5ef90a-6398-47a4-ad34-4dcecdef795f": "Microsoft-Windows-HttpService",
            "a0c1853b-5c40-4b15-8766-3cf1c58f985a": "Microsoft-Windows-PowerShell",
        }.items()
    },
}
"""Names of providers that many files have."""

EVENT_NAMES = {(DEFAULT_PROVIDER.guid, EVENT_ID): EVENT_NAME}
"""Names of events by provider and id."""

PROCESS_GROUP = 3
PROCESS_OPCODES = (1, 2, 3, 4)
"""A process began or ended, or was there when the session began or ended."""

_LONGEST = 255  # characters of a name
_SCHEMA, _TRAITS = 11, 12  # EVENT_HEADER_EXT_TYPE_EVENT_SCHEMA_TL, …_PROV_TRAITS
_EVENT_HEADER = 0x50
_ITEM = Struct("<HHHH")
_ID = Struct("<24x16sH")

_SYSTEM_HEADER = 0x20
_BITS_32 = 0x01
_SYSTEM = Struct("<HB")  # version and type
_UINT32 = Struct("<I")


def event_names(record: bytes) -> tuple[UUID, int, str, str]:
    """Provider, id, the provider's name and the event's of a whole record with extended items.

    Names that it does not have are empty; so is the event's where the id is 0, which events of many
    names have.
    """
    guid, event_id = _ID.unpack_from(record)
    texts = {_TRAITS: "", _SCHEMA: ""}
    at = _EVENT_HEADER
    while len(record) - at >= _ITEM.size:
        total, kind, linkage, length = _ITEM.unpack_from(record, at)
        if not _ITEM.size + length <= total <= len(record) - at:
            break
        if kind in texts:
            data = record[at + _ITEM.size : at + _ITEM.size + length]
            texts[kind] = _terminated(data, 2 if kind == _TRAITS else _behind_tags(data))
        at += (total + 7) & ~7
        if not linkage & 1:
            break
    return UUID(bytes_le=guid), event_id, texts[_TRAITS], texts[_SCHEMA] if event_id else ""


def _behind_tags(schema: bytes) -> int:
    """Where the name stands: behind the size and tags, whose last byte has no high bit."""
    at = 2
    while at < len(schema) and schema[at] & 0x80:
        at += 1
    return at + 1


def program(record: bytes) -> tuple[int, str] | None:
    """Process id and the name of its program, of a whole system record of the process group; None
    where it does not have both."""
    version, kind = _SYSTEM.unpack_from(record)
    pointer = 4 if kind == _BITS_32 else 8
    # Counters that a session may add to the header.
    at = _SYSTEM_HEADER + 8 * (version >> 8 & 7) + 8 * (version >> 15)
    version &= 0xFF
    if version < 1:
        return None
    # UniqueProcessKey, ProcessId, ParentId, SessionId, ExitStatus, DirectoryTableBase, Flags.
    user_at = at + pointer + 16 + (pointer if version >= 3 else 0) + (4 if version >= 4 else 0)
    # A SID as TOKEN_USER, two pointers, and SID; or four zeros.
    if len(record) < user_at + 4:
        return None
    name_at = user_at + 4
    if _UINT32.unpack_from(record, user_at)[0]:
        sid_at = user_at + 2 * pointer
        if len(record) < sid_at + 2:
            return None
        name_at = sid_at + 8 + 4 * record[sid_at + 1]
    name = _terminated(record, name_at)
    (process,) = _UINT32.unpack_from(record, at + pointer)
    return (process, name) if name else None


def _terminated(data: bytes, start: int) -> str:
    """The text that ends with a NUL; empty without one."""
    end = data.find(b"\0", start)
    return data[start:end].decode("utf-8", "replace")[:_LONGEST] if end >= 0 else ""
