"""Who measured the series of an overview: what all have in common, and what tells them apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from otel_etw.captures.columns.series import Origin
from otel_etw.cli.texts import attribute_texts

if TYPE_CHECKING:
    from otel_etw.captures.points import Attributes

__all__ = ["Origins", "origin_texts", "process_text", "schema_texts"]

# Which service it is comes first, by which SDK it measures last.
_FIRST = ("service.name", "service.namespace", "service.version", "service.instance.id")
_LAST = "telemetry."


class Origins:
    """Resources and scopes as texts: ``service.name=checkout``, ``scope http 1.2``; processes."""

    def __init__(self, origins: Sequence[Origin]) -> None:
        self._origins = origins
        shared: dict[str, None] | None = None
        for origin in origins:
            texts = dict.fromkeys([*_texts(origin), *_schemas(origin)])
            shared = texts if shared is None else {text: None for text in shared if text in texts}
        self._shared = shared or {}

    def common(self) -> list[str]:
        """What holds for all of them, without URLs of schemas."""
        if not self._origins:
            return []
        return [text for text in _texts(self._origins[0]) if text in self._shared]

    def label(self, number: int) -> list[str]:
        """What holds for this one and not for all."""
        origin = self._origins[number]
        texts = [*_texts(origin), *_schemas(origin)]
        return [text for text in texts if text not in self._shared]


def origin_texts(
    resource_attributes: Attributes, scope: str, version: str, scope_attributes: Attributes
) -> list[str]:
    """The attributes of a resource, and the scope."""
    texts = attribute_texts({key: resource_attributes[key] for key in _order(resource_attributes)})
    scope = f"{scope} {version}".strip()
    attributes = ", ".join(attribute_texts(scope_attributes))
    if scope or attributes:
        texts.append(f"scope {scope}".rstrip() + (f" ({attributes})" if attributes else ""))
    return texts


def _order(keys: Iterable[str]) -> list[str]:
    return sorted(
        keys,
        key=lambda key: (
            _FIRST.index(key) if key in _FIRST else len(_FIRST) + key.startswith(_LAST),
            key,
        ),
    )


def process_text(process: int) -> str:
    """The process that wrote an event."""
    return f"process {process}"


def schema_texts(resource_url: str, scope_url: str) -> list[str]:
    """The URLs of the schemas that a resource and a scope name."""
    urls = {"resource": resource_url, "scope": scope_url}
    return [f"{what} schema {url}" for what, url in urls.items() if url]


def _texts(origin: Origin) -> list[str]:
    texts = origin_texts(
        json.loads(origin.resource_attributes),
        origin.scope_name,
        origin.scope_version,
        json.loads(origin.scope_attributes),
    )
    if origin.process is not None:
        texts.append(process_text(origin.process))
    return texts


def _schemas(origin: Origin) -> list[str]:
    return schema_texts(origin.resource_schema_url, origin.scope_schema_url)
