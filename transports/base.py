"""What a transport is: three verbs, two properties, and what it reports of a delivery."""

# Without ``from __future__ import annotations``: named tuples take several times as long to make
# when the types of their fields are text.

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from otel_etw.provider import DEFAULT_PROVIDER, Provider
from otel_etw.transports.arguments import shown

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Delivery", "Frames", "Loss", "Spec", "Transport"]


class Frames(Protocol):
    """The frames a transport is handed: a finished batch that never changes.

    A frame is the bytes of one event, a complete ``ExportMetricsServiceRequest``. Iterating gives
    read-only memoryviews in order; a view keeps the whole batch in memory as long as it lives,
    so whoever stores frames stores ``bytes(frame)``.
    """

    @property
    def points(self) -> int:
        """Points in all frames together."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of all frames together."""
        ...

    def points_in(self, index: int) -> int:
        """Points in one frame."""
        ...

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> memoryview: ...
    def __iter__(self) -> Iterator[memoryview]: ...


class Loss(NamedTuple):
    """Frames that were not taken for one reason."""

    reason: str
    """A short stable key, counted by the exporter: ``disk_full``, ``no_buffers``."""
    frames: int
    points: int
    detail: str = ""
    """A sentence one can act on; logged, rate-limited."""


class Delivery(NamedTuple):
    """What became of one ``send``: frames and points taken, and what was lost and why."""

    taken: int
    points: int
    losses: tuple[Loss, ...] = ()

    @classmethod
    def of(
        cls,
        frames: Frames,
        lost: Mapping[int, str] | None = None,
        details: Mapping[str, str] | None = None,
    ) -> "Delivery":
        """All frames taken but those in ``lost``, which maps a frame's index to its reason.

        ``details`` maps a reason to its sentence.
        """
        if not lost:
            return cls(len(frames), frames.points)
        count: dict[str, list[int]] = {}
        for index, reason in lost.items():
            entry = count.setdefault(reason, [0, 0])
            entry[0] += 1
            entry[1] += frames.points_in(index)
        losses = tuple(
            Loss(reason, lost_frames, points, (details or {}).get(reason, ""))
            for reason, (lost_frames, points) in count.items()
        )
        return cls(
            len(frames) - len(lost),
            frames.points - sum(loss.points for loss in losses),
            losses,
        )

    @classmethod
    def nothing(cls, frames: Frames, reason: str, detail: str = "") -> "Delivery":
        """No frame taken, all for one reason."""
        return cls(0, 0, (Loss(reason, len(frames), frames.points, detail),))

    def accounts_for(self, frames: Frames) -> bool:
        """Whether every frame and every point is in it once."""
        if not self.losses:
            return self.taken == len(frames) and self.points == frames.points
        return (
            min(self.taken, self.points, *(min(x.frames, x.points) for x in self.losses), 0) == 0
            and self.taken + sum(loss.frames for loss in self.losses) == len(frames)
            and self.points + sum(loss.points for loss in self.losses) == frames.points
        )


class Transport(ABC):
    """Takes frames to where they are read.

    A transport knows frames, not metrics. Only ``send`` must be written; ``limit`` and
    ``enabled`` are read before each export. Calls of one exporter never overlap but for
    ``close``, which may come from another thread while ``send`` runs when an exporter's shutdown
    ran out of time. An instance shared by several exporters is called from several threads.

    A transport that raises is contained: the exporter counts the batch as lost.
    """

    @property
    def limit(self) -> int | None:
        """The most bytes a frame may have; None: one frame an export, whatever its size."""
        return None

    @property
    def enabled(self) -> bool:
        """Whether anyone takes frames now. When false nothing is encoded; must be cheap."""
        return True

    @abstractmethod
    def send(self, frames: Frames) -> Delivery:
        """Hand over a batch. Never blocks for long, never retries, never raises for the
        ordinary bad day (a full disk, no listener): that is told by the `Delivery`."""

    def flush(self, timeout_millis: float = 10_000) -> bool:
        """Push out what is buffered; False when that failed or the time ran out."""
        return True

    def close(self) -> None:
        """Give back what is held. Called once or more; ``send`` after it takes nothing."""
        return None

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Spec(NamedTuple):
    """A transport asked for by a string, ``name:target?option=value&…``, taken apart.

    What a registered factory is called with. ``provider`` and ``limit`` are the exporter's own
    settings, for transports to which they mean something.
    """

    name: str
    target: str = ""
    options: Mapping[str, str] = MappingProxyType({})
    provider: Provider = DEFAULT_PROVIDER
    limit: int | None = None

    def __str__(self) -> str:
        return f"transport {shown(self.name)}"

    def refuse_target(self) -> None:
        """ValueError when a target was given to a transport that has none."""
        if self.target:
            raise ValueError(
                f"transport {shown(self.name)} takes no target, got {shown(self.target)}"
            )

    def integers(self, *allowed: str) -> dict[str, int]:
        """The options as whole numbers; ValueError names an unknown option or a bad value."""
        numbers = {}
        for option, value in self.options.items():
            if option not in allowed:
                known = ", ".join(allowed) or "none"
                raise ValueError(f"{self} has no option {shown(option)}; its options: {known}")
            try:
                numbers[option] = int(value)
            except ValueError:
                raise ValueError(
                    f"{self}: option {option}={shown(value)} must be a whole number"
                ) from None
        return numbers
