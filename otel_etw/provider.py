"""An ETW provider: its name, and the GUID by which sessions enable it."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple
from uuid import UUID

__all__ = ["DEFAULT_PROVIDER", "Provider", "parse_guid"]

# The name space that hashes provider names, from TraceLogging's and EventSource's name rule.
_NAME_SPACE = UUID("482c2db2-c390-47c8-87f8-1a15bfc130fb")


class _NameAndGUID(NamedTuple):
    name: str
    guid: UUID


class Provider(_NameAndGUID):
    """An ETW provider: the name in its traits and the GUID that sessions enable."""

    __slots__ = ()

    def __new__(cls, name: str, guid: UUID) -> Provider:
        size = len(name.encode(errors="surrogatepass"))
        surrogates = size != len(name.encode(errors="ignore"))
        if not 1 <= size <= 255 or surrogates or "\0" in name:
            raise ValueError(
                f"provider name {name[:40]!r}: it needs 1 to 255 bytes of UTF-8 without NUL"
            )
        return super().__new__(cls, name, guid)

    @classmethod
    def of(cls, name: str | None, guid: UUID | None) -> Provider:
        """What is not given is `DEFAULT_PROVIDER`'s, but a name alone gets the GUID that is its
        hash."""
        if name is None:
            return DEFAULT_PROVIDER if guid is None else cls(DEFAULT_PROVIDER.name, guid)
        return cls.named(name) if guid is None else cls(name, guid)

    @property
    def traits(self) -> bytes:
        """What EventSetInformation takes as EventProviderSetTraits: size, name, no traits."""
        name = self.name.encode() + b"\0"
        return struct.pack("<H", 2 + len(name)) + name

    @classmethod
    def named(cls, name: str) -> Provider:
        """The provider whose GUID is the TraceLogging hash of its name.

        The rule of TraceLogging and EventSource: SHA-1 over a name space and the upper-cased
        name in UTF-16 big-endian, first 16 bytes, version nibble 5. It is what
        ``tracelog -guid *Name`` and PerfView's ``*Name`` compute.

        Upper-cased as .NET's ToUpperInvariant does, character by character: "ß" stays. Other
        implementations treat letters beyond ASCII in their own ways (the Rust crate tracelogging
        writes "SS"), so a provider with such a name is better given its GUID explicitly.
        """
        # Imported here: it loads OpenSSL, and most programs have the default provider.
        import hashlib

        hashed = _NAME_SPACE.bytes + _upper_invariant(name).encode("utf-16-be")
        digest = bytearray(hashlib.sha1(hashed, usedforsecurity=False).digest()[:16])
        digest[7] = (digest[7] & 0x0F) | 0x50
        return cls(name, UUID(bytes_le=bytes(digest)))


def _upper_invariant(name: str) -> str:
    """Upper case as .NET's ToUpperInvariant: Unicode's simple mapping, one UTF-16 unit to one."""
    return name.upper() if name.isascii() else "".join(map(_simple_upper, name))


def _simple_upper(character: str) -> str:
    if character.isascii():
        return character.upper()
    # Of the 27 Greek letters with iota subscript, upper() is two characters and title() is the
    # simple mapping. No letter becomes an ASCII one (dotless i), none of two units changes.
    for mapped in (character.upper(), character.title()):
        if len(mapped) == 1 and not mapped.isascii() and character <= "\uffff":
            return mapped
    return character


def parse_guid(text: str) -> UUID:
    """A GUID with or without braces and dashes; ValueError otherwise."""
    if not re.fullmatch(
        r"\{?[0-9A-Fa-f]{8}(-?)([0-9A-Fa-f]{4}\1){3}[0-9A-Fa-f]{12}\}?", text.strip()
    ):
        raise ValueError("it is no GUID: write it as EDC24920-E004-40F6-A8E1-0E6E48F39D84")
    return UUID(text.strip())


# The GUID is not the hash of the name (that would be d17eb321-aa07-5386-10bd-50726dcb5b23):
# sessions enable it by GUID.
DEFAULT_PROVIDER = Provider(
    "NativeMetricsExtension_Provider", UUID("edc24920-e004-40f6-a8e1-0e6e48f39d84")
)
