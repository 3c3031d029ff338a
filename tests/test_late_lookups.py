"""What the package must not look up or import while it exports.

Programs patch ``time.sleep`` (gevent, late) and clocks (tests); and an import that a signal handler
interrupts may leave the import system locked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.package_sources import SOURCES, below

PATCHED = {"time": {"sleep", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter"}}
READING = ("otel_etw.captures", "otel_etw.cli", "otel_etw.__main__")

# (module, function) → why it may import: it runs before or after exports, not amid them.
IMPORTS_LATE = {
    ("otel_etw", "__getattr__"): "public names are imported when asked for",
    ("otel_etw.exporter", "_self_metrics"): "when an exporter is made",
    ("otel_etw.encoding.encoder", "__init__"): "the packer where nothing is compiled",
    ("otel_etw.provider", "named"): "when an exporter is made",
    **{
        ("otel_etw.transports", f"_open_{name}"): "when a transport is opened"
        for name in ("auto", "etw", "file", "memory", "null")
    },
    ("otel_etw.transports", "_installed"): "when a transport is opened",
    ("otel_etw.transports.auto", "from_spec"): "when a transport is opened",
    ("otel_etw.transports.memory", "metrics"): "reads, in tests",
    ("otel_etw.transports.file_path", "_decoded"): "when a transport is opened",
    ("otel_etw.transports.json_encoding", "__init__"): "when a transport is opened",
}


def python() -> list[tuple[str, Path]]:
    return [(module, path) for module, path in SOURCES if path.suffix == ".py"]


@pytest.mark.parametrize(("module", "path"), python(), ids=lambda value: str(value))
def test_clocks_and_sleeps_are_bound_at_import(module: str, path: Path) -> None:
    found = [
        f"{path.name}:{node.lineno}: {node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in PATCHED.get(node.value.id, ())
    ]
    assert found == []


def late_imports(tree: ast.AST, function: str = "") -> Iterator[str]:
    """Functions that import, by name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and function:
            yield function
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        yield from late_imports(node, node.name if inside else function)  # type: ignore[attr-defined]


def test_nothing_is_imported_while_an_export_runs() -> None:
    found = {
        (module, function)
        for module, path in python()
        if not below(module, *READING)
        for function in late_imports(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(IMPORTS_LATE)
