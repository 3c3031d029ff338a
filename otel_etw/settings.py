"""Arguments, environment variables and YAML values → one Settings.

Every default and every refusal's sentence stands here. An argument that is wrong raises, naming
itself, its value and what is allowed. An environment variable that is wrong is warned about and
ignored, as the SDK does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from operator import index
from typing import Any, TypeVar
from urllib.parse import unquote
from uuid import UUID

from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
    _Gauge,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)

from otel_etw.log import warn
from otel_etw.provider import DEFAULT_PROVIDER, Provider, parse_guid
from otel_etw.transports.arguments import shown
from otel_etw.transports.base import Transport

__all__ = ["ACCOUNT_ATTRIBUTE", "NAMESPACE_ATTRIBUTE", "VARIABLES", "Settings"]

T = TypeVar("T")
Temporality = Mapping[type, AggregationTemporality]

# Where the Geneva agent looks for an account of its own: resource attributes, as in .NET Geneva.
ACCOUNT_ATTRIBUTE = "_microsoft_metrics_account"
NAMESPACE_ATTRIBUTE = "_microsoft_metrics_namespace"

# Argument → the environment variables that stand in for it, the first one that is set counts.
VARIABLES: dict[str, tuple[str, ...]] = {
    "transport": ("OTEL_EXPORTER_ETW_TRANSPORT",),
    "provider_name": ("OTEL_EXPORTER_ETW_PROVIDER_NAME",),
    "provider_guid": ("OTEL_EXPORTER_ETW_PROVIDER_GUID",),
    "limit": ("OTEL_EXPORTER_ETW_LIMIT",),
    "max_points_per_event": ("OTEL_EXPORTER_ETW_MAX_POINTS_PER_EVENT",),
    "temporality_preference": (
        "OTEL_EXPORTER_ETW_TEMPORALITY_PREFERENCE",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    ),
    "default_histogram_aggregation": (
        "OTEL_EXPORTER_ETW_DEFAULT_HISTOGRAM_AGGREGATION",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
    ),
    "attributes": ("OTEL_EXPORTER_ETW_ATTRIBUTES",),
    "account": ("OTEL_EXPORTER_ETW_ACCOUNT",),
    "namespace": ("OTEL_EXPORTER_ETW_NAMESPACE",),
}

_DELTA, _CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE

# The same three maps as the OTLP exporters'. The SDK's synchronous gauge is in none of them.
TEMPORALITIES: dict[str, dict[type, AggregationTemporality]] = {
    preference: {
        Counter: counter,
        Histogram: counter,
        ObservableCounter: observable_counter,
        UpDownCounter: _CUMULATIVE,
        ObservableUpDownCounter: _CUMULATIVE,
        ObservableGauge: _CUMULATIVE,
    }
    for preference, counter, observable_counter in (
        ("delta", _DELTA, _DELTA),
        ("cumulative", _CUMULATIVE, _CUMULATIVE),
        ("lowmemory", _DELTA, _CUMULATIVE),
    )
}

# What the SDK's readers take as keys.
INSTRUMENTS = (*TEMPORALITIES["delta"], _Gauge)

AGGREGATIONS: dict[str, Callable[[], Aggregation]] = {
    "explicit_bucket_histogram": ExplicitBucketHistogramAggregation,
    "base2_exponential_bucket_histogram": ExponentialBucketHistogramAggregation,
}


class Settings:
    """What an exporter is made of."""

    # A plain class: named tuples and dataclasses of this size take a quarter of a millisecond of
    # every program's start.

    def __init__(
        self,
        *,
        transport: Any = None,
        provider_name: Any = None,
        provider_guid: Any = None,
        limit: Any = None,
        max_points_per_event: Any = None,
        temporality_preference: Any = None,
        preferred_temporality: Temporality | None = None,
        default_histogram_aggregation: Any = None,
        preferred_aggregation: Mapping[type, Aggregation] | None = None,
        attributes: Any = None,
        account: Any = None,
        namespace: Any = None,
    ) -> None:
        """Arguments win over variables, variables over defaults. None is not given."""
        self.transport: Transport | str
        self.transport_from: str
        """``transport``, or the environment variable that named it."""
        self.transport, self.transport_from = _chosen("transport", transport, _transport, "auto")
        self.provider: Provider = Provider.of(
            _value("provider_name", provider_name, _provider_name, None),
            _value("provider_guid", provider_guid, _guid, None),
        )
        self.limit: int | None = _value("limit", limit, _whole_number, None)
        self.max_points_per_event: int | None = _value(
            "max_points_per_event", max_points_per_event, _whole_number, None
        )
        temporality = _value(
            "temporality_preference", temporality_preference, _one_of(TEMPORALITIES), "delta"
        )
        self.temporality: dict[type, AggregationTemporality] = {
            **TEMPORALITIES[temporality],
            **_by_instrument(
                "preferred_temporality", preferred_temporality, AggregationTemporality
            ),
        }
        aggregation = _value(
            "default_histogram_aggregation",
            default_histogram_aggregation,
            _one_of(AGGREGATIONS),
            None,
        )
        self.aggregation: dict[type, Aggregation] = {
            **({Histogram: AGGREGATIONS[aggregation]()} if aggregation else {}),
            **_by_instrument("preferred_aggregation", preferred_aggregation, Aggregation),
        }
        self.attributes: dict[str, object] = _value("attributes", attributes, _attributes, {})
        self.resource_attributes: dict[str, object] = _geneva(
            *_chosen("account", account, _utf8, None),
            *_chosen("namespace", namespace, _utf8, None),
        )


def _value(name: str, argument: Any, parse: Callable[[Any], T], default: Any) -> Any:
    return _chosen(name, argument, parse, default)[0]


def _chosen(name: str, argument: Any, parse: Callable[[Any], T], default: Any) -> tuple[Any, str]:
    """The value, and the argument's or the variable's name that gave it."""
    if argument is not None:
        try:
            return parse(argument), name
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}={shown(argument)}: {error}") from None
    for variable in VARIABLES[name]:
        text = os.environ.get(variable, "").strip()
        if text:
            try:
                return parse(text), variable
            except (TypeError, ValueError) as error:
                warn("%s=%s is ignored: %s", variable, shown(text), error)
    return default, name


def _transport(given: Any) -> Transport | str:
    if isinstance(given, Transport):
        return given
    if isinstance(given, str) and given.strip():
        return given.strip()
    raise TypeError(
        "it must be an otel_etw.Transport or a string such as 'etw', 'file:PATH' or 'memory'"
    )


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise TypeError("it must be a non-empty string")
    return given.strip()


def _utf8(given: Any) -> str:
    text = _text(given)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("it has lone surrogates, which UTF-8 cannot write") from None
    return text


def _provider_name(given: Any) -> str:
    return Provider(_text(given), DEFAULT_PROVIDER.guid).name


def _guid(given: Any) -> UUID:
    return given if isinstance(given, UUID) else parse_guid(_text(given))


def _whole_number(given: Any) -> int:
    try:
        if isinstance(given, bool):
            raise TypeError
        number = int(given) if isinstance(given, str) else index(given)
    except (TypeError, ValueError):
        raise ValueError("it must be a whole number from 1 to 2,147,483,647") from None
    if not 1 <= number <= 2**31 - 1:
        raise ValueError("it must be a whole number from 1 to 2,147,483,647")
    return number


def _one_of(table: Mapping[str, object]) -> Callable[[Any], str]:
    def parse(given: Any) -> str:
        if isinstance(given, str) and given.strip().lower() in table:
            return given.strip().lower()
        raise ValueError(f"it must be one of {', '.join(table)}")

    return parse


def _attributes(given: Any) -> dict[str, object]:
    """A mapping, or ``key=value,…`` with percent-encoding as in OTEL_RESOURCE_ATTRIBUTES."""
    if isinstance(given, Mapping):
        return dict(given)
    if not isinstance(given, str):
        raise TypeError("it must be a mapping or a string key=value,key=value")
    _utf8(given or "none")
    attributes: dict[str, object] = {}
    for pair in filter(None, map(str.strip, given.split(","))):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"{shown(pair)} is no key=value")
        attributes[unquote(key.strip())] = unquote(value.strip())
    return attributes


def _by_instrument(name: str, given: Any, kind: type) -> dict[type, Any]:
    """A dictionary in the SDK's style. The reader would refuse a wrong one without a word."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{name}={shown(given)}: it must be a dict of instrument classes")
    for instrument, value in given.items():
        if instrument not in INSTRUMENTS:
            raise TypeError(
                f"{name}: key {shown(instrument)} must be an instrument class of "
                "opentelemetry.sdk.metrics"
            )
        if not isinstance(value, kind) or value is AggregationTemporality.UNSPECIFIED:
            raise TypeError(f"{name}: {instrument.__name__} has {shown(value)}, no {kind.__name__}")
    return dict(given)


def _geneva(
    account: str | None, account_from: str, namespace: str | None, namespace_from: str
) -> dict[str, object]:
    if account and namespace:
        return {ACCOUNT_ATTRIBUTE: account, NAMESPACE_ATTRIBUTE: namespace}
    if account or namespace:
        given = account_from if account else namespace_from
        missing = "namespace" if account else "account"
        sentence = f"{given} is given without {missing}: Geneva takes both or neither"
        if given in VARIABLES:
            raise ValueError(sentence)
        warn("%s; it is ignored", sentence)
    return {}
