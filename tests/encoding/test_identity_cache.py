"""Resources' and scopes' bytes are remembered, but never a loss that passes."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource

from otel_etw.encoding import Encoder, Losses
from otel_etw.encoding.identity_cache import MAXIMUM, IdentityCache
from otel_etw.encoding.metrics import Ends
from tests.support.exports import counter, data, number


class Flaky(dict[str, Any]):
    """Attributes whose first reading is interrupted, as by a signal handler that raises."""

    def __init__(self, error: Exception) -> None:
        super().__init__({"service.name": "test"})
        self.error: Exception | None = error

    def items(self) -> Any:
        error, self.error = self.error, None
        if error:
            raise error
        return super().items()


def export(encoder: Encoder, given: MetricsData) -> tuple[list[bytes], Losses]:
    losses = Losses()
    batches = list(encoder.encode(given, 61_440, losses))
    return [bytes(frame) for frames in batches for frame in frames], losses


def test_an_error_that_passes_costs_one_export(native: bool) -> None:
    encoder = Encoder(native=native)
    resource = Resource({})
    resource._attributes = Flaky(RuntimeError("a signal handler"))
    given = data(counter(number(1)), resource=resource)
    frames, losses = export(encoder, given)
    assert (frames, losses.points()) == ([], 1)
    for _ in range(2):
        frames, losses = export(encoder, given)
        assert (len(frames), dict(losses.counts)) == (1, {})


def encoding(calls: list[object], lossy: bool = False) -> Any:
    def encode(given: object, losses: Losses) -> Ends:
        calls.append(given)
        if lossy:
            losses.add("attribute", "malformed")
        return b"before", b"after"

    return encode


@pytest.mark.parametrize("lossy", [False, True])
def test_only_what_was_encoded_without_a_loss_is_remembered(lossy: bool) -> None:
    calls: list[object] = []
    cache = IdentityCache(Resource, encoding(calls, lossy))
    resource, losses = Resource({}), Losses()
    assert [cache.ends(resource, losses) for _ in range(3)] == [(b"before", b"after")] * 3
    assert len(calls) == (3 if lossy else 1)
    assert losses.counts[("attribute", "malformed")] == (3 if lossy else 0)


def test_other_classes_are_encoded_each_time() -> None:
    class Own(Resource):
        pass

    calls: list[object] = []
    cache = IdentityCache(Resource, encoding(calls))
    own = Own({})
    cache.ends(own, Losses())
    cache.ends(own, Losses())
    assert calls == [own, own]


def test_a_full_cache_is_emptied() -> None:
    calls: list[object] = []
    cache = IdentityCache(Resource, encoding(calls))
    resources = [Resource({"n": n}) for n in range(MAXIMUM + 1)]
    for resource in resources:
        cache.ends(resource, Losses())
    cache.ends(resources[-1], Losses())
    assert len(calls) == MAXIMUM + 1
    cache.ends(resources[0], Losses())
    assert len(calls) == MAXIMUM + 2
