"""The GUID that a provider's name hashes to."""

from __future__ import annotations

import hashlib
from uuid import UUID

import pytest

from otel_etw.provider import Provider

NAME_SPACE = bytes.fromhex("482c2db2c39047c887f81a15bfc130fb")


def of_hash(upper: str) -> UUID:
    digest = bytearray(hashlib.sha1(NAME_SPACE + upper.encode("utf-16-be")).digest()[:16])
    digest[7] = digest[7] & 0x0F | 0x50
    return UUID(bytes_le=bytes(digest))


@pytest.mark.parametrize(
    ("name", "guid"),
    [
        # From the documentation of the Rust crate tracelogging, Guid::from_name.
        ("MyProvider", "b3864c38-4273-58c5-545b-8b3608343471"),
        # .NET's own event sources, as their documentation lists them.
        ("System.Runtime", "49592c0f-5a05-516d-aa4b-a64e02026c89"),
        ("NativeMetricsExtension_Provider", "d17eb321-aa07-5386-10bd-50726dcb5b23"),
    ],
)
def test_known_guids(name: str, guid: str) -> None:
    assert Provider.named(name).guid == UUID(guid)
    assert Provider.named(name.lower()).guid == UUID(guid)


@pytest.mark.parametrize(
    ("name", "upper"),
    [
        ("stra\u00dfe", "STRA\u00dfE"),  # no simple upper case; Python's is SS
        ("\ufb01x", "\ufb01X"),  # the ligature fi
        ("\u00e9t\u00e9", "\u00c9T\u00c9"),
        ("\u00ff\u00b5", "\u0178\u039c"),
        ("\u1fb3\u1f80", "\u1fbc\u1f88"),  # Greek with iota subscript
        ("\u01c5\u01c6", "\u01c4\u01c4"),  # title case has an upper case of its own
        ("\u0131\u017f", "\u0131\u017f"),  # dotless i and long s become no ASCII letters
        ("\U00010428", "\U00010428"),  # two UTF-16 units
    ],
    ids=ascii,
)
def test_upper_case_is_that_of_dotnet(name: str, upper: str) -> None:
    """Character by character: the name and its upper case have the same length."""
    assert Provider.named(name).guid == of_hash(upper)


def test_every_name_keeps_its_length() -> None:
    from otel_etw.provider import _upper_invariant

    every = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x11_000)]))
    assert len(_upper_invariant(every)) == len(every)
