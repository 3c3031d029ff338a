"""ETW's calls recorded, in both forms: compiled and through ctypes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from otel_etw.transports import etw, etw_ctypes
from tests.support.etw_recorder import Recorder

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """``_etw``: Windows' own, elsewhere compiled here against the stand-in."""
    must = os.environ.get("OTEL_ETW_NATIVE") == "1"
    if sys.platform == "win32":
        if etw.CALLS != "_etw":
            assert not must, "otel_etw.transports._etw is not compiled here"
            pytest.skip("otel_etw.transports._etw is not compiled here")
        from otel_etw.transports import _etw

        return _etw
    if not (ROOT / "transports" / "_etw.pyx").exists():
        pytest.skip("no source beside these tests to compile against the stand-in")
    pytest.importorskip("otel_etw.encoding._frames", reason="the encoder is not compiled here")
    return _compile(tmp_path_factory.mktemp("standin"))


def _compile(folder: Path) -> ModuleType:
    environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "OTEL_ETW_PURE")}
    done = subprocess.run(
        [
            *(sys.executable, "setup.py", "-q", "build_ext"),
            *(f"--build-lib={folder}", f"--build-temp={folder / 'temp'}"),
        ],
        cwd=ROOT,
        env={
            **environment,
            "OTEL_ETW_NATIVE": "1",
            "OTEL_ETW_WERROR": "1",
            "OTEL_ETW_STANDIN": str(Path(__file__).parent / "standin"),
        },
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (path,) = (
        path
        for path in (folder / "otel_etw" / "transports").iterdir()
        if path.name == f"_etw{EXTENSION_SUFFIXES[0]}"
    )
    spec = spec_from_file_location("otel_etw.transports._etw", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["_etw", "etw_ctypes"])
def calls(request: pytest.FixtureRequest) -> ModuleType:
    """The module that calls ETW."""
    if request.param == "etw_ctypes":
        return etw_ctypes
    module: ModuleType = request.getfixturevalue("compiled")
    return module


@pytest.fixture
def recorder(calls: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Stands in for ETW. A test ends with every provider unregistered and without a fault."""
    recorder = Recorder()
    monkeypatch.setattr(etw, "_calls", calls)
    if calls is etw_ctypes:
        functions = recorder.for_ctypes(etw_ctypes.PROTOTYPES)
        monkeypatch.setattr(etw_ctypes, "functions", lambda: functions)
    else:
        recorder.place(str(calls.__file__))
    yield recorder
    gc.collect()
    etw._close_all()
    assert recorder.registered == set()
    assert recorder.faults == []
