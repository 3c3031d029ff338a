"""The command ``otel-etw``, and its message where it cannot run."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]

# What the extra brings; anything else that is missing is a bug.
_EXTRA = {"click", "google", "opentelemetry", "rich"}

# What it brings and is imported only when it is needed: missed at once all the same.
_IMPORTED_LATE = ("google.protobuf", "opentelemetry.proto")


def main() -> None:
    """Run the command and exit; 2 with one sentence when the extra ``cli`` is not installed."""
    try:
        for module in _IMPORTED_LATE:
            if find_spec(module) is None:
                raise ModuleNotFoundError(name=module)
        from otel_etw.cli import command
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            f"otel-etw needs the package of the module {error.name!r}: "
            "pip install 'otel-etw[cli]' brings all that the command needs",
            file=sys.stderr,
        )
        sys.exit(2)
    command()


if __name__ == "__main__":
    main()
