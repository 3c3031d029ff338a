"""The house's own rules: public names, who imports whom, versions, and what is compiled."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

import otel_etw
from otel_etw import encoding
from otel_etw.captures.columns import NATIVE
from tests.support.package_sources import SOURCES, below

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = {
    "Delivery",
    "ETWMetricExporter",
    "ETWTransport",
    "FileTransport",
    "InMemoryTransport",
    "Transport",
}
COMPILED = [
    "otel_etw._gil",
    "otel_etw.captures._frame_scan",
    "otel_etw.captures.columns._batch",
    "otel_etw.captures.columns._batch_view",
    "otel_etw.captures.columns._check",
    "otel_etw.captures.columns._decoder",
    "otel_etw.captures.columns._gather",
    "otel_etw.captures.columns._json",
    "otel_etw.captures.columns._overview",
    "otel_etw.captures.columns._parquet",
    "otel_etw.captures.columns._select",
    "otel_etw.captures.columns._shortest",
    "otel_etw.captures.columns._text",
    "otel_etw.captures.etl._expand",
    "otel_etw.captures.etl._walk",
    "otel_etw.encoding._data_points",
    "otel_etw.encoding._frames",
    "otel_etw.encoding._packing",
    "otel_etw.transports._null",
    *(["otel_etw.transports._etw"] if sys.platform == "win32" else []),
]

# Public names -----------------------------------------------------------------------------------


def test_the_public_names_are_these() -> None:
    assert set(otel_etw.__all__) == PUBLIC
    assert otel_etw.__all__ == sorted(otel_etw.__all__)
    assert set(dir(otel_etw)) >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_public_name_is_there_and_described(name: str) -> None:
    thing = getattr(otel_etw, name)
    assert thing.__name__ == name
    assert thing.__doc__


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'otel_etw' has no attribute 'Bogus'"):
        _ = otel_etw.Bogus


# What an import costs ---------------------------------------------------------------------------


def imported(statement: str, folder: Path) -> set[str]:
    """The modules that a fresh interpreter has after ``statement``."""
    code = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_EXPORTER")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(done.stdout.split())


HEAVY = (
    "google.protobuf",
    "opentelemetry.proto",
    "click",
    "rich",
    "otel_etw.captures",
    "otel_etw.cli",
    "otel_etw.transports.file",
    "otel_etw.transports.memory",
)


@pytest.mark.parametrize(
    "statement",
    [
        "import otel_etw",
        "from otel_etw import ETWMetricExporter; ETWMetricExporter('null')",
        "import otel_etw.transports",
    ],
)
def test_the_writing_side_is_imported_alone_and_without_protobuf(
    statement: str, tmp_path: Path
) -> None:
    modules = imported(statement, tmp_path)
    assert "otel_etw.transports" in modules
    assert [name for name in HEAVY if name in modules] == []
    assert "transports" not in modules


def test_the_file_transport_needs_no_protobuf_for_protobuf(tmp_path: Path) -> None:
    code = "from otel_etw import *; ETWMetricExporter('file:x.pb'); ETWMetricExporter('memory')"
    modules = imported(code, tmp_path)
    assert {"otel_etw.transports.file", "otel_etw.transports.memory"} <= modules
    assert [name for name in ("google.protobuf", "opentelemetry.proto") if name in modules] == []


def test_the_command_starts_without_the_sdk_protobuf_and_arrow(tmp_path: Path) -> None:
    modules = imported("import otel_etw.cli", tmp_path)
    slow = ["opentelemetry.sdk", "pyarrow", "numpy"]
    # The reference implementation of what is compiled reads frames through protobuf.
    slow += ["google.protobuf"] if NATIVE else []
    assert [name for name in slow if name in modules] == []


def test_there_is_no_top_level_module_transports(tmp_path: Path) -> None:
    code = "import importlib.util; assert importlib.util.find_spec('transports') is None"
    assert "transports" not in imported(code, tmp_path)


# Who imports whom -------------------------------------------------------------------------------


def absolute(module: str, is_package: bool, level: int, target: str | None) -> str:
    if not level:
        return target or ""
    package = module if is_package else module.rpartition(".")[0]
    return importlib.util.resolve_name("." * level + (target or ""), package)


def imports(module: str, path: Path) -> set[str]:
    """The modules that a source imports, wherever in it; names of a package as its submodules."""
    text = path.read_text(encoding="utf-8")
    is_package = path.stem == "__init__"
    found = set()
    if path.suffix == ".pyx":
        pattern = r"^\s*(?:from\s+(\.*)([\w.]*)\s+c?import\s+(\w+)|c?import\s+([\w.]+))"
        for dots, target, name, whole in re.findall(pattern, text, re.MULTILINE):
            base = whole or absolute(module, is_package, len(dots), target)
            found |= {base, f"{base}.{name}"} if name else {base}
        return found
    return imports_of(ast.parse(text), module, is_package)


def imports_of(tree: ast.AST, module: str, is_package: bool) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, is_package, node.level, node.module)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def breaches(part: tuple[str, ...], forbidden: tuple[str, ...]) -> list[str]:
    """Imports that modules of ``part`` must not have."""
    mine = [(module, path) for module, path in SOURCES if below(module, *part)]
    assert mine
    return [
        f"{module} imports {name}"
        for module, path in mine
        for name in sorted(imports(module, path))
        if below(name, *forbidden)
    ]


def strangers(part: str, allowed: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Imports of this house that modules of ``part`` have beside the allowed ones.

    ``allowed`` maps a module to what it may import; ``""`` is for all of them.
    """
    found = []
    for module, path in SOURCES:
        if not below(module, part):
            continue
        permitted = (part, *allowed[""], *allowed.get(module, ()))
        for name in sorted(imports(module, path)):
            # ``from otel_etw import x`` is also listed as otel_etw.x, which tells.
            if name != "otel_etw" and below(name, "otel_etw") and not below(name, *permitted):
                found.append(f"{module} imports {name}")
    return found


def test_all_parts_of_the_house_are_looked_at() -> None:
    modules = {module for module, _ in SOURCES}
    assert {
        "otel_etw",
        "otel_etw.exporter",
        "otel_etw.settings",
        "otel_etw.encoding.encoder",
        "otel_etw.transports",
        "otel_etw.transports.null",
        "otel_etw.captures",
        "otel_etw.cli",
    } <= modules
    assert len(modules) == len(SOURCES)


def test_the_encoder_knows_nothing_but_itself() -> None:
    assert strangers("otel_etw.encoding", {"": ()}) == []


def test_transports_know_the_provider_and_each_other_alone() -> None:
    seam = ("otel_etw.encoding._frames",)
    allowed = {
        "": (
            "otel_etw.event",
            "otel_etw.framing",
            "otel_etw.limits",
            "otel_etw.log",
            "otel_etw.provider",
        ),
        "otel_etw.transports._null": seam,
        "otel_etw.transports._etw": seam,
    }
    assert strangers("otel_etw.transports", allowed) == []


def test_transports_do_not_know_the_sdk() -> None:
    assert breaches(("otel_etw.transports",), ("opentelemetry.sdk", "opentelemetry.metrics")) == []


def test_captures_know_the_provider_alone() -> None:
    shared = ("otel_etw.event", "otel_etw.framing", "otel_etw.limits", "otel_etw.provider")
    assert strangers("otel_etw.captures", {"": shared}) == []
    assert breaches(("otel_etw.captures",), ("opentelemetry.sdk", "click", "rich")) == []


def test_the_writing_side_does_not_know_the_reading_side() -> None:
    writing = (
        "otel_etw.encoding",
        "otel_etw.transports",
        "otel_etw.exporter",
        "otel_etw.event",
        "otel_etw.provider",
        "otel_etw.settings",
        "otel_etw.counts",
        "otel_etw.gil",
        "otel_etw.log",
        "otel_etw.self_metrics",
    )
    reading = ("otel_etw.captures", "otel_etw.cli", "click", "rich")
    assert breaches(writing, reading) == []
    (root,) = (path for module, path in SOURCES if module == "otel_etw")
    assert not any(below(name, *reading) for name in imports("otel_etw", root))


def test_the_encoder_does_no_input_or_output() -> None:
    outside = ("os", "io", "socket", "threading", "time", "logging", "subprocess", "pathlib")
    found = breaches(("otel_etw.encoding",), outside)
    assert found in ([], ["otel_etw.encoding imports os"])  # OTEL_ETW_PURE


# Frozen programs --------------------------------------------------------------------------------


def seen_by_freezers(module: str, path: Path) -> set[str]:
    """The modules that programs that freeze others find in a source, without running it.

    They read import statements wherever they stand, but no strings. Nuitka knows that TYPE_CHECKING
    is false. Of a compiled module they read the stub, whose imports must name what its code needs.
    """
    if path.suffix == ".pyx":
        path = path.with_suffix(".pyi")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return imports_of(tree, module, path.stem == "__init__")


def test_freezing_a_program_finds_every_module_of_the_writing_side() -> None:
    sources = dict(SOURCES)
    found: set[str] = set()
    todo = {"otel_etw"}
    while todo:
        name = todo.pop()
        found.add(name)
        parents = {name.rpartition(".")[0]}
        todo |= (seen_by_freezers(name, sources[name]) | parents) & sources.keys() - found
    reading = ("otel_etw.captures", "otel_etw.cli", "otel_etw.__main__", "otel_etw.__pyinstaller")
    assert {name for name in sources if not below(name, *reading)} - found == set()


# Versions and builds ----------------------------------------------------------------------------


def test_the_newest_version_in_the_changelog_is_the_installed_one() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^##\s+\[?v?(\d+\.\d+\.\d+\w*)", text, re.MULTILINE)
    assert versions[0] == version("otel-etw")


@pytest.mark.skipif(
    os.environ.get("OTEL_ETW_NATIVE") != "1", reason="OTEL_ETW_NATIVE=1 is not in the environment"
)
@pytest.mark.parametrize("name", COMPILED)
def test_a_native_build_has_every_compiled_module(name: str) -> None:
    module = importlib.import_module(name)
    assert not str(module.__file__).endswith(".py")
    assert encoding.encoder.COMPILED


def test_either_all_modules_are_compiled_or_none() -> None:
    there = [name for name in COMPILED if importlib.util.find_spec(name)]
    assert there in ([], COMPILED)


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(str(otel_etw.__file__)).parent / "py.typed").exists()
