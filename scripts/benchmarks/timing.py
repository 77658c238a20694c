"""Time several ways to do the same thing in turns, so that all see the same machine."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch

from .ratios import Ratio

__all__ = ["LEAST_SECONDS", "Comparison", "Side", "compare"]

LEAST_SECONDS = 0.2
"""Default duration of a repeat."""

_CLOCK_LOOPS = 50_000
"""Turns of an empty loop, about a millisecond: what changes its duration is the machine alone."""


@dataclass(frozen=True)
class Side:
    """One way to do something.

    Attributes:
        name: "ours", or a short description of the other way.
        step: Does it once, from start to end.
    """

    name: str
    step: Callable[[], object]


@dataclass(frozen=True)
class Comparison:
    """Seconds per step of each side, measured in turns.

    The sides are compared in pairs: the repeats of one turn.

    Attributes:
        name: What was done.
        setting: Its sizes, such as "35 x 20 x 200".
        seconds: Seconds per step of each repeat, by the name of the side; ours first.
        amount: Amount of work per step in `unit`.
        unit: Unit of the amount, such as "tokens".
        variable: What is varied among the comparisons of one name, such as "vocabulary".
        size: Its value here; comparisons of one name at several sizes make a curve.
        aims: Ratio to reach, by the name of the other side.
        peak_bytes: Peak memory by the name of the side, see `memory.peak_bytes`.
        clock: Seconds of a fixed loop before each repeat of a side, and after the last.
        unmeasured: Why a side could not be measured, by its name.
        taken: The side that the package takes here, if it chooses by itself.
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
    clock: list[float] = field(default_factory=list)
    unmeasured: dict[str, str] = field(default_factory=dict)
    taken: str = ""

    @property
    def medians(self) -> dict[str, float]:
        """Median of each side, in seconds per step."""
        return {side: statistics.median(values) for side, values in self.seconds.items()}

    @property
    def ratios(self) -> dict[str, Ratio]:
        """Seconds of each other side divided by those of the first, ours, in pairs."""
        (_, ours), *others = self.seconds.items()
        return {side: Ratio.of_pairs(ours, theirs) for side, theirs in others}

    @property
    def lost(self) -> dict[str, float]:
        """How many times as long the side that is taken takes as each one that is surely faster."""
        if not self.taken:
            return {}
        taken = self.seconds[self.taken]
        ratios = {
            side: Ratio.of_pairs(seconds, taken)
            for side, seconds in self.seconds.items()
            if side != self.taken
        }
        return {side: ratio.median for side, ratio in ratios.items() if ratio.low > 1}

    @property
    def spread(self) -> dict[str, float]:
        """(largest - smallest) / median of each side: large on a machine that was busy."""
        return {side: _spread(values) for side, values in self.seconds.items()}

    @property
    def clock_spread(self) -> float | None:
        """Spread of the fixed loop: how much the speed of the machine itself varied."""
        return _spread(self.clock) if self.clock else None

    @property
    def rates(self) -> dict[str, float]:
        """Amount of work per second of each side; empty without a unit."""
        if not self.unit:
            return {}
        return {side: self.amount / median for side, median in self.medians.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes and what is computed from them, for a JSON file."""
        return {
            **asdict(self),
            "medians": self.medians,
            "ratios": {side: asdict(ratio) for side, ratio in self.ratios.items()},
            "spread": self.spread,
            "clock_spread": self.clock_spread,
            "rates": self.rates,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Comparison":
        """Restore what `as_dict` returned; files of older versions may lack some attributes."""
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in names})


def _spread(values: Sequence[float]) -> float:
    return (max(values) - min(values)) / statistics.median(values)


def compare(
    name: str,
    setting: str,
    sides: Sequence[Side],
    repeats: int = 9,
    least_seconds: float | None = None,
    warm_up: bool = True,
    **details: Any,
) -> Comparison:
    """Time the sides in turns: first a warm-up of each, then the repeats of all sides in turn.

    Every second turn has the reverse order, so that no side always comes first. Each side has the
    number of threads that torch has at the call, whatever the one before has set. A repeat does as
    many steps of its side as last `least_seconds`: a step of microseconds cannot be timed.

    Args:
        name: What is done.
        setting: Its sizes.
        sides: The ways to do it, ours first; a single one if only its scaling is of interest.
        repeats: Number of repeats of each side.
        least_seconds: Duration of a repeat; `LEAST_SECONDS` by default.
        warm_up: Without it, a repeat is one step from a cold start.
        **details: Further attributes of the `Comparison`.

    Raises:
        ValueError: Fewer than one repeat, or no side.
    """
    if repeats < 1 or not sides:
        raise ValueError("a comparison needs a side and at least one repeat")
    least_seconds = LEAST_SECONDS if least_seconds is None else least_seconds
    steps = [_warm_up(side, least_seconds) if warm_up else 1 for side in sides]
    gc.collect()
    gc.freeze()  # objects of the libraries need not be scanned before each repeat
    try:
        seconds, clock = _timed_in_turns(list(zip(sides, steps, strict=True)), repeats)
    finally:
        gc.unfreeze()
    return Comparison(name, setting, seconds, clock=clock, **details)


def _warm_up(side: Side, least_seconds: float) -> int:
    """Do two steps of a side, and return how many last `least_seconds`."""
    side.step()
    began = time.perf_counter()
    side.step()
    return max(1, round(least_seconds / max(time.perf_counter() - began, 1e-6)))


def _timed_in_turns(
    sides: list[tuple[Side, int]], repeats: int
) -> tuple[dict[str, list[float]], list[float]]:
    """Return the seconds per step of each repeat by side, and the fixed loop's between them.

    Args:
        sides: Each with its number of steps.
        repeats: Number of turns.
    """
    threads = torch.get_num_threads()
    seconds: dict[str, list[float]] = {side.name: [] for side, _ in sides}
    clock = []
    for turn in range(repeats):
        for side, steps in sides if turn % 2 == 0 else reversed(sides):
            torch.set_num_threads(threads)
            gc.collect()
            clock.append(_clock())
            seconds[side.name].append(_repeat(side, steps))
    torch.set_num_threads(threads)
    return seconds, [*clock, _clock()]


def _repeat(side: Side, steps: int) -> float:
    """Return the seconds per step."""
    began = time.perf_counter()
    for _ in range(steps):
        side.step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / steps


def _clock() -> float:
    """Return the seconds of a fixed loop, which follow the clock rate and what else runs."""
    began = time.perf_counter()
    for _ in range(_CLOCK_LOOPS):
        pass
    return time.perf_counter() - began
