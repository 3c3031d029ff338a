"""What the header of a log says about the session that wrote it (TRACE_LOGFILE_HEADER)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLOCKS", "MODES", "Session"]

CLOCKS = {
    1: "performance counter",
    2: "system time",
    3: "CPU cycles",
}
"""Clock type of the header → its name."""

MODES = {
    0x1: "sequential",
    0x2: "circular",
    0x4: "append",
    0x8: "new file",
    0x20: "preallocated",
    0x80: "secure",
    0x100: "real time",
    0x400: "buffering",
    0x800: "private",
    0x2000: "sizes in KB",
    0x4000: "global sequence",
    0x8000: "local sequence",
    0x1_0000: "relogged",
    0x2_0000: "private in process",
    0x100_0000: "paged memory",
    0x200_0000: "system logger",
    0x400_0000: "compressed",
    0x800_0000: "independent",
    0x1000_0000: "no buffers per processor",
}
"""Bit of the log file mode → its meaning (evntrace.h, "Logging Mode Constants")."""

_CIRCULAR, _NEW_FILE = 0x2, 0x8

# Bytes before the payload in our event: EVENT_HEADER 80, traits 48, schema 24; before it 72 of the
# buffer's header.
_BEFORE_PAYLOAD = 72 + 80 + 48 + 24
# Payloads may have up to 65,360 bytes. Buffers of more than this lose no event for its size.
_LARGE_BUFFER = 64 << 10


@dataclass(frozen=True, slots=True)
class Session:
    """The facts of one session. Times are ns since 1970, UTC; sizes are bytes."""

    name: str
    file_name: str
    """The path that the session wrote to, on its own machine."""
    system_version: str
    """Version of Windows, such as ``10.0``."""
    build: int
    """Build of Windows, such as 22631."""
    processors: int
    pointer_size: int
    """4 on a 32-bit system, 8 on a 64-bit one."""
    buffer_size: int
    """Bytes of one buffer; no event may be larger."""
    mode: int
    """Log file mode, bits of `MODES`."""
    maximum_file_size: int
    """0: no limit."""
    start: int
    end: int | None
    """None: the session was running, or had crashed, when the file was read."""
    clock: int
    """What events' times are read from, a key of `CLOCKS`."""
    ticks_per_second: int
    """Of that clock."""
    utc_bias: int
    """Minutes to add to the local standard time of that machine to get UTC."""
    time_zone: str
    """That machine's time zone as Windows names it, often by a resource: @tzres.dll,-112"""
    lost_events: int
    lost_buffers: int
    buffers_written: int
    """As the header says: 1 or less in an unfinished file."""

    @property
    def clock_name(self) -> str:
        return CLOCKS.get(self.clock, f"unknown ({self.clock})")

    @property
    def mode_names(self) -> list[str]:
        """What the bits of the mode mean; a bit without a name stands as a hexadecimal number."""
        bits = [1 << bit for bit in range(32) if self.mode >> bit & 1]
        return [MODES.get(bit, f"{bit:#x}") for bit in bits]

    @property
    def is_circular(self) -> bool:
        return bool(self.mode & _CIRCULAR)

    @property
    def is_one_of_several_files(self) -> bool:
        """Whether the session goes on in a new file when this one is full."""
        return bool(self.mode & _NEW_FILE)

    @property
    def lost_events_cause(self) -> str:
        """The likely cause of lost events; empty when none were lost."""
        if not self.lost_events:
            return ""
        if 0 < self.buffer_size <= _LARGE_BUFFER:
            return (
                f"its buffers have {self.buffer_size:,} bytes, which hold no payload of more than"
                f" {max(0, self.buffer_size - _BEFORE_PAYLOAD):,}: record with larger ones"
                " (logman: -bs 1024), or with more where all were full (-nb 64 256)"
            )
        return "events came faster than buffers were written: record with more (logman: -nb 64 256)"

    @property
    def lost_buffers_cause(self) -> str:
        """The likely cause of lost buffers; empty when none were lost."""
        if not self.lost_buffers:
            return ""
        return "they could not be written to the file, such as to a slow or full disk"
