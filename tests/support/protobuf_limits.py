"""What the official encoder refuses because of upb, for where protobuf is pure Python.

Which data the official encoder accepts is partly protobuf's doing, and our promise is made for upb,
protobuf's usual implementation. The one in pure Python differs in the ways below. It is there where
protobuf has no binary, as for free-threaded Python, and with
``PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python``. `oracle.official` makes up for the differences,
`read_back` for the last one.
"""

from __future__ import annotations

import dataclasses
import struct
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from google.protobuf.internal import api_implementation
from opentelemetry.exporter.otlp.proto.common import _internal

from otel_etw.encoding.otlp import TEMPORALITIES
from tests.support.odd_values import MODEL, fresh

PURE_PROTOBUF = api_implementation.Type() == "python"


CHILDREN = ("resource_metrics", "scope_metrics", "metrics", "data", "data_points")


class Refused(Exception):
    """upb would raise."""


# 1. Pure protobuf knows no limit of depth. upb raises for a value of more than 100 levels of
# messages, which the official encoder turns into a dropped attribute, and for a request of more
# than 101, which loses the export.
DEEPEST_VALUE, DEEPEST_REQUEST = 100, 101


def depth(message: Any) -> int:
    """Levels of messages below this one."""
    below = 0
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if hasattr(value, "add") else [value]:
                below = max(below, 1 + depth(one))
    return below


if PURE_PROTOBUF:
    _encode_key_value = _internal._encode_key_value

    def _limited(key: str, value: Any) -> Any:
        made = _encode_key_value(key, value)
        if depth(made.value) > DEEPEST_VALUE:
            raise Refused
        return made

    _internal._encode_key_value = _limited


def check_depth(request: Any) -> None:
    if PURE_PROTOBUF and depth(request) > DEEPEST_REQUEST:
        raise Refused


def as_upb_takes(given: Any) -> Any:
    """A copy with new generators, in the form in which upb and pure protobuf read the same."""
    return _as_upb_takes(fresh(given)) if PURE_PROTOBUF else fresh(given)


def _as_upb_takes(given: Any) -> Any:
    if type(given) in (list, tuple, deque):
        return type(given)([_as_upb_takes(each) for each in given])
    if isinstance(given, Iterator):
        return map(_as_upb_takes, given)
    if type(given) not in MODEL:
        return given
    values = {f.name: getattr(given, f.name) for f in dataclasses.fields(given)}
    values |= {name: _as_upb_takes(values[name]) for name in CHILDREN if name in values}
    # 2. The name of an enum's value, which upb takes for the value.
    name = values.get("aggregation_temporality")
    if isinstance(name, str) and name in TEMPORALITIES:
        values["aggregation_temporality"] = TEMPORALITIES[name]
    # 3. An integer beyond 64 bits for a bool, at which upb raises.
    truth = values.get("is_monotonic")
    if isinstance(truth, int) and not -(2**63) <= truth < 2**63 and values["data_points"]:
        raise Refused
    # 4. numpy's bool for a double, which pure protobuf refuses.
    for field in ("value", "sum", "min", "max"):
        if isinstance(values.get(field), np.bool_):
            values[field] = float(values[field])
    bounds = values.get("explicit_bounds")
    if type(bounds) in (list, tuple):
        doubles = [float(each) if isinstance(each, np.bool_) else each for each in bounds]
        values["explicit_bounds"] = doubles
    return dataclasses.replace(given, **values)


def read_back(frame: bytes, nans: list[float]) -> bytes:
    """A frame as the parser keeps it. 5. Pure protobuf reads every NaN as the one of `float`."""
    if PURE_PROTOBUF:
        for nan in nans:
            frame = frame.replace(struct.pack("<d", nan), struct.pack("<d", float("nan")))
    return frame
