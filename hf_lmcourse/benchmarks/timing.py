"""Time several ways to do the same thing in turns, so that all meet the same machine."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch

__all__ = ["LEAST_SECONDS", "Comparison", "Side", "compare"]

LEAST_SECONDS = 0.2
"""How long a repeat lasts where a benchmark does not say otherwise."""


@dataclass(frozen=True)
class Side:
    """One way to do it.

    Attributes:
        name: "ours", or the library's way in a few words.
        step: does it once, from start to end.
    """

    name: str
    step: Callable[[], object]


@dataclass(frozen=True)
class Comparison:
    """Seconds of each way, measured in turns.

    Attributes:
        name: what was done.
        setting: the size of it, such as "35 x 20 x 200".
        seconds: of each repeat, by the name of the side; ours first.
        amount: how much of `unit` a step does.
        unit: such as "tokens".
        variable: what is varied among the comparisons of one name, such as "vocabulary".
        size: its value here; comparisons of one name and several sizes make a curve.
        aims: the ratio that is wanted, by the name of the other side.
        peak_bytes: memory at the peak by the name of the side, see `memory.peak_bytes`.
    """

    name: str
    setting: str
    seconds: dict[str, list[float]]
    amount: float = 1
    unit: str = ""
    variable: str = ""
    size: float | None = None
    aims: dict[str, float] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def medians(self) -> dict[str, float]:
        """The median of each side, in seconds."""
        return {side: statistics.median(values) for side, values in self.seconds.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """Median of each other side over the first: above one, the first is faster so many times.

        The first is ours.
        """
        (_, ours), *others = self.medians.items()
        return {side: median / ours for side, median in others}

    @property
    def spread(self) -> dict[str, float]:
        """(largest - smallest) / median of each side: how far the machine was at rest."""
        return {
            side: (max(values) - min(values)) / statistics.median(values)
            for side, values in self.seconds.items()
        }

    @property
    def rates(self) -> dict[str, float]:
        """How much of `unit` each side does in a second; nothing where there is no unit."""
        if not self.unit:
            return {}
        return {side: self.amount / median for side, median in self.medians.items()}

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            **asdict(self),
            "medians": self.medians,
            "ratios": self.ratios,
            "spread": self.spread,
            "rates": self.rates,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Comparison":
        """What `as_dict` gave; an older record may lack the later attributes."""
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in names})


def compare(
    name: str,
    setting: str,
    sides: Sequence[Side],
    repeats: int = 7,
    least_seconds: float | None = None,
    warm_up: bool = True,
    **details: Any,
) -> Comparison:
    """Time the sides in turns: first a warm-up of each, then one repeat of each after the other.

    A repeat does the step as often as it takes to last `least_seconds` on the first side, and the
    other sides as often: a clock is of no use to a step of microseconds.

    Args:
        name: what is done.
        setting: the size of it.
        sides: ours first; a single one where only its growth with size is of interest.
        repeats: of each side.
        least_seconds: how long a repeat lasts; `LEAST_SECONDS` by default.
        warm_up: without it a repeat is one step, from a cold start.
        **details: further attributes of the `Comparison`.

    Raises:
        ValueError: fewer than one repeat, or no side.
    """
    if repeats < 1 or not sides:
        raise ValueError("a comparison needs a side and at least one repeat")
    least_seconds = LEAST_SECONDS if least_seconds is None else least_seconds
    steps = _warm_up(sides, least_seconds) if warm_up else 1
    gc.collect()
    gc.freeze()  # what the libraries made need not be looked through before each repeat
    try:
        seconds = _timed_in_turns(sides, repeats, steps)
    finally:
        gc.unfreeze()
    return Comparison(name, setting, seconds, **details)


def _warm_up(sides: Sequence[Side], least_seconds: float) -> int:
    """A step of each side, and how many of the first one fill so many seconds."""
    for side in sides:
        side.step()
    began = time.perf_counter()
    sides[0].step()
    return max(1, round(least_seconds / max(time.perf_counter() - began, 1e-6)))


def _timed_in_turns(sides: Sequence[Side], repeats: int, steps: int) -> dict[str, list[float]]:
    """Seconds a step of each repeat by side."""
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    for _ in range(repeats):
        for side in sides:
            gc.collect()
            began = time.perf_counter()
            for _ in range(steps):
                side.step()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds[side.name].append((time.perf_counter() - began) / steps)
    return seconds
