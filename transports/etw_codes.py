"""The codes that ETW refuses events with: reasons that losses are counted under, and sentences."""

from __future__ import annotations

from otel_etw.event import ETW_LIMIT

__all__ = ["CLOSED", "CODES", "explain"]

CLOSED = -1
"""In place of a code: the frame came after ``close``, and ETW was not called."""

# EventWriteTransfer's code → its name in winerror.h, and what to do. A code may come from one of
# several sessions while the others got the event: so nothing is ever sent again.
CODES = {
    6: ("ERROR_INVALID_HANDLE", "ETW does not know the registration any more"),
    8: (
        "ERROR_NOT_ENOUGH_MEMORY",
        "a session had no free buffer; give it more or larger ones (logman -nb, -bs)",
    ),
    87: ("ERROR_INVALID_PARAMETER", "ETW refuses the event's form; please report it"),
    234: (
        "ERROR_MORE_DATA",
        f"the event is larger than a session's buffers; give it buffers of 64 KiB or more "
        f"(logman -bs), or the exporter a lower limit, {ETW_LIMIT:,} bytes or less",
    ),
    534: (
        "ERROR_ARITHMETIC_OVERFLOW",
        f"with what a session adds the event is larger than 64 KiB; lower the exporter's limit, "
        f"to {ETW_LIMIT:,} bytes or less",
    ),
    1450: (
        "ERROR_NO_SYSTEM_RESOURCES",
        "Windows had no memory for the event; give the session more buffers (logman -nb)",
    ),
    1502: (
        "ERROR_LOG_FILE_FULL",
        "a session's file is full; let it be circular or larger (logman -f bincirc, -max)",
    ),
}


def explain(code: int) -> tuple[str, str]:
    """The reason a frame is counted under and a sentence one can act on."""
    if code == CLOSED:
        return "closed", "the transport was closed"
    name, advice = CODES.get(code, ("", "an error that ETW does not document"))
    return (
        name.removeprefix("ERROR_").lower() or f"windows_error_{code}",
        f"EventWriteTransfer: {name or 'error'} ({code}): {advice}",
    )
