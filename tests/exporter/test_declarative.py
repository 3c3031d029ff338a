"""One key in a declarative configuration: ``exporter: {etw: …}``."""

from __future__ import annotations

import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.programs import frames, points, run, values

SDK = tuple(map(int, version("opentelemetry-sdk").split(".")[:2]))
pytestmark = pytest.mark.skipif(
    SDK < (1, 45),
    reason="opentelemetry-configuration begins with version 0.66b0, which is for SDK 1.45",
)

CONFIGURATION = """
file_format: "1.0"
meter_provider:
  readers:
    - periodic:
        interval: 3600000
        exporter:
"""
APPLICATION = """
    from opentelemetry.configuration import configure_sdk, load_config_file

    configure_sdk(load_config_file("otel.yaml"))

    from opentelemetry import metrics

    meter = metrics.get_meter("application")
    counter = meter.create_counter("requests")
    counter.add(2)
    meter.create_histogram("latency").record(5)
    metrics.get_meter_provider().force_flush()
    counter.add(5)
"""
THROUGH_THE_SDK = """
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    _OTelSDKConfigurator().configure()
"""


def configure(folder: Path, exporter: str, name: str = "otel.yaml") -> None:
    text = CONFIGURATION + textwrap.indent(textwrap.dedent(exporter).strip(), " " * 10) + "\n"
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("exporter", ["etw:", "etw: null", "etw: {}"])
def test_without_keys_all_comes_from_the_environment(tmp_path: Path, exporter: str) -> None:
    configure(tmp_path, exporter)
    run(APPLICATION, tmp_path, {"OTEL_EXPORTER_ETW_TRANSPORT": "file:metrics.pb"})
    assert values(tmp_path / "metrics.pb", "requests") == [2, 5]


def test_every_key_may_be_a_plain_value(tmp_path: Path) -> None:
    exporter = """
        etw:
          transport: file:metrics.pb
          provider_name: Mine
          provider_guid: "{12345678-9abc-def0-1234-56789abcdef0}"
          limit: 60000
          max_points_per_event: 1
          temporality_preference: cumulative
          default_histogram_aggregation: base2_exponential_bucket_histogram
          attributes:
            zone: one
            rack: 7
            spare: true
            shares: [0.5, 1.5]
            nothing: null
          account: A
          namespace: N
    """
    configure(tmp_path, exporter)
    run(APPLICATION, tmp_path)
    path = tmp_path / "metrics.pb"
    assert values(path, "requests") == [2, 7]
    first = points(path, "requests")[0]
    kinds = {a.key: a.value.WhichOneof("value") for a in first.attributes}
    assert kinds == {
        "zone": "string_value",
        "rack": "int_value",
        "spare": "bool_value",
        "shares": "array_value",
        "nothing": None,
    }
    assert points(path, "latency")[0].zero_count == 0
    assert len(frames(path)) == 4
    for name in (b"_microsoft_metrics_account", b"_microsoft_metrics_namespace"):
        assert all(name in frame for frame in frames(path))


def test_numbers_may_be_text(tmp_path: Path) -> None:
    configure(tmp_path, 'etw: {transport: "file:metrics.pb", max_points_per_event: "1"}')
    run(APPLICATION, tmp_path)
    assert len(frames(tmp_path / "metrics.pb")) == 3


def test_a_key_beats_the_variable(tmp_path: Path) -> None:
    configure(tmp_path, "etw: {transport: 'file:metrics.pb', temporality_preference: delta}")
    variables = {
        "OTEL_EXPORTER_ETW_TRANSPORT": "file:other.pb",
        "OTEL_EXPORTER_ETW_TEMPORALITY_PREFERENCE": "cumulative",
    }
    run(APPLICATION, tmp_path, variables)
    assert values(tmp_path / "metrics.pb", "requests") == [2, 5]
    assert not (tmp_path / "other.pb").exists()


def test_the_variable_otel_config_file_leads_there_too(tmp_path: Path) -> None:
    configure(tmp_path, "etw: {transport: 'file:metrics.pb'}")
    application = APPLICATION[APPLICATION.index("    from opentelemetry import metrics") :]
    run(THROUGH_THE_SDK + application, tmp_path, {"OTEL_CONFIG_FILE": "otel.yaml"})
    assert values(tmp_path / "metrics.pb", "requests") == [2, 5]


# (configuration, what the error must say)
WRONG = [
    ("etw: {transprot: memory}", ["TypeError", "transprot"]),
    ("etw: {transport: 5}", ["TypeError", "transport=5", "otel_etw.Transport"]),
    ("etw: {transport: pigeon}", ["ValueError", "transport='pigeon'", "auto, etw, file, memory"]),
    ("etw: {limit: 1.5}", ["ValueError", "limit=1.5", "a whole number"]),
    ("etw: {limit: true}", ["ValueError", "limit=True", "a whole number"]),
    ("etw: {account: A}", ["ValueError", "account is given without namespace"]),
    ("etw: {attributes: [a]}", ["TypeError", "attributes=['a']", "a mapping or a string"]),
    ("etw: {attributes: {a: 2026-01-01}}", ["ValueError", "'a'", "date"]),
    ("etw: {temporality_preference: low}", ["ValueError", "delta, cumulative, lowmemory"]),
]
TRYING = """
    from opentelemetry.configuration import configure_sdk, load_config_file

    for name in NAMES:
        try:
            configure_sdk(load_config_file(name))
        except Exception as error:
            print(type(error).__name__, error)
        else:
            print("no error")
"""


def test_a_wrong_key_or_value_is_an_error(tmp_path: Path) -> None:
    for index, (exporter, _) in enumerate(WRONG):
        configure(tmp_path, exporter, f"{index}.yaml")
    names = [f"{index}.yaml" for index in range(len(WRONG))]
    errors = run(TRYING.replace("NAMES", repr(names)), tmp_path).splitlines()
    for (exporter, words), error in zip(WRONG, errors, strict=True):
        assert (exporter, [word for word in words if word not in error]) == (exporter, [])
