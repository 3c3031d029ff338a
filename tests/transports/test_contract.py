"""What every transport promises, built-in or not: the suite to run over one's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from otel_etw import transports
from otel_etw.encoding import frames as plain_frames
from otel_etw.transports import Delivery, Frames, Transport, etw, etw_ctypes
from tests.support.etw_recorder import Recorder
from tests.support.otlp_files import frame
from tests.support.processes import in_child

native_frames: ModuleType | None
try:
    native_frames = import_module("otel_etw.encoding._frames")
except ImportError:
    native_frames = None

# One spec for each transport, or for each of its forms.
SPECS = (
    "auto",
    "etw",
    "null",
    "memory",
    "memory:?max_frames=2",
    "file:{folder}/sub/m.pb",
    "file:{folder}/sub/m.jsonl",
    "file:{folder}/rotated.pb?max_bytes=500&backups=3",
    "file:{folder}",
    "mine:{folder}",
)

# A distribution of somebody else's: one module, one entry point.
MINE = {
    "mine_1.dist-info/METADATA": "Metadata-Version: 2.1\nName: mine\nVersion: 1\n",
    "mine_1.dist-info/entry_points.txt": "[otel_etw_transport]\nmine = mine:Mine.from_spec\n",
    "mine.py": '''
from otel_etw.transports import Delivery, Transport


class Mine(Transport):
    """Takes every second frame."""

    def __init__(self, spec):
        self.spec = spec
        self.closed = False

    from_spec = classmethod(lambda cls, spec: cls(spec))

    def send(self, frames):
        if self.closed:
            return Delivery.nothing(frames, "closed")
        odd = dict.fromkeys(range(1, len(frames), 2), "odd")
        return Delivery.of(frames, odd, {"odd": "odd frames are not taken"})

    def close(self):
        self.closed = True
''',
}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution is installed."""
    site = tmp_path / "site"
    for name, content in MINE.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "mine", raising=False)


@pytest.fixture(params=SPECS)
def transport(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    mine: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Transport:
    if request.param == "etw" and etw.CALLS is None:
        functions = Recorder().for_ctypes(etw_ctypes.PROTOTYPES)
        monkeypatch.setattr(etw, "_calls", etw_ctypes)
        monkeypatch.setattr(etw_ctypes, "functions", lambda: functions)
    folder = tmp_path / "written"
    folder.mkdir()
    return transports.open(request.param.format(folder=folder))


Batch = Callable[[Sequence[bytes], Sequence[int]], Frames]


@pytest.fixture(params=[plain_frames, native_frames], ids=["plain", "native"])
def make(request: pytest.FixtureRequest) -> Batch:
    """Makes a batch, as the plain or the compiled encoder does."""
    module: ModuleType | None = request.param
    if module is None:
        pytest.skip("nothing is compiled: a build with OTEL_ETW_NATIVE=1 compiles it or fails")
    made: Batch = module.Frames
    return made


def accounted(delivery: Delivery, frames: Frames) -> Delivery:
    """Every frame and every point is taken or lost, once; each loss has a short stable key."""
    assert isinstance(delivery, Delivery)
    assert delivery.taken >= 0
    assert delivery.points >= 0
    assert delivery.taken + sum(loss.frames for loss in delivery.losses) == len(frames)
    assert delivery.points + sum(loss.points for loss in delivery.losses) == frames.points
    for loss in delivery.losses:
        assert loss.reason.isidentifier()
        assert isinstance(loss.detail, str)
    assert len({loss.reason for loss in delivery.losses}) == len(delivery.losses)
    return delivery


def sent(transport: Transport, make: Batch, count: int, filling: int = 20) -> Delivery:
    """Sends a batch whose frames have 1, 2, 3, … points, as far as the transport can tell."""
    frames = make([frame(1, number, filling) for number in range(count)], range(1, count + 1))
    return accounted(transport.send(frames), frames)


def test_every_transport_there_is_is_here(mine: None) -> None:
    assert {spec.partition(":")[0] for spec in SPECS} == set(transports.names())


def test_limit_is_a_number_of_bytes_or_none(transport: Transport) -> None:
    assert transport.limit is None or (type(transport.limit) is int and transport.limit > 0)


def test_enabled_is_a_bool(transport: Transport) -> None:
    assert type(transport.enabled) is bool


@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_every_frame_and_point_is_accounted_for(
    transport: Transport, make: Batch, count: int
) -> None:
    for _ in range(3):
        sent(transport, make, count)


def test_a_frame_as_long_as_the_limit_allows_is_accounted_for(
    transport: Transport, make: Batch
) -> None:
    filling = min(transport.limit or 1_000_000, 1_000_000) - 200
    sent(transport, make, 3, filling)


def test_flush_says_whether_it_worked(transport: Transport, make: Batch) -> None:
    sent(transport, make, 2)
    assert type(transport.flush()) is bool
    assert type(transport.flush(timeout_millis=0)) is bool


def test_close_may_be_called_twice_and_flush_after_it(transport: Transport, make: Batch) -> None:
    sent(transport, make, 1)
    transport.close()
    transport.close()
    assert type(transport.flush()) is bool
    assert type(transport.enabled) is bool
    assert transport.limit is None or transport.limit > 0


@pytest.mark.parametrize("count", [0, 1, 20])
def test_after_close_everything_is_lost_and_nothing_raised(
    transport: Transport, make: Batch, count: int
) -> None:
    transport.close()
    assert sent(transport, make, count).taken == 0


def test_a_transport_never_used_can_be_closed(transport: Transport) -> None:
    transport.close()


def test_the_end_of_with_closes(transport: Transport, make: Batch) -> None:
    with transport as entered:
        assert entered is transport
        sent(transport, make, 1)
    assert sent(transport, make, 1).taken == 0


def test_the_end_of_with_hides_no_exception(transport: Transport) -> None:
    with pytest.raises(ZeroDivisionError), transport:
        raise ZeroDivisionError


def test_several_threads_may_send(transport: Transport, make: Batch) -> None:
    def send(_: int) -> list[Delivery]:
        return [sent(transport, make, 5) for _ in range(20)]

    alone = sent(transport, make, 5)
    with ThreadPoolExecutor(8) as pool:
        deliveries = [delivery for many in pool.map(send, range(8)) for delivery in many]
    assert len(deliveries) == 160
    assert {delivery.taken for delivery in deliveries} == {alone.taken}


def test_close_may_come_while_others_send(transport: Transport, make: Batch) -> None:
    def send(_: int) -> None:
        for _ in range(20):
            sent(transport, make, 3)

    with ThreadPoolExecutor(4) as pool:
        running = pool.map(send, range(4))
        transport.close()
        list(running)
    assert sent(transport, make, 1).taken == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_and_its_parent_may_send(transport: Transport, make: Batch) -> None:
    before = sent(transport, make, 3)

    def send() -> None:
        assert sent(transport, make, 3).taken == before.taken
        transport.close()
        assert sent(transport, make, 3).taken == 0

    in_child(send)
    assert sent(transport, make, 3).taken == before.taken


def test_the_batch_can_be_dropped_after_sending(transport: Transport, make: Batch) -> None:
    frames: Any = make([frame(1, 0)], [1])
    before = sys.getrefcount(frames)
    accounted(transport.send(frames), frames)
    assert sys.getrefcount(frames) == before


def test_a_third_party_gets_the_whole_spec(mine: None) -> None:
    opened: Any = transports.open("mine:somewhere?a=1&b=x", limit=77)
    assert (opened.spec.name, opened.spec.target) == ("mine", "somewhere")
    assert dict(opened.spec.options) == {"a": "1", "b": "x"}
    assert opened.spec.limit == 77
