"""What all tests share: which encoder they run on, and how hypothesis searches."""

from __future__ import annotations

import os

import hypothesis
import pytest

from otel_etw.encoding import encoder

hypothesis.settings.register_profile(
    "default",
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
# The same examples in every run: a red run is the change's fault, not the dice's.
hypothesis.settings.register_profile(
    "ci", hypothesis.settings.get_profile("default"), derandomize=True, database=None
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session", params=["pure", "native"])
def native(request: pytest.FixtureRequest) -> bool:
    """Whether to encode with compiled code: each test runs with and without."""
    if request.param == "native":
        _must_be_compiled()
    return bool(request.param == "native")


@pytest.fixture(scope="session")
def both() -> tuple[bool, bool]:
    """For tests that compare the two encoders, or would repeat much work for the second."""
    _must_be_compiled()
    return False, True


def _must_be_compiled() -> None:
    """OTEL_ETW_NATIVE=1 says that compiled code must be there, as it does for the build."""
    if encoder._data_points is None:
        message = "otel_etw.encoding._data_points is not compiled here"
        if os.environ.get("OTEL_ETW_NATIVE") == "1":
            pytest.fail(f"{message}, and OTEL_ETW_NATIVE=1 says that it must be")
        pytest.skip(message)
