"""``otel-etw info``: what a capture is before what is in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from uuid import UUID

import click

from otel_etw.captures.texts import escaped_json
from otel_etw.cli.capture_facts import CaptureFacts, capture_facts
from otel_etw.cli.choice_options import provider_option
from otel_etw.cli.file_arguments import expand_files
from otel_etw.cli.info_json import facts_object
from otel_etw.cli.info_page import InfoPage
from otel_etw.cli.reading import DAMAGED, UNREADABLE
from otel_etw.cli.reading_progress import reading_progress
from otel_etw.cli.screen import Screen
from otel_etw.cli.sinks import must_be_ascii
from otel_etw.cli.streams import OUTPUT_FAILED, say

__all__ = ["info"]

_EPILOG = """\b
Examples:
  otel-etw info trace.etl
  otel-etw info trace.etl --format json | jq .lost_events
  otel-etw info *.etl --format jsonl | jq -r '[.file, .points] | @tsv'

\b
json is one object for one FILE, and an array of them for several; jsonl one object a line, however
many FILEs there are. What only ETW logs have is null or empty for other formats.

\b
Exit codes:
  0    everything was read, or the reader of a pipe has closed it
  1    some input is damaged; how much and where is part of the answer
  2    wrong usage, or a file that cannot be opened or is no capture
  3    standard output or standard error cannot be written
  130  interrupted
"""


@click.command(epilog=_EPILOG)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, callback=expand_files)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "jsonl"]),
    default="text",
    show_default=True,
    help="text: for the eye. json, jsonl: for programs.",
)
@provider_option
@click.option("--all", "show_all", is_flag=True, help="Long lists to their end.")
@click.option("--utc", is_flag=True, help="Times in UTC instead of local ones.")
@click.option("--no-pager", is_flag=True, help="Do not show long output page by page.")
@click.pass_context
def info(
    context: click.Context,
    files: tuple[str, ...],
    form: str,
    provider: UUID,
    show_all: bool,
    utc: bool,
    no_pager: bool,
) -> None:
    """Say what FILEs are, captures of any kind that `view` reads, before what is in them.

    Format and compression, the ETW session and what it lost, records, events and processes, frames,
    metrics with the number of their series, times, sizes, and damage. Times in JSON are UTC.
    """
    run = _Run(files, provider)
    if form == "text":
        with Screen(sys.stdout, paged=not no_pager) as screen:
            page = InfoPage(screen, utc, show_all)
            for facts in run:
                page.write(facts)
    else:
        _print_json(run, form == "jsonl", len(files) > 1)
    context.exit(run.exit_code)


class _Run:
    """Reads files one by one; ``exit_code`` is the worst of what happened."""

    def __init__(self, files: tuple[str, ...], provider: UUID) -> None:
        self._files = files
        self._provider = provider
        self._progress = reading_progress(files)
        self.exit_code = 0

    def __iter__(self) -> Iterator[CaptureFacts]:
        """What is known of each file that could be opened and is a capture."""
        for file in self._files:
            facts = self._facts(file)
            if facts.error:
                said = say(facts.error)
                self._worsen(UNREADABLE if said else OUTPUT_FAILED)
            elif facts.damages:
                self._worsen(DAMAGED)
            if facts.formats or not facts.error:
                yield facts

    def _facts(self, file: str) -> CaptureFacts:
        if not self._progress:
            return capture_facts(file, self._provider)
        try:
            return capture_facts(file, self._provider, self._progress.read)
        finally:
            self._progress.erase()

    def _worsen(self, exit_code: int) -> None:
        self.exit_code = max(self.exit_code, exit_code)


def _print_json(run: _Run, is_lines: bool, is_array: bool) -> None:
    ascii_only = must_be_ascii(sys.stdout)
    objects = (_json(facts, None if is_lines else 2, ascii_only) for facts in run)
    if is_lines or not is_array:
        for text in objects:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        return
    before = "[\n"
    for text in objects:
        sys.stdout.write(f"{before}{text}")
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def _json(facts: CaptureFacts, indent: int | None, ascii_only: bool) -> str:
    text = json.dumps(facts_object(facts), ensure_ascii=False, indent=indent)
    return "\n".join(escaped_json(line, ascii_only) for line in text.split("\n"))
