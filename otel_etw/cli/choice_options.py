"""The options that choose points, for every command that reads captures."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple
from uuid import UUID

import click

from otel_etw.captures import columns
from otel_etw.cli.instants import instant
from otel_etw.provider import DEFAULT_PROVIDER, Provider, parse_guid

__all__ = ["ChosenPoints", "choice_options", "provider_option"]


class ChosenPoints(NamedTuple):
    """What the options ask for; what is empty, None or False asks for nothing."""

    names: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    pids: tuple[int, ...] = ()
    last: bool = False
    provider: UUID = DEFAULT_PROVIDER.guid

    @property
    def conditions(self) -> dict[str, Any]:
        """The arguments of a `columns.Selector`."""
        other = ("last", "provider")
        return {name: value for name, value in self._asdict().items() if name not in other}

    def asks_for_all(self) -> bool:
        return self == ChosenPoints(provider=self.provider)

    def selector(self) -> columns.Selector:
        return columns.Selector(**self.conditions)


def _provider(context: click.Context, parameter: click.Parameter, text: str | None) -> UUID:
    """A GUID, or the one that is the hash of a name; an option's callback."""
    name = DEFAULT_PROVIDER.name if text is None else text.removeprefix("*")
    if name.casefold() == DEFAULT_PROVIDER.name.casefold():
        # Its GUID is not the hash of its name.
        return DEFAULT_PROVIDER.guid
    try:
        return parse_guid(name)
    except ValueError as error:
        if name.startswith("{"):
            raise click.BadParameter(str(error)) from None
    try:
        return Provider.of(name, None).guid
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


provider_option = click.option(
    "--provider",
    callback=_provider,
    metavar="NAME|GUID",
    help="Of ETW logs, read the events of this provider instead of those of the default one.",
)

_OPTIONS = (
    click.option(
        "-n",
        "--name",
        "names",
        metavar="GLOB",
        multiple=True,
        help='Only metrics whose name matches, such as "http.*"; may be repeated: one must match.',
    ),
    click.option(
        "-a",
        "--attribute",
        "attributes",
        metavar="KEY[=VALUE]",
        multiple=True,
        help="Only points with this attribute, be it the point's own, its scope's or its "
        "resource's; may be repeated: all must be there.",
    ),
    click.option(
        "--since",
        callback=instant,
        metavar="TIME",
        help="Only points of this time or later: ISO 8601, UTC when it names no zone; or how long "
        "ago (-5m).",
    ),
    click.option(
        "--until",
        callback=instant,
        metavar="TIME",
        help="Only points of this time or earlier; a day alone is its beginning.",
    ),
    click.option(
        "--pid",
        "pids",
        type=click.IntRange(0, 2**32 - 1),
        metavar="PID",
        multiple=True,
        help="Only points in events that this process wrote; may be repeated: one must match.",
    ),
    provider_option,
    click.option(
        "--last",
        is_flag=True,
        help="Only the newest point of each series, in ETW logs of each process.",
    ),
)


def choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; it gets them as one argument, ``choice``."""

    @wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        chosen = {name: options.pop(name) for name in ChosenPoints._fields}
        return function(*arguments, choice=ChosenPoints(**chosen), **options)

    wrapped: Callable[..., Any] = command
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
