"""The skips that CI expects, each with the fact about the platform that makes it one.

Where ``CI`` is set any other skip fails the session: a test that is skipped since something was not
installed is a test that does not run. A new row needs a fact that no install step can change.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from otel_etw.encoding import encoder
from tests.support.systems import is_wine

__all__ = ["expected", "unexpected"]

ROOT = Path(__file__).resolve().parents[2]

WINDOWS = sys.platform == "win32"
LINUX = sys.platform == "linux"
WINE = is_wine()
FORK = hasattr(os, "fork")
ROOT_USER = FORK and os.geteuid() == 0
# A build with OTEL_ETW_NATIVE=1 must have compiled modules; others may be of Python alone.
PURE = not encoder.COMPILED and os.environ.get("OTEL_ETW_NATIVE") != "1"
# .ci/tests removes the source where a wheel is tested, so that nothing is imported from it.
WHEEL = not (ROOT / "transports" / "_etw.pyx").exists()
OLD_SDK = tuple(map(int, version("opentelemetry-sdk").split(".")[:2])) < (1, 45)
SANITIZER = os.environ.get("OTEL_ETW_SANITIZE") == "1"


class Row(NamedTuple):
    reason: str
    """A regular expression for the whole reason of the skip."""
    when: bool
    """Whether the fact holds in this run."""
    fact: str


EXPECTED = [
    Row(
        r"this Python has no _testcapi",
        find_spec("_testcapi") is None,
        "only some builds of CPython have it",
    ),
    # The system.
    Row(r"on Windows .*", WINDOWS, "the test's subject does not exist on Windows"),
    Row(r"Windows has no fork|this system has no fork", not FORK, "os.fork is of POSIX"),
    Row(
        r"/proc is Linux's|elsewhere memory has no such limit|(/proc/self/fd and )?interval timers",
        not LINUX,
        "only Linux has it",
    ),
    Row(r"other systems share open files", not WINDOWS, "sharing modes are Windows' own"),
    Row(r"Windows file names may have lone surrogates", WINDOWS, "file names are UTF-16 there"),
    Row(
        r"an open file (can't be renamed|is not removed) there",
        WINDOWS,
        "so it is without FILE_SHARE_DELETE",
    ),
    Row(r"needs a POSIX shell|there (is no /dev/full|are no FIFOs)", WINDOWS, "Windows has none"),
    Row(r"needs POSIX signals", WINDOWS, "Windows has no such signals"),
    Row(
        r"there the transport is at home|Windows has a transport of its own|auto is ETW there"
        r"|the default is a file where there is no ETW",
        WINDOWS,
        "the test is of systems without ETW",
    ),
    Row(r"needs ETW: a real Windows", not WINDOWS, "ETW is Windows' own"),
    Row(r"Wine has no ETW sessions|Wine 8 makes links of .*", WINE, "Wine is not Windows"),
    # Rights.
    Row(r"this user may not make links.*", WINDOWS, "Windows gives links to administrators"),
    Row(r"mounting a tmpfs takes root on Linux", not (LINUX and ROOT_USER), "mount(2)"),
    Row(r"this container may not mount: .*", LINUX, "containers run without CAP_SYS_ADMIN"),
    # The lanes of .ci/tests and .ci/sanitize.
    Row(r".*not compiled here", PURE, "the lane `pure` tests what runs without a compiler"),
    Row(r"nothing is compiled.*", PURE, "the lane `pure` tests what runs without a compiler"),
    Row(r"OTEL_ETW_NATIVE=1 is not in the environment", PURE, "the test is of native builds"),
    Row(r"no source beside these tests.*", WHEEL, "a wheel has no source to compile"),
    Row(r"byte equality is with the official encoder 1\.45 .*", OLD_SDK, "the lane `oldest-sdk`"),
    Row(r"declarative configuration begins with .*", OLD_SDK, "the lane `oldest-sdk`"),
    Row(
        r"3\.10 looks for signals before .*",
        sys.version_info < (3, 11),
        "no Python code can guard against that",
    ),
    Row(r"older than opentelemetry-sdk .*", OLD_SDK, "the lane `oldest-sdk`"),
    Row(r"opentelemetry-configuration begins with .*", OLD_SDK, "the lane `oldest-sdk`"),
    Row(r"the sanitizer's memory has no such limit", SANITIZER, "AddressSanitizer maps terabytes"),
    Row(r"older than upb of protobuf 7\.34", OLD_SDK, "its parser had other rules"),
    # Other people's files.
    Row(r"the folder shared/data/etl is absent", True, "samples that are not ours to copy"),
]


def expected(reason: str) -> bool:
    return any(row.when and re.fullmatch(row.reason, reason, re.DOTALL) for row in EXPECTED)


def unexpected(skips: dict[str, str]) -> list[str]:
    """``test: reason`` of each skip that is not expected; ``skips`` maps tests to their reasons."""
    return [f"{test}: {reason}" for test, reason in skips.items() if not expected(reason)]
