"""Event Tracing for Windows: each frame an event of one provider.

The calls are made by ``_etw``, or by ``etw_ctypes`` where nothing is compiled.
"""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

from otel_etw.event import (
    ETW_LIMIT,
    ETW_LIMIT_64K_BUFFERS,
    ETW_LIMIT_MAXIMUM,
    EVENT_CHANNEL,
    EVENT_ID,
    EVENT_KEYWORD,
    EVENT_LEVEL,
    EVENT_SCHEMA,
    EVENT_VERSION,
)
from otel_etw.log import warn
from otel_etw.provider import Provider, parse_guid
from otel_etw.transports.arguments import whole_number
from otel_etw.transports.base import Delivery, Frames, Spec, Transport
from otel_etw.transports.etw_codes import explain
from otel_etw.transports.registry import WeakRegistry

if TYPE_CHECKING:
    from otel_etw.transports.etw_ctypes import Registration

_calls: Any
try:
    from otel_etw.transports import _etw as _calls
except ImportError:
    if sys.platform == "win32":
        from otel_etw.transports import etw_ctypes as _calls
    else:
        _calls = None

__all__ = ["CALLS", "ETWTransport"]

#: The module that calls ETW; None: there is no ETW here.
CALLS: str | None = _calls and _calls.__name__.rpartition(".")[2]


class ETWTransport(Transport):
    """Each frame one event of an ETW provider, by default the Rust crate's.

    Event 81, version 0, channel 11, level 4, keyword 1, in the form of TraceLogging; sessions
    enable the provider by its GUID. Enabled as long as a session takes such events: nobody
    listening costs an export two reads of memory. Any thread may send; ``close`` never waits for
    one that does. What is not closed is closed when the interpreter exits.

    Args:
        provider_name: 1 to 255 bytes of UTF-8; alone it gets the GUID that is its hash, as
            TraceLogging providers have.
        provider_guid: what sessions enable.
        limit: the most bytes of one event's payload, 1 to 65,360. Above 65,312 an event does not
            fit into the usual session, whose buffers have 64 KiB: there it is lost (a warning says
            so). The default leaves room for what a session may add to each event, such as stacks.

    Raises:
        TypeError, ValueError: an argument is wrong.
        RuntimeError: this is not Windows.
    """

    def __init__(
        self,
        *,
        provider_name: str | None = None,
        provider_guid: str | UUID | None = None,
        limit: int = ETW_LIMIT,
    ) -> None:
        self._limit = whole_number("limit", limit, 1, ETW_LIMIT_MAXIMUM)
        guid = parse_guid(provider_guid) if isinstance(provider_guid, str) else provider_guid
        self._provider = Provider.of(provider_name, guid)
        self._registration = _registered(self._provider)
        self._closed = False
        if limit > ETW_LIMIT_64K_BUFFERS:
            warn(
                "otel-etw: with limit=%d events above %d bytes are lost in sessions whose buffers "
                "have 64 KiB, the usual size",
                limit,
                ETW_LIMIT_64K_BUFFERS,
            )
        _alive.add(self)

    @classmethod
    def from_spec(cls, spec: Spec) -> ETWTransport:
        """``etw``: provider and limit are the exporter's."""
        spec.refuse_target()
        spec.integers()
        limit = ETW_LIMIT if spec.limit is None else spec.limit
        if limit > ETW_LIMIT_MAXIMUM:
            warn(
                "otel-etw: limit=%d is more than an event can carry, %d is used",
                limit,
                ETW_LIMIT_MAXIMUM,
            )
        return cls(
            provider_name=spec.provider.name,
            provider_guid=spec.provider.guid,
            limit=min(limit, ETW_LIMIT_MAXIMUM),
        )

    @property
    def provider(self) -> Provider:
        """Whose events these are."""
        return self._provider

    @property
    def limit(self) -> int:
        return self._limit

    @property
    def enabled(self) -> bool:
        # Closed is not disabled: what is exported then is lost, and counted.
        return self._closed or self._registration.enabled

    def send(self, frames: Frames) -> Delivery:
        lost, details = {}, {}
        for index, code in self._registration.send(frames):
            reason, detail = explain(code)
            lost[index] = reason
            details[reason] = detail
        return Delivery.of(frames, lost, details)

    def close(self) -> None:
        self._closed = True
        self._registration.close()
        _alive.remove(self)


def _registered(provider: Provider) -> Registration:
    if _calls is None:
        raise RuntimeError(
            f"{sys.platform} has no Event Tracing for Windows: use transport='auto', which exports "
            "only where it can, 'file:PATH', or in tests InMemoryTransport()"
        )
    registration: Registration = _calls.Registration(
        provider.guid.bytes_le,
        provider.traits,
        EVENT_SCHEMA,
        event_id=EVENT_ID,
        version=EVENT_VERSION,
        channel=EVENT_CHANNEL,
        level=EVENT_LEVEL,
        keyword=EVENT_KEYWORD,
    )
    if registration.register_error:
        warn(
            "otel-etw: ETW did not register provider %s (EventRegister: error %d), so no session "
            "can listen and nothing is exported",
            provider.guid,
            registration.register_error,
        )
    if registration.traits_error:
        warn(
            "otel-etw: ETW did not take the traits of provider %s (EventSetInformation: error %d), "
            "so its events go out without their name; readers that look at id and payload don't "
            "need it",
            provider.guid,
            registration.traits_error,
        )
    return registration


_alive: WeakRegistry[ETWTransport] = WeakRegistry()


@atexit.register
def _close_all() -> None:
    """Before the interpreter goes. The SDK's own shutdown, registered later, comes first."""
    for transport in _alive.alive():
        transport.close()
