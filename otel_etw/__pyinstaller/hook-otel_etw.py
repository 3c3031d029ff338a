"""Collects the transports of other distributions, which are found by their entry points."""

from PyInstaller.utils.hooks import collect_entry_point  # type: ignore[import-untyped]

datas, hiddenimports = collect_entry_point("otel_etw_transport")
