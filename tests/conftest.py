"""What all tests share: which encoder they run on, how hypothesis searches, which skips may be."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

from otel_etw.encoding import encoder
from tests.support.skips import unexpected

# Their assertions are read as the tests' own.
pytest.register_assert_rewrite("tests.support.frame_rules", "tests.support.official_encoder")

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

# A shell starts what it runs in the background with Ctrl-C ignored, which programs that tests start
# would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
    if not encoder.COMPILED:
        message = "otel_etw.encoding._data_points is not compiled here"
        if os.environ.get("OTEL_ETW_NATIVE") == "1":
            pytest.fail(f"{message}, and OTEL_ETW_NATIVE=1 says that it must be")
        pytest.skip(message)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skip that tests/support/skips.py does not expect fails the session."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    # Workers of pytest-xdist have no reporter; the process that started them sees all reports.
    if not os.environ.get("CI") or reporter is None:
        return
    skips = {
        report.nodeid: str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in reporter.stats.get("skipped", ())
    }
    if found := unexpected(skips):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.ensure_newline()
        reporter.section("skips that CI does not expect (tests/support/skips.py)", red=True)
        for line in found:
            reporter.write_line(line)
