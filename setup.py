"""Declare the native modules; everything declarative lives in pyproject.toml.

Environment of a build:

OTEL_ETW_PURE=1      no native module: the plain-Python encoder and transports
OTEL_ETW_NATIVE=1    a module that does not compile fails the build (without it the install goes on
                     in plain Python, and ``otel-etw --version`` says so)
OTEL_ETW_TRACE=1     line tracing, so that coverage sees the .pyx files
OTEL_ETW_SANITIZE=1  AddressSanitizer and UndefinedBehaviorSanitizer
OTEL_ETW_WERROR=1    C warnings are errors
OTEL_ETW_TARGET=win32     the modules of Windows, whatever system builds (tests/windows/)
OTEL_ETW_STANDIN=FOLDER   only otel_etw.transports._etw, on any system, against the stand-in for
                          Windows' headers in this folder (tests/transports/etw/standin/)
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup


def asked(name: str) -> bool:
    return os.environ.get(f"OTEL_ETW_{name}") == "1"


def etw(**settings: list[str]) -> Extension:
    return Extension("otel_etw.transports._etw", ["transports/_etw.pyx"], **settings)


def native_modules() -> list[Extension]:
    if standin := os.environ.get("OTEL_ETW_STANDIN"):
        modules = [etw(include_dirs=[standin])]
    else:
        modules = [
            Extension(".".join(source.with_suffix("").parts), [source.as_posix()])
            for source in sorted(Path("otel_etw").rglob("*.pyx"))
        ]
        modules.append(Extension("otel_etw.transports._null", ["transports/_null.pyx"]))
        if os.environ.get("OTEL_ETW_TARGET", sys.platform) == "win32":
            modules.append(etw(libraries=["advapi32"]))
    for module in modules:
        if asked("TRACE"):
            # coverage.py hears Cython lines through its C tracer only.
            module.define_macros = [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
        if asked("SANITIZE"):
            module.extra_compile_args += ["-fsanitize=address,undefined", "-O1", "-g"]
            module.extra_link_args += ["-fsanitize=address,undefined"]
        if asked("WERROR"):
            module.extra_compile_args += ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    return modules


def cythonized() -> list[Extension]:
    if asked("PURE"):
        return []
    from Cython.Build import cythonize

    modules: list[Extension] = cythonize(
        native_modules(),
        # Cython.Coverage looks for the .c beside its .pyx; otherwise the tree stays clean.
        build_dir=None if asked("TRACE") else "build/cython",
        compiler_directives={
            "language_level": "3",
            "freethreading_compatible": True,
            "boundscheck": asked("TRACE") or asked("SANITIZE"),
            "wraparound": False,
            "cdivision": True,
            "autotestdict": False,
            "auto_pickle": False,
            "embedsignature": True,
            "embedsignature.format": "python",
            "linetrace": asked("TRACE"),
            "warn.unused": True,
            "warn.maybe_uninitialized": True,
        },
    )
    for module in modules:
        # Here and not before: cythonize makes new ones and forgets it.
        module.optional = not asked("NATIVE")
    return modules


setup(ext_modules=cythonized())
