"""Arguments of transports: what is refused, said the same way everywhere."""

from __future__ import annotations

__all__ = ["shown", "whole_number"]


def shown(value: object) -> str:
    """A value in a message: its beginning, when it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def whole_number(name: str, value: object, least: int, most: int | None = None) -> int:
    """``value`` when it is an int within the bounds; TypeError or ValueError otherwise."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}={shown(value)} must be a whole number, not {type(value).__name__}")
    if value < least or (most is not None and value > most):
        allowed = f"from {least:,} to {most:,}" if most is not None else f"{least:,} or more"
        raise ValueError(f"{name}={value} is out of range: it may be {allowed}")
    return value
