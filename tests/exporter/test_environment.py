"""Environment variables: precedence, and what a wrong one is answered."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

from otel_etw import ETWMetricExporter, InMemoryTransport
from otel_etw.provider import DEFAULT_PROVIDER, Provider
from otel_etw.settings import TEMPORALITIES, VARIABLES, Settings
from tests.support.transport_doubles import SYSTEMS_OWN

from .conftest import Warnings
from .test_settings import GUID, NUMBERS, REFUSED, SECRET

OWN = "OTEL_EXPORTER_ETW_"
OTLP = "OTEL_EXPORTER_OTLP_METRICS_"
MEMORY = InMemoryTransport()


@pytest.mark.parametrize(
    ("variable", "text", "field", "expected"),
    [
        ("TRANSPORT", "memory", "transport", "memory"),
        ("LIMIT", " 5000 ", "limit", 5000),
        ("MAX_POINTS_PER_EVENT", "1", "max_points_per_event", 1),
        ("PROVIDER_NAME", "Mine", "provider", Provider.named("Mine")),
        ("PROVIDER_GUID", str(GUID), "provider", Provider(DEFAULT_PROVIDER.name, GUID)),
        ("TEMPORALITY_PREFERENCE", "CUMULATIVE", "temporality", TEMPORALITIES["cumulative"]),
        ("ATTRIBUTES", "a=1,b=%C3%A9", "attributes", {"a": "1", "b": "é"}),
    ],
)
def test_each_argument_may_come_from_its_variable(
    monkeypatch: pytest.MonkeyPatch,
    warnings: Warnings,
    variable: str,
    text: str,
    field: str,
    expected: Any,
) -> None:
    monkeypatch.setenv(OWN + variable, text)
    assert getattr(Settings(), field) == expected
    assert warnings() == []


def test_the_histogram_aggregation_may_come_from_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{OWN}DEFAULT_HISTOGRAM_AGGREGATION", "BASE2_EXPONENTIAL_BUCKET_HISTOGRAM")
    aggregation = Settings().aggregation
    assert {type(a) for a in aggregation.values()} == {ExponentialBucketHistogramAggregation}
    assert set(aggregation) == {Histogram}


def test_the_account_may_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OWN}ACCOUNT", "A")
    monkeypatch.setenv(f"{OWN}NAMESPACE", "N")
    assert Settings().resource_attributes == {
        "_microsoft_metrics_account": "A",
        "_microsoft_metrics_namespace": "N",
    }
    assert Settings(namespace="M").resource_attributes["_microsoft_metrics_namespace"] == "M"


@pytest.mark.parametrize("blank", ["", "   "])
def test_a_blank_variable_is_not_set(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings, blank: str
) -> None:
    for variables in VARIABLES.values():
        for variable in variables:
            monkeypatch.setenv(variable, blank)
    assert vars(Settings()) == vars(Settings(transport="auto"))
    assert Settings().limit is None
    assert warnings() == []


@pytest.mark.parametrize(
    ("argument", "own", "otlp", "chosen"),
    [
        (None, None, None, "delta"),
        (None, None, "lowmemory", "lowmemory"),
        (None, "cumulative", "lowmemory", "cumulative"),
        ("delta", "cumulative", "lowmemory", "delta"),
        (None, "", "CUMULATIVE", "cumulative"),
    ],
)
def test_an_argument_beats_the_own_variable_and_that_the_otlp_variable(
    monkeypatch: pytest.MonkeyPatch,
    argument: str | None,
    own: str | None,
    otlp: str | None,
    chosen: str,
) -> None:
    for prefix, value in ((OWN, own), (OTLP, otlp)):
        if value is not None:
            monkeypatch.setenv(f"{prefix}TEMPORALITY_PREFERENCE", value)
    settings = Settings(temporality_preference=argument)
    assert settings.temporality == TEMPORALITIES[chosen]


@pytest.mark.parametrize(
    ("argument", "own", "otlp", "exponential"),
    [
        (None, None, "base2_exponential_bucket_histogram", True),
        (None, "explicit_bucket_histogram", "base2_exponential_bucket_histogram", False),
        ("base2_exponential_bucket_histogram", "explicit_bucket_histogram", None, True),
    ],
)
def test_so_it_is_with_the_histogram_aggregation(
    monkeypatch: pytest.MonkeyPatch,
    argument: str | None,
    own: str | None,
    otlp: str | None,
    exponential: bool,
) -> None:
    for prefix, value in ((OWN, own), (OTLP, otlp)):
        if value is not None:
            monkeypatch.setenv(f"{prefix}DEFAULT_HISTOGRAM_AGGREGATION", value)
    aggregation = Settings(default_histogram_aggregation=argument).aggregation[Histogram]
    assert isinstance(aggregation, ExponentialBucketHistogramAggregation) is exponential


# What an environment can hold: text without NUL, and blank is not set.
WRONG_TEXTS = [
    (argument, value, words)
    for argument, value, words in REFUSED
    if argument in VARIABLES and isinstance(value, str) and value.strip() and "\0" not in value
]


@pytest.mark.parametrize(("argument", "text", "words"), WRONG_TEXTS)
def test_a_wrong_variable_is_warned_about_and_ignored(
    monkeypatch: pytest.MonkeyPatch,
    warnings: Warnings,
    argument: str,
    text: str,
    words: list[str],
) -> None:
    expected = Settings()
    variable = VARIABLES[argument][0]
    monkeypatch.setenv(variable, text.replace("\ud800", "\udcff"))
    settings = Settings()
    exporter = ETWMetricExporter(MEMORY if argument != "transport" else None)
    if argument == "transport":
        assert isinstance(exporter.transport, SYSTEMS_OWN)
    else:
        assert vars(settings) == vars(expected)
    warning = next(line for line in warnings() if line.startswith(f"{variable}="))
    assert "is ignored" in warning
    words = [word.replace(r"\ud800", r"\udcff") for word in words]
    assert [word for word in words if word not in warning] == []


def test_a_wrong_own_variable_leaves_the_word_to_the_otlp_variable(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings
) -> None:
    monkeypatch.setenv(f"{OWN}TEMPORALITY_PREFERENCE", "fast")
    monkeypatch.setenv(f"{OTLP}TEMPORALITY_PREFERENCE", "cumulative")
    assert Settings().temporality == TEMPORALITIES["cumulative"]
    assert len(warnings()) == 1


def test_a_wrong_otlp_variable_leaves_the_default(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings
) -> None:
    monkeypatch.setenv(f"{OTLP}TEMPORALITY_PREFERENCE", "fast")
    assert Settings().temporality == TEMPORALITIES["delta"]
    (warning,) = warnings()
    assert warning.startswith(f"{OTLP}TEMPORALITY_PREFERENCE='fast'")
    assert "delta, cumulative, lowmemory" in warning


def test_a_wrong_variable_says_nothing_when_an_argument_is_given(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings
) -> None:
    monkeypatch.setenv(f"{OWN}LIMIT", "lots")
    assert Settings(limit=7).limit == 7
    assert warnings() == []


def test_an_unknown_transport_in_the_variable_falls_back_to_auto(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings
) -> None:
    monkeypatch.setenv(f"{OWN}TRANSPORT", "carrier_pigeon")
    assert isinstance(ETWMetricExporter().transport, SYSTEMS_OWN)
    warning = warnings()[0]
    assert warning.startswith(f"{OWN}TRANSPORT='carrier_pigeon' is ignored")
    assert "auto, etw, file, memory, null" in warning


@pytest.mark.parametrize("variable", ["ACCOUNT", "NAMESPACE"])
def test_an_account_without_a_namespace_in_variables_is_ignored(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings, variable: str
) -> None:
    monkeypatch.setenv(OWN + variable, "x")
    assert Settings().resource_attributes == {}
    (warning,) = warnings()
    assert warning.startswith(f"{OWN}{variable} is given without")
    assert "ignored" in warning


@pytest.mark.parametrize("argument", ["attributes", "account", "namespace"])
def test_text_that_is_no_unicode_in_a_variable_is_ignored(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings, argument: str
) -> None:
    monkeypatch.setenv(f"{OWN}ACCOUNT", "A")
    monkeypatch.setenv(f"{OWN}NAMESPACE", "N")
    monkeypatch.setenv(f"{OWN}{argument.upper()}", "key=\udcff")
    ETWMetricExporter(MEMORY)
    assert any(line.startswith(f"{OWN}{argument.upper()}") for line in warnings())


# Any text is a good account and namespace.
@pytest.mark.parametrize("argument", sorted(set(VARIABLES) - {"account", "namespace"}))
def test_a_huge_wrong_text_is_shortened_in_the_warning(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings, argument: str
) -> None:
    text = {"provider_guid": "z", "attributes": "no pair "}.get(argument, "x") * 3000 + SECRET
    monkeypatch.setenv(VARIABLES[argument][0], text)
    ETWMetricExporter(None if argument == "transport" else MEMORY)
    lines = [line for line in warnings() if line.startswith(VARIABLES[argument][0])]
    assert len(lines) == 1
    assert len(lines[0]) < 400
    assert SECRET not in lines[0]


def test_a_good_number_is_not_taken_for_a_wrong_one(
    monkeypatch: pytest.MonkeyPatch, warnings: Warnings
) -> None:
    monkeypatch.setenv(f"{OWN}LIMIT", str(2**31 - 1))
    assert Settings().limit == 2**31 - 1
    monkeypatch.setenv(f"{OWN}LIMIT", str(2**31))
    assert Settings().limit is None
    assert NUMBERS in warnings()[0]
