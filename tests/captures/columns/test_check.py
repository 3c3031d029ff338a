"""A request is taken exactly where protobuf's own parser takes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_etw.captures.columns.check import check_request as check_by_protobuf
from tests.support.capture_files import request
from tests.support.protobuf_parser import IS_THE_PARSER
from tests.support.wire_requests import WireRequests, delimited, varint

Check = Callable[..., bool]
DESCRIPTORS = Default()

LONG = os.environ.get("OTEL_ETW_LONG") == "1"


@pytest.fixture(params=["compiled", "protobuf"])
def check(request: pytest.FixtureRequest) -> Check:
    if request.param == "protobuf":
        return check_by_protobuf
    if not find_spec("otel_etw.captures.columns._check"):
        pytest.skip("the check is not compiled here")
    from otel_etw.captures.columns._check import check_request

    return check_request


def verdict(check: Check, data: bytes) -> bool | None:
    """Whether metrics are in it; None when it is refused."""
    try:
        return check(data)
    except ValueError:
        return None


def by_protobuf(data: bytes) -> bool | None:
    message = ExportMetricsServiceRequest()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return any(scope.metrics for each in message.resource_metrics for scope in each.scope_metrics)


def text(data: bytes) -> bytes:
    """As the schema URL of a ResourceMetrics."""
    return delimited(1, delimited(3, data))


def buckets(data: bytes) -> bytes:
    """As the positive buckets of an exponential histogram."""
    return delimited(1, delimited(2, delimited(2, delimited(10, delimited(1, delimited(8, data))))))


def histogram(data: bytes) -> bytes:
    """As the point of a histogram."""
    return delimited(1, delimited(2, delimited(2, delimited(9, delimited(1, data)))))


def arrays(depth: int, innermost: bytes = b"") -> bytes:
    """Values that lie in one another, ``depth`` messages below the request, of which it is one."""
    data = innermost
    for level in range(depth - 4):
        data = delimited(1 if (depth - level) % 2 == 0 else 5, data)
    return delimited(1, delimited(1, delimited(1, delimited(2, data))))


def groups(depth: int) -> bytes:
    return b"\x7b" * depth + b"\x7c" * depth


SOUND = {
    "nothing": b"",
    "an unknown field": b"\x78\0",
    "the largest field number": varint((2**29 - 1) << 3) + b"\0",
    "a tag of 5 bytes": varint(0x78, 5) + b"\0",
    "a known tag of 5 bytes": varint(0x0A, 5) + b"\0",
    "a length of 5 bytes": b"\x0a" + varint(0, 5),
    "a varint of 10 bytes": b"\x78" + varint(0, 10),
    "a varint of more than 64 bits": b"\x78" + b"\xff" * 9 + b"\x7f",
    "a known field as a group": b"\x0b\x0c",
    "known text as a number": delimited(1, b"\x18\1"),
    "what is no text in an unknown field": b"\x7a\1\xff",
    "what is no text in an unknown group": delimited(1, b"\x7b\x1a\1\xff\x7c"),
    "field number 0 in a group": b"\x7b\0\0\x7c",
    "100 groups": groups(100),
    "100 messages": arrays(100),
    "100 messages and groups": arrays(96, groups(4)),
    "text of four-byte characters": text("😀".encode() * 5),
    "the largest character": text(b"\xf4\x8f\xbf\xbf"),
    "a NUL": text(b"\0"),
    "a packed list": histogram(delimited(6, bytes(16))),
    "a list that is not packed": histogram(b"\x31" + bytes(8)),
    "a list of other numbers": histogram(b"\x30\1"),
    "a packed list of varints": buckets(delimited(2, b"\1\x80\1" + b"\xff" * 9 + b"\x7f")),
    "varints that are not packed": buckets(b"\x10\1"),
    "a number as bytes": histogram(delimited(2, b"123")),
}
BROKEN = {
    "field number 0": b"\0\0",
    "a long field number 0": b"\x80\0\0",
    "field number 0 of a group": b"\x03\x04",
    "a field number that is too large": varint(2**29 << 3) + b"\0",
    "a tag of more than 32 bits": b"\xf8\xff\xff\xff\x7f\0",
    "a tag of 6 bytes": varint(0x78, 6) + b"\0",
    "a length of 6 bytes": b"\x0a" + varint(0, 6),
    "a length of 2 GiB": b"\x7a" + varint(2**31),
    "a length of 4 GiB": b"\x7a" + varint(2**32),
    "a varint of 11 bytes": b"\x78" + varint(0, 11),
    "wire type 6": b"\x7e\0",
    "wire type 7": b"\x7f\0",
    "wire type 6 in a group": b"\x7b\x7e\x7c",
    "a torn tag": b"\x80",
    "a torn varint": b"\x78\x80",
    "a missing value": b"\x78",
    "a missing length": b"\x7a",
    "a torn 64-bit number": b"\x79" + bytes(7),
    "a torn 32-bit number": b"\x7d" + bytes(3),
    "a length behind the end": b"\x7a\5abc",
    "a length behind the end of its message": delimited(1, b"\x7a\5ab") + b"\x7a\4aaaa",
    "a varint across the end of its message": delimited(1, b"\x78\x80") + b"\1\0",
    "the end of no group": b"\x7c",
    "the end of another group": b"\x7b\x74",
    "a group without end": b"\x7b",
    "a group that ends in its message's parent": delimited(1, b"\x7b") + b"\x7c",
    "a group's end across the message's": delimited(1, b"\x8b\1\x8c") + b"\1",
    "the end of a group as a message's": delimited(1, b"\x0c"),
    "101 groups": groups(101),
    "101 messages": arrays(101),
    "101 messages and groups": arrays(96, groups(5)),
    "half a packed number": histogram(delimited(6, bytes(9))),
    "half a packed varint": buckets(delimited(2, b"\1\x80")),
    "half a packed varint, then a field": buckets(delimited(2, b"\1\x80") + b"\x08\1"),
    "a packed varint of 11 bytes": buckets(delimited(2, b"\1" + varint(1, 11))),
    **{
        f"no UTF-8: {data.hex()}": text(data)
        for data in (
            *(b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xe2\x82"),
            *(b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff"),
            *(b"\xe2\x28\xa1", b"\xe2\x82(", b"\xf0\x9f\x98(", b"12345678\xc3"),
        )
    },
}


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_what_protobuf_takes_is_taken(check: Check, data: bytes) -> None:
    if IS_THE_PARSER:
        assert by_protobuf(data) is not None
    if IS_THE_PARSER or check is not check_by_protobuf:
        assert verdict(check, data) is not None


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_protobuf_refuses_is_refused(check: Check, data: bytes) -> None:
    if IS_THE_PARSER:
        assert by_protobuf(data) is None
    if IS_THE_PARSER or check is not check_by_protobuf:
        with pytest.raises(ValueError, match=r"^its protobuf is broken"):
            check(data)


def places(
    message: Descriptor, path: tuple[int, ...], found: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """The field numbers that lead to each field of text, of each message the first time."""
    for field in message.fields:
        if field.full_name not in found:
            found[field.full_name] = (*path, field.number)
            if field.message_type:
                places(field.message_type, (*path, field.number), found)
    return found


TEXTS = {
    name: path
    for name, path in places(ExportMetricsServiceRequest.DESCRIPTOR, (), {}).items()
    if DESCRIPTORS.FindFieldByName(name).type == FieldDescriptor.TYPE_STRING
}


@pytest.mark.parametrize("path", TEXTS.values(), ids=TEXTS)
def test_text_of_every_field_is_utf8(check: Check, path: tuple[int, ...]) -> None:
    def of(data: bytes) -> bytes:
        for number in reversed(path):
            data = delimited(number, data)
        return data

    assert verdict(check, of(b"text")) is not None
    assert verdict(check, of(b"\xff")) is None


@pytest.mark.parametrize("size", range(40))
def test_text_of_every_length_is_looked_at_everywhere(check: Check, size: int) -> None:
    for at in range(size):
        data = bytearray(b"a" * size)
        data[at] = 0x80
        for behind in (b"", b"\x7a\x08" + bytes(8)):
            assert verdict(check, text(bytes(data)) + behind) is None
    assert verdict(check, text(b"a" * size)) is False


@pytest.mark.parametrize("size", range(40))
def test_packed_varints_are_looked_at_everywhere(check: Check, size: int) -> None:
    for at in range(size):
        for length in (10, 11):
            data = bytes(at) + varint(1, length) + bytes(size - at)
            expected = None if length == 11 else True
            assert verdict(check, buckets(delimited(2, data))) is expected


def test_it_says_whether_metrics_are_in_it(check: Check) -> None:
    assert check(request().SerializeToString())
    assert not check(b"")
    assert not check(delimited(1, delimited(2, b"")))
    assert check(delimited(1, delimited(2, delimited(2, b""))))


def test_a_part_of_a_buffer_is_looked_at(check: Check) -> None:
    data = request().SerializeToString()
    for buffer in (bytearray, memoryview):
        around = buffer(b"\xff" + data + b"\xff")
        assert check(around, 1, 1 + len(data))
        assert verdict(lambda at: check(at, 1), around) is None  # type: ignore[arg-type]


def test_a_place_that_is_none_is_an_error() -> None:
    check_request = pytest.importorskip(
        "otel_etw.captures.columns._check", reason="the check is not compiled here"
    ).check_request
    for start, end in ((-1, 1), (2, 1), (0, 4)):
        with pytest.raises(IndexError, match=f"no bytes from {start} to {end}"):
            check_request(b"\x78\0\0", start, end)


@pytest.mark.skipif(not IS_THE_PARSER, reason="older than upb of protobuf 7.34")
@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize("faults", [0.003, 0.0008, 0.0002])
def test_random_requests_get_protobufs_own_verdict(check: Check, faults: float) -> None:
    requests = WireRequests(seed=20, faults=faults)
    taken = 0
    count = 120_000 if LONG else 1_500
    for _ in range(count):
        data = requests.give()
        expected = by_protobuf(data)
        taken += expected is not None
        assert verdict(check, data) is expected, data.hex()
    # Both verdicts are tested: the more faults the less is taken.
    assert 0.2 * count < taken < 0.99 * count
