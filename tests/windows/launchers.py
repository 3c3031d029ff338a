"""Make Scripts/*.exe of the packages in Lib/site-packages, as pip does on Windows.

On another system pip makes scripts for that one, but it has the launcher along: a program that
looks for the interpreter's line and a zip file behind its own end.
Usage: launchers.py FOLDER INTERPRETER, which is FOLDER's python.exe as Windows sees it.
"""

import io
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

from pip._vendor import distlib

folder, interpreter = Path(sys.argv[1]), sys.argv[2]
launcher = (Path(distlib.__file__).parent / "t64.exe").read_bytes()
(folder / "Scripts").mkdir()
for distribution in distributions(path=[str(folder / "Lib" / "site-packages")]):
    for entry in distribution.entry_points.select(group="console_scripts"):
        program = io.BytesIO()
        with zipfile.ZipFile(program, "w") as archive:
            code = (
                f"import sys\nfrom {entry.module} import {entry.attr}\nsys.exit({entry.attr}())\n"
            )
            archive.writestr("__main__.py", code)
        content = launcher + f"#!{interpreter}\n".encode() + program.getvalue()
        (folder / "Scripts" / f"{entry.name}.exe").write_bytes(content)
