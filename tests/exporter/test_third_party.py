"""Transports from other distributions, found by their entry points."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from otel_etw import ETWMetricExporter, Transport, transports
from otel_etw.provider import DEFAULT_PROVIDER, Provider
from otel_etw.transports import Spec
from tests.support.exports import some
from tests.support.transport_doubles import SYSTEMS_OWN

from .conftest import Warnings

MODULE = """
from otel_etw import Delivery, Transport


class Pigeon(Transport):
    def __init__(self, spec):
        self.spec = spec
        self.flights = 0

    def send(self, frames):
        self.flights += len(frames)
        return Delivery.of(frames)


def grounded(spec):
    raise RuntimeError("there are no pigeons here; use transport='file:PATH'")


def nothing(spec):
    return None
"""
ENTRIES = """
[otel_etw_transport]
pigeon = third_party_pigeon:Pigeon
grounded = third_party_pigeon:grounded
nothing = third_party_pigeon:nothing
"""


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "third_party_pigeon.py").write_text(MODULE)
    about = tmp_path / "third_party_pigeon-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party-pigeon\nVersion: 1.0")
    (about / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(tmp_path)


def spec_of(transport: Transport) -> Spec:
    spec = transport.spec  # type: ignore[attr-defined]
    assert isinstance(spec, Spec)
    return spec


def test_one_is_asked_for_by_name_and_sent_to() -> None:
    exporter = ETWMetricExporter("pigeon:roof?speed=5")
    assert exporter.export(some(3)) is MetricExportResult.SUCCESS
    assert exporter.transport.flights == 1  # type: ignore[attr-defined]
    assert spec_of(exporter.transport) == Spec("pigeon", "roof", {"speed": "5"})


def test_it_is_told_the_provider_and_the_limit() -> None:
    exporter = ETWMetricExporter("pigeon", provider_name="Mine", limit=5000)
    assert spec_of(exporter.transport).provider == Provider.named("Mine")
    assert spec_of(exporter.transport).limit == 5000


@pytest.mark.parametrize(
    ("name", "guid", "provider"),
    [
        (None, None, DEFAULT_PROVIDER),
        (None, "{edc24920-e004-40f6-a8e1-0e6e48f39d84}", DEFAULT_PROVIDER),
        ("Mine", "0" * 32, Provider("Mine", UUID(int=0))),
    ],
)
def test_the_provider_comes_from_variables_too(
    monkeypatch: pytest.MonkeyPatch, name: str | None, guid: str | None, provider: Provider
) -> None:
    for variable, value in (("TRANSPORT", "pigeon"), ("PROVIDER_NAME", name), ("LIMIT", "77")):
        if value:
            monkeypatch.setenv(f"OTEL_EXPORTER_ETW_{variable}", value)
    if guid:
        monkeypatch.setenv("OTEL_EXPORTER_ETW_PROVIDER_GUID", guid)
    spec = spec_of(ETWMetricExporter().transport)
    assert (spec.provider, spec.limit) == (provider, 77)


def test_one_that_cannot_be_here_raises_when_code_asks_for_it() -> None:
    with pytest.raises(RuntimeError, match="there are no pigeons here; use"):
        ETWMetricExporter("grounded")


@pytest.mark.parametrize(
    ("name", "words"),
    [("grounded", "there are no pigeons here; use"), ("nothing", "'nothing' returned NoneType")],
)
def test_one_that_cannot_be_here_is_ignored_when_a_variable_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings, name: str, words: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_ETW_TRANSPORT", name)
    assert isinstance(ETWMetricExporter().transport, SYSTEMS_OWN)
    warning = warnings()[0]
    assert warning.startswith(f"OTEL_EXPORTER_ETW_TRANSPORT='{name}' is ignored: ")
    assert words in warning


def test_a_factory_that_returns_no_transport_is_named() -> None:
    with pytest.raises(TypeError, match=r"'nothing' returned NoneType, no otel_etw\.Transport"):
        ETWMetricExporter("nothing")


def test_it_stands_among_the_names(monkeypatch: pytest.MonkeyPatch, warnings: Warnings) -> None:
    assert "pigeon" in transports.names()
    monkeypatch.setenv("OTEL_EXPORTER_ETW_TRANSPORT", "pidgin")
    ETWMetricExporter()
    assert "pigeon" in warnings()[0]
