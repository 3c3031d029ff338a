"""Every block of the README does what stands there, one after the other in one folder.

Python in a fresh interpreter; shell as a user types it, and what it prints is what the README
shows; YAML through the SDK's configurator. What installs is checked against the package's metadata;
the two set-up commands in indented blocks are run by ``.ci/tests``; Windows' own lines are in
``test_windows_commands.py``.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.markdown import Block, blocks
from tests.support.systems import not_on_windows

PATIENCE = 120.0  # seconds
RUN = ("python", "sh", "text")
SDK = tuple(map(int, importlib.metadata.version("opentelemetry-sdk").split(".")[:2]))

# The program that the README calls app.py: it knows the API alone.
APPLICATION = """
from opentelemetry import metrics

metrics.get_meter("app").create_counter("from.app").add(1)
"""
CONFIGURE = """
from opentelemetry import metrics
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

_OTelSDKConfigurator().configure()
(reader,) = metrics.get_meter_provider()._metric_readers
print(type(reader._exporter).__name__, reader._exporter.transport.path)
"""


def environment(**variables: str) -> dict[str, str]:
    """This environment's commands first, and no setting of OpenTelemetry but ``variables``."""
    ours = {k: v for k, v in os.environ.items() if not re.match(r"OTEL_(?!ETW_)", k)}
    path = os.pathsep.join([sysconfig.get_path("scripts"), ours.get("PATH", "")])
    return {**ours, "PATH": path, **variables}


def run(command: list[str], folder: Path, status: int = 0, **variables: str) -> str:
    """What ``command`` prints. It must end with ``status`` and complain of nothing."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
    )
    assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, f"{command}\n{done.stderr}"
    return done.stdout


def shell(text: str, folder: Path) -> str:
    """What the lines print, but for those that install something."""
    lines = [line for line in text.splitlines() if not line.startswith("pip install ")]
    endless = [line for line in lines if " --follow" in line]
    printed = run(["bash", "-ec", "\n".join(x for x in lines if x not in endless)], folder)
    for line in endless:
        # Ctrl-C after a while; 124 is what `timeout` says of a command that ran until then.
        shown = run(["timeout", "-s", "INT", "5", "bash", "-c", f"exec {line}"], folder, 124)
        assert shown, line
    return printed


def check_output(shown: str, printed: str) -> None:
    """``printed`` has what the README shows of an overview: each line but for its numbers."""
    found = [re.split(r"\s{2,}", line.strip()) for line in printed.splitlines()]
    for line in shown.splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        is_series = line.startswith("  ")
        if line != "…" and cells != [""]:
            wanted = cells[:1] if is_series else cells
            assert wanted in [row[: len(wanted)] for row in found], f"{line}\n{printed}"


@not_on_windows("the README's shell lines are for other systems")
def test_the_readme_runs_from_top_to_bottom(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APPLICATION, encoding="utf-8")
    printed = ""
    for language, text in blocks("README.md", *RUN):
        if language == "python":
            run([sys.executable, "-c", text], tmp_path)
        elif language == "sh":
            printed = shell(text, tmp_path)
        else:
            check_output(text, printed)
    assert "from.app" in run(["otel-etw", "view", "metrics.pb"], tmp_path)


@pytest.mark.parametrize("page", ["README.md", "docs/operating.md"])
def test_each_python_block_runs_alone(tmp_path: Path, page: str) -> None:
    for block in blocks(page, "python"):
        run([sys.executable, "-c", block.text], tmp_path)


@pytest.mark.skipif(SDK < (1, 45), reason="declarative configuration begins with SDK 1.45")
@pytest.mark.parametrize("block", blocks("README.md", "yaml"))
def test_each_yaml_block_configures_an_exporter(tmp_path: Path, block: Block) -> None:
    (tmp_path / "otel.yaml").write_text(block.text, encoding="utf-8")
    printed = run([sys.executable, "-c", CONFIGURE], tmp_path, OTEL_CONFIG_FILE="otel.yaml")
    (path,) = re.findall(r'transport: "file:(.*)"', block.text)
    name, opened = printed.split()
    assert name == "ETWMetricExporter"
    # Windows puts the drive of the working folder in front.
    assert Path(opened).parts[1:] == Path(path).parts[1:]


def test_what_is_installed_is_this_package_and_its_extras() -> None:
    extras = importlib.metadata.metadata("otel-etw").get_all("Provides-Extra")
    lines = [
        line
        for block in blocks("README.md", "sh", "bat")
        for line in block.text.splitlines()
        if "pip install" in line
    ]
    assert lines
    for line in lines:
        wanted = re.search(r"""pip install (?:-q )?['"]?(?:otel-etw|\.)\[(\w+)\]['"]?$""", line)
        assert wanted, line
        assert wanted[1] in extras


def test_every_block_of_the_readme_is_of_a_kind_that_is_checked() -> None:
    assert {block.language for block in blocks("README.md")} <= {*RUN, "yaml", "bat"}
