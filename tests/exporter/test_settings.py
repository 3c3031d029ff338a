"""Arguments: what each becomes, and what a wrong one is answered."""

from __future__ import annotations

import datetime
import inspect
import math
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import opentelemetry.metrics
import pytest
from opentelemetry.sdk.metrics import Counter, Histogram, UpDownCounter, _Gauge
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    SumAggregation,
)

from otel_etw import ETWMetricExporter, InMemoryTransport
from otel_etw.provider import DEFAULT_PROVIDER, Provider
from otel_etw.settings import TEMPORALITIES, VARIABLES, Settings

DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
GUID = UUID("12345678-9abc-def0-1234-56789abcdef0")
NUMBERS = "a whole number from 1 to 2,147,483,647"
SECRET = "hunter2"
MEMORY = InMemoryTransport()


def test_without_arguments_all_is_at_its_default() -> None:
    settings = Settings()
    assert settings.transport == "auto"
    assert settings.provider is DEFAULT_PROVIDER
    assert (settings.limit, settings.max_points_per_event) == (None, None)
    assert settings.temporality == TEMPORALITIES["delta"]
    assert settings.aggregation == {}
    assert settings.attributes == settings.resource_attributes == {}


@pytest.mark.parametrize(
    ("arguments", "field", "expected"),
    [
        ({"transport": " memory "}, "transport", "memory"),
        ({"transport": MEMORY}, "transport", MEMORY),
        ({"limit": 1}, "limit", 1),
        ({"limit": "61440"}, "limit", 61_440),
        ({"limit": 2**31 - 1}, "limit", 2**31 - 1),
        ({"max_points_per_event": 1}, "max_points_per_event", 1),
        ({"max_points_per_event": "1"}, "max_points_per_event", 1),
        ({"provider_guid": GUID}, "provider", Provider(DEFAULT_PROVIDER.name, GUID)),
        ({"provider_guid": str(GUID).upper()}, "provider", Provider(DEFAULT_PROVIDER.name, GUID)),
        ({"provider_guid": f"{{{GUID}}}"}, "provider", Provider(DEFAULT_PROVIDER.name, GUID)),
        ({"provider_guid": GUID.hex}, "provider", Provider(DEFAULT_PROVIDER.name, GUID)),
        ({"provider_name": " Mine "}, "provider", Provider.named("Mine")),
        ({"provider_name": "Mine", "provider_guid": GUID}, "provider", Provider("Mine", GUID)),
        ({"temporality_preference": "delta"}, "temporality", TEMPORALITIES["delta"]),
        ({"temporality_preference": " Cumulative"}, "temporality", TEMPORALITIES["cumulative"]),
        ({"temporality_preference": "LOWMEMORY"}, "temporality", TEMPORALITIES["lowmemory"]),
        ({"attributes": {"a": 1, "b": [True, None]}}, "attributes", {"a": 1, "b": [True, None]}),
        ({"attributes": "a=1, b = x=y ,"}, "attributes", {"a": "1", "b": "x=y"}),
        ({"attributes": "a%2Cb=%3D%20"}, "attributes", {"a,b": "= "}),
        ({"attributes": ""}, "attributes", {}),
        (
            {"account": "A", "namespace": "N"},
            "resource_attributes",
            {"_microsoft_metrics_account": "A", "_microsoft_metrics_namespace": "N"},
        ),
    ],
)
def test_a_good_argument_is_taken(arguments: dict[str, Any], field: str, expected: Any) -> None:
    assert getattr(Settings(**arguments), field) == expected


@pytest.mark.parametrize(
    ("name", "aggregation"),
    [
        ("explicit_bucket_histogram", ExplicitBucketHistogramAggregation),
        ("Base2_Exponential_Bucket_Histogram ", ExponentialBucketHistogramAggregation),
    ],
)
def test_the_default_histogram_aggregation_is_the_histograms(name: str, aggregation: type) -> None:
    settings = Settings(default_histogram_aggregation=name)
    assert {k: type(v) for k, v in settings.aggregation.items()} == {Histogram: aggregation}


def test_dictionaries_in_the_style_of_the_sdk_are_laid_over_the_preferences() -> None:
    drop = DropAggregation()
    settings = Settings(
        temporality_preference="cumulative",
        preferred_temporality={UpDownCounter: DELTA},
        default_histogram_aggregation="base2_exponential_bucket_histogram",
        preferred_aggregation={Counter: drop},
    )
    assert settings.temporality == {**TEMPORALITIES["cumulative"], UpDownCounter: DELTA}
    assert type(settings.aggregation[Histogram]) is ExponentialBucketHistogramAggregation
    assert settings.aggregation[Counter] is drop


def test_the_exporter_hands_both_dictionaries_to_the_reader() -> None:
    exporter = ETWMetricExporter(
        MEMORY, preferred_temporality={Counter: CUMULATIVE}, preferred_aggregation={}
    )
    assert exporter._preferred_temporality == {**TEMPORALITIES["delta"], Counter: CUMULATIVE}
    assert exporter._preferred_aggregation == {}


def test_what_was_given_is_copied() -> None:
    attributes = {"a": 1}
    settings = Settings(attributes=attributes)
    attributes["b"] = 2
    assert settings.attributes == {"a": 1}


# (argument, wrong value, what the message must say beside the argument's name)
REFUSED = [
    ("transport", 5, ["5", "otel_etw.Transport", "'file:PATH'"]),
    ("transport", "", ["''", "otel_etw.Transport"]),
    ("transport", b"memory", ["b'memory'", "otel_etw.Transport"]),
    ("transport", "carrier_pigeon", ["'carrier_pigeon'", "auto, etw, file, memory, null"]),
    ("transport", "memory:x", ["'memory:x'", "takes no target"]),
    ("transport", "memory?size=5", ["'memory?size=5'", "no option 'size'", "max_frames"]),
    ("transport", "memory?max_frames=many", ["max_frames='many'", "a whole number"]),
    ("transport", "file:", ["'file:'", "needs a path"]),
    ("provider_name", "", ["''", "a non-empty string"]),
    ("provider_name", 5, ["5", "a non-empty string"]),
    ("provider_name", "a\0b", [r"'a\x00b'", "1 to 255 bytes of UTF-8 without NUL"]),
    ("provider_name", "é" * 128, ["é", "1 to 255 bytes of UTF-8 without NUL"]),
    ("provider_name", "a\ud800", [r"'a\ud800'", "1 to 255 bytes of UTF-8 without NUL"]),
    ("provider_guid", "", ["''", "a non-empty string"]),
    ("provider_guid", 5, ["5", "a non-empty string"]),
    ("provider_guid", "edc24920", ["'edc24920'", "EDC24920-E004-40F6-A8E1-0E6E48F39D84"]),
    ("provider_guid", f"{GUID}0", [repr(f"{GUID}0"), "is no GUID"]),
    ("limit", 0, ["0", NUMBERS]),
    ("limit", -1, ["-1", NUMBERS]),
    ("limit", 2**31, ["2147483648", NUMBERS]),
    ("limit", "64K", ["'64K'", NUMBERS]),
    ("limit", "", ["''", NUMBERS]),
    ("limit", True, ["True", NUMBERS]),
    ("limit", 1.5, ["1.5", NUMBERS]),
    ("limit", [], ["[]", NUMBERS]),
    ("limit", Decimal("1.5"), ["Decimal('1.5')", NUMBERS]),
    ("limit", Decimal("Infinity"), ["Decimal('Infinity')", NUMBERS]),
    ("max_points_per_event", 0, ["0", NUMBERS]),
    ("max_points_per_event", "one", ["'one'", NUMBERS]),
    ("temporality_preference", "", ["''", "delta, cumulative, lowmemory"]),
    ("temporality_preference", "fast", ["'fast'", "delta, cumulative, lowmemory"]),
    ("temporality_preference", DELTA, ["DELTA", "delta, cumulative, lowmemory"]),
    ("preferred_temporality", 5, ["5", "dict of instrument classes"]),
    ("preferred_temporality", {"Counter": DELTA}, ["'Counter'", "an instrument class"]),
    ("preferred_temporality", {Counter: "delta"}, ["Counter", "'delta'", "AggregationTemporality"]),
    ("default_histogram_aggregation", "sum", ["'sum'", "explicit_bucket_histogram, base2_"]),
    ("default_histogram_aggregation", 5, ["5", "explicit_bucket_histogram, base2_"]),
    ("preferred_aggregation", [Counter], ["Counter", "dict of instrument classes"]),
    ("preferred_aggregation", {5: SumAggregation()}, ["5", "an instrument class"]),
    ("preferred_aggregation", {Counter: SumAggregation}, ["Counter", "no Aggregation"]),
    ("attributes", 5, ["5", "a mapping or a string key=value,key=value"]),
    ("attributes", "novalue", ["'novalue'", "is no key=value"]),
    ("attributes", "=1", ["'=1'", "is no key=value"]),
    ("account", 5, ["5", "a non-empty string"]),
    ("account", " ", ["' '", "a non-empty string"]),
    ("namespace", 5, ["5", "a non-empty string"]),
]


@pytest.mark.parametrize(("argument", "value", "words"), REFUSED)
def test_a_wrong_argument_is_refused_by_name_value_and_what_is_allowed(
    argument: str, value: Any, words: list[str]
) -> None:
    others: dict[str, Any] = {} if argument == "transport" else {"transport": MEMORY}
    with pytest.raises((TypeError, ValueError)) as refusal:
        ETWMetricExporter(**{argument: value}, **others)
    message = str(refusal.value)
    assert message.startswith(argument)
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("instrument", [*TEMPORALITIES["delta"], _Gauge])
def test_every_class_that_the_reader_takes_is_taken(instrument: type) -> None:
    exporter = ETWMetricExporter(
        MEMORY,
        preferred_temporality={instrument: CUMULATIVE},
        preferred_aggregation={instrument: SumAggregation()},
    )
    PeriodicExportingMetricReader(exporter, export_interval_millis=math.inf)


@pytest.mark.parametrize("argument", ["preferred_temporality", "preferred_aggregation"])
@pytest.mark.parametrize("instrument", [dict, opentelemetry.metrics.Counter])
def test_a_class_that_the_reader_would_refuse_is_refused_here(
    argument: str, instrument: type
) -> None:
    value = DELTA if argument == "preferred_temporality" else SumAggregation()
    arguments: dict[str, Any] = {argument: {instrument: value}}
    with pytest.raises(TypeError, match=rf"^{argument}.*{instrument.__name__}.*sdk\.metrics"):
        ETWMetricExporter(MEMORY, **arguments)


def test_a_temporality_that_the_reader_would_refuse_is_refused_here() -> None:
    with pytest.raises((TypeError, ValueError), match=r"^preferred_temporality.*Counter"):
        ETWMetricExporter(
            MEMORY, preferred_temporality={Counter: AggregationTemporality.UNSPECIFIED}
        )


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"": 1}, ["''", "a non-empty string"]),
        ({5: 1}, ["5", "a non-empty string"]),
        ({"a": {1}}, ["'a'", "set"]),
        ({"day": datetime.date(2026, 1, 1)}, ["'day'", "date"]),
        ({"big": 2**63}, ["'big'", "int", "outside"]),
        ({"cut": "\ud800"}, ["'cut'", "surrogates"]),
        ({"list": [1, {2}]}, ["'list'", "set"]),
    ],
)
def test_a_constant_attribute_that_cannot_be_encoded_is_refused_at_once(
    attributes: Any, words: list[str]
) -> None:
    with pytest.raises((TypeError, ValueError)) as refusal:
        ETWMetricExporter(MEMORY, attributes=attributes)
    message = str(refusal.value)
    assert message.startswith("attribute")
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("argument", ["account", "namespace"])
def test_an_account_that_cannot_be_encoded_is_refused_by_its_own_name(argument: str) -> None:
    arguments: dict[str, Any] = {"account": "A", "namespace": "N", argument: "\ud800"}
    with pytest.raises(ValueError, match=rf"^{argument}\b.*surrogates"):
        ETWMetricExporter(MEMORY, **arguments)


@pytest.mark.parametrize(("given", "missing"), [("account", "namespace"), ("namespace", "account")])
def test_an_account_without_a_namespace_is_refused_and_the_other_way_round(
    given: str, missing: str
) -> None:
    arguments: dict[str, Any] = {given: "x"}
    with pytest.raises(ValueError, match=rf"^{given} is given without {missing}: Geneva takes"):
        ETWMetricExporter(MEMORY, **arguments)


@pytest.mark.parametrize("argument", sorted(VARIABLES))
def test_a_huge_value_is_shortened_in_the_message(argument: str) -> None:
    value = {"provider_guid": "z", "attributes": "no pair "}.get(argument, "x") * 3000 + SECRET
    given: Any = [value] if argument in ("account", "namespace") else value
    others: dict[str, Any] = {} if argument == "transport" else {"transport": MEMORY}
    with pytest.raises((TypeError, ValueError)) as refusal:
        ETWMetricExporter(**{argument: given}, **others)
    assert len(str(refusal.value)) < 400
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "attributes", [{"x" * 3000 + SECRET: {1}}, {"a": "\ud800" + SECRET}, {"a": {SECRET}}]
)
def test_neither_a_huge_key_nor_a_value_of_an_attribute_is_in_the_message(
    attributes: dict[str, Any],
) -> None:
    with pytest.raises((TypeError, ValueError)) as refusal:
        ETWMetricExporter(MEMORY, attributes=attributes)
    assert len(str(refusal.value)) < 400
    assert SECRET not in str(refusal.value)


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="bogus"):
        ETWMetricExporter(bogus=1)  # type: ignore[call-arg]


def test_all_but_the_transport_are_given_by_name() -> None:
    with pytest.raises(TypeError, match="positional"):
        ETWMetricExporter(MEMORY, "Mine")  # type: ignore[call-arg]


def test_every_argument_has_a_variable_but_those_that_only_code_can_give() -> None:
    arguments = set(inspect.signature(ETWMetricExporter).parameters)
    in_code = {"preferred_temporality", "preferred_aggregation", "meter_provider"}
    assert set(VARIABLES) == arguments - in_code
    for argument, variables in VARIABLES.items():
        assert variables[0] == f"OTEL_EXPORTER_ETW_{argument.upper()}"


def test_every_argument_and_its_variable_are_described() -> None:
    text = inspect.cleandoc(ETWMetricExporter.__doc__ or "")
    described = {
        name.strip()
        for names in re.findall(r"^    ([\w, ]+):(?: |$)", text, re.MULTILINE)
        for name in names.split(",")
    }
    parameters = set(inspect.signature(ETWMetricExporter).parameters)
    assert parameters - described == set()
    for argument, variables in VARIABLES.items():
        assert re.search(rf"\b{argument.upper()}\b", text)
        for other in variables[1:]:
            assert other in text


def test_a_name_gives_the_guid_that_trace_logging_hashes_from_it() -> None:
    hashed = Provider.named("NativeMetricsExtension_Provider").guid
    assert hashed == UUID("d17eb321-aa07-5386-10bd-50726dcb5b23")
    assert Provider.named("nativemetricsextension_PROVIDER").guid == hashed
    assert Settings(provider_name=DEFAULT_PROVIDER.name).provider.guid == hashed


def test_the_default_provider_is_that_of_the_rust_crate() -> None:
    assert DEFAULT_PROVIDER.name == "NativeMetricsExtension_Provider"
    assert DEFAULT_PROVIDER.guid == UUID("edc24920-e004-40f6-a8e1-0e6e48f39d84")
