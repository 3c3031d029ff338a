"""Transports take frames to where they are read. They know frames and the provider, no metrics.

``open`` turns a string into a transport: built-ins by name, others by the entry-point group
``otel_etw_transport``, whose entries are called with a `Spec` and return a `Transport`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from otel_etw.provider import DEFAULT_PROVIDER, Provider
from otel_etw.transports.arguments import shown
from otel_etw.transports.base import Delivery, Frames, Loss, Spec, Transport

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

__all__ = ["ENTRY_POINT_GROUP", "Delivery", "Frames", "Loss", "Spec", "Transport", "names", "open"]

ENTRY_POINT_GROUP = "otel_etw_transport"

_OPTIONS = r"\w+=[^&=]*(&\w+=[^&=]*)*"


def names() -> list[str]:
    """All names that ``open`` knows, built-in and installed."""
    return sorted({*_BUILT_IN, *_installed().names})


def parse(text: str, provider: Provider = DEFAULT_PROVIDER, limit: int | None = None) -> Spec:
    """``name``, ``name:target``, ``name:target?option=value&…`` → Spec.

    What follows the last ``?`` counts as options only when it has their form, so a path may
    have a question mark in it.
    """
    head, mark, tail = text.strip().rpartition("?")
    if mark and re.fullmatch(_OPTIONS, tail):
        options = dict(option.split("=") for option in tail.split("&"))
    else:
        head, options = text.strip(), {}
    name, _, target = head.partition(":")
    return Spec(name.strip().lower(), target, options, provider, limit)


def open(  # noqa: A001  (transports.open reads as what it is)
    text: str, *, provider: Provider = DEFAULT_PROVIDER, limit: int | None = None
) -> Transport:
    """The transport a string asks for.

    Raises `ValueError` for an unknown name, a bad target or option, and what the transport itself
    raises where it cannot be (``etw`` off Windows).
    """
    spec = parse(text, provider, limit)
    transport = _factory(spec.name)(spec)
    if not isinstance(transport, Transport):
        raise TypeError(
            f"the factory of transport {spec.name!r} returned {type(transport).__name__}, "
            "no otel_etw.Transport"
        )
    return transport


def _factory(name: str) -> Callable[[Spec], object]:
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    for entry in _installed().select(name=name):
        return entry.load()  # type: ignore[no-any-return]
    raise ValueError(f"no transport is called {shown(name)}; there are: {', '.join(names())}")


def _installed() -> EntryPoints:
    # Imported here: it costs more than all of ours together, and the built-in ones need none of it.
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINT_GROUP)


# The built-in transports. Each is imported when it is asked for, since a program that sends to ETW
# should not pay for the file transport; and by a statement, since programs that freeze others
# (PyInstaller, cx_Freeze, Nuitka) find modules by statements, not by strings.


def _open_auto(spec: Spec) -> Transport:
    from otel_etw.transports.auto import from_spec

    return from_spec(spec)


def _open_etw(spec: Spec) -> Transport:
    from otel_etw.transports.etw import ETWTransport

    return ETWTransport.from_spec(spec)


def _open_file(spec: Spec) -> Transport:
    from otel_etw.transports.file import FileTransport

    return FileTransport.from_spec(spec)


def _open_memory(spec: Spec) -> Transport:
    from otel_etw.transports.memory import InMemoryTransport

    return InMemoryTransport.from_spec(spec)


def _open_null(spec: Spec) -> Transport:
    from otel_etw.transports.null import NullTransport

    return NullTransport.from_spec(spec)


_BUILT_IN: dict[str, Callable[[Spec], Transport]] = {
    "auto": _open_auto,
    "etw": _open_etw,
    "file": _open_file,
    "memory": _open_memory,
    "null": _open_null,
}
