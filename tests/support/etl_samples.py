"""What the real ETW logs of other people hold; counts are those that dissect.etl 3.14 finds too."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SAMPLES", "Sample"]


class Sample(NamedTuple):
    """What a file holds: records by kind, and facts of its session."""

    records: dict[str, int]
    build: int
    processors: int
    start: int
    """FILETIME."""
    lost_events: int = 0


SAMPLES = {
    "etlparser_lxcore_kernel.etl": Sample(
        {"system": 2, "event_header": 2}, 19041, 6, 132392018711387363
    ),
    "krabsetw_powershell.etl": Sample(
        {"system": 2, "event_header": 112}, 22623, 32, 133245763580175449
    ),
    "perfview_SelfDescribingSingleEvent.etl": Sample(
        {"system": 4, "full_header": 18, "event_header": 1}, 22000, 12, 132949636352722435
    ),
    "perfview_gcevents.etl": Sample(
        {"system": 2, "event_header": 69}, 19045, 8, 133232283966946549
    ),
    "perfview_primitive-types.etl": Sample(
        {"system": 2, "event_header": 5}, 19043, 8, 132756731728578510
    ),
    "s4_SIH.etl": Sample({"system": 2, "event_header": 10}, 22621, 1, 133266340443632943),
    "s4_WindowsUpdate.20251008.etl": Sample(
        {"system": 2, "event_header": 80}, 22631, 1, 134044309654479919, 41
    ),
    "s4_waasmedic.etl": Sample(
        {"system": 2, "perfinfo": 2, "event_header": 17}, 22631, 1, 134041374192015908
    ),
    "tx_HTTP_Server.etl": Sample({"system": 1, "event_header": 2041}, 7601, 4, 129402939974768585),
}
