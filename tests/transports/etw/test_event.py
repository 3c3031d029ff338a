"""What ETW is given: the calls of a life cycle and every byte of them."""

from __future__ import annotations

from types import ModuleType
from uuid import UUID

import pytest

from otel_etw import ETWMetricExporter, ETWTransport
from otel_etw.provider import Provider
from otel_etw.transports import etw_ctypes
from tests.support.etw_recorder import Recorder, Register, SetInformation, Unregister, Write
from tests.support.otlp_files import batch, frame

# From the recording of the Rust crate.
GUID = bytes.fromhex("2049c2ed04e0f640a8e10e6e48f39d84")
TRAITS = b"\x22\x00NativeMetricsExtension_Provider\0"
SCHEMA = b"\x10\x00\x00otlp_metrics\0"
EVENT = bytes.fromhex("5100000b040000000100000000000000")
SET_TRAITS = 2


def test_a_life_cycle_call_by_call(recorder: Recorder) -> None:
    recorder.start()
    transport = ETWTransport()
    frames = [frame(1, 1), frame(1, 2, 3_000), b""]
    delivery = transport.send(batch(*frames))
    transport.close()
    assert (delivery.taken, delivery.losses) == (3, ())
    handle = next(call.handle for call in recorder.calls if isinstance(call, Register))
    registered, *calls = recorder.calls
    assert isinstance(registered, Register)
    assert registered.guid == GUID
    assert calls == [
        SetInformation(handle, SET_TRAITS, TRAITS),
        *(
            Write(handle, EVENT, (None, None), ((2, TRAITS), (1, SCHEMA), (0, payload)))
            for payload in frames
        ),
        Unregister(handle),
    ]


def test_only_compiled_code_has_a_callback(recorder: Recorder, calls: ModuleType) -> None:
    """One in Python would need the interpreter on a thread of ETW's."""
    ETWTransport()
    call, *_ = recorder.calls
    assert isinstance(call, Register)
    assert (call.callback is not None, call.context is not None) == (calls is not etw_ctypes,) * 2


def test_the_limit_goes_through_byte_for_byte(recorder: Recorder) -> None:
    recorder.start()
    largest = bytes(range(256)) * 255 + bytes(80)
    assert len(largest) == 65_360
    ETWTransport(limit=65_360).send(batch(largest))
    assert recorder.payloads == [largest]


@pytest.mark.parametrize(
    ("arguments", "provider"),
    [
        (
            {"provider_name": "MyCompany.Metrics"},
            Provider.named("MyCompany.Metrics"),
        ),
        (
            {"provider_guid": "{00112233-4455-6677-8899-aabbccddeeff}"},
            Provider(
                "NativeMetricsExtension_Provider", UUID("00112233-4455-6677-8899-aabbccddeeff")
            ),
        ),
        (
            {"provider_name": "Größe", "provider_guid": "00112233-4455-6677-8899-aabbccddeeff"},
            Provider("Größe", UUID("00112233-4455-6677-8899-aabbccddeeff")),
        ),
    ],
)
def test_a_provider_of_one_s_own(
    recorder: Recorder, arguments: dict[str, str], provider: Provider
) -> None:
    recorder.start()
    transport = ETWTransport(**arguments)
    transport.send(batch(frame(1, 1)))
    assert transport.provider == provider
    registered, information, write = recorder.calls
    traits = provider.name.encode() + b"\0"
    traits = (len(traits) + 2).to_bytes(2, "little") + traits
    assert isinstance(registered, Register)
    assert isinstance(information, SetInformation)
    assert isinstance(write, Write)
    assert registered.guid == provider.guid.bytes_le
    assert information.data == traits
    assert write.data[:2] == ((2, traits), (1, SCHEMA))


def test_provider_and_limit_are_the_exporter_s(recorder: Recorder) -> None:
    exporter = ETWMetricExporter("etw", provider_name="MyCompany.Metrics", limit=5_000)
    transport = exporter.transport
    assert isinstance(transport, ETWTransport)
    assert transport.provider == Provider.named("MyCompany.Metrics")
    assert transport.limit == 5_000
    exporter.shutdown()
    assert recorder.names == ["Register", "SetInformation", "Unregister"]


@pytest.mark.parametrize("encoder", ["frames", "_frames"])
def test_frames_of_both_encoders_are_taken(recorder: Recorder, encoder: str) -> None:
    module = pytest.importorskip(f"otel_etw.encoding.{encoder}", reason="nothing is compiled here")
    recorder.start()
    delivery = ETWTransport().send(module.Frames([frame(1, 1), frame(1, 2)], [1, 4]))
    assert (delivery.taken, delivery.points) == (2, 5)
    assert recorder.payloads == [frame(1, 1), frame(1, 2)]
