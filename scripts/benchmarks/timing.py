"""Time several ways to do the same thing in turns, so that all see the same machine."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch

__all__ = ["LEAST_SECONDS", "Comparison", "Side", "compare"]

LEAST_SECONDS = 0.2
"""Default duration of a repeat."""


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
        """Median of each side, in seconds per step."""
        return {side: statistics.median(values) for side, values in self.seconds.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """Median of each other side divided by that of the first, ours: above 1, ours is faster."""
        (_, ours), *others = self.medians.items()
        return {side: median / ours for side, median in others}

    @property
    def spread(self) -> dict[str, float]:
        """(largest - smallest) / median of each side: large on a machine that was busy."""
        return {
            side: (max(values) - min(values)) / statistics.median(values)
            for side, values in self.seconds.items()
        }

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
            "ratios": self.ratios,
            "spread": self.spread,
            "rates": self.rates,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Comparison":
        """Restore what `as_dict` returned; files of older versions may lack some attributes."""
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
    """Time the sides in turns: first a warm-up of each, then the repeats of all sides in turn.

    A repeat does as many steps as last `least_seconds` on the first side, and as many on the other
    sides: a single step of microseconds cannot be timed.

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
    steps = _warm_up(sides, least_seconds) if warm_up else 1
    gc.collect()
    gc.freeze()  # objects of the libraries need not be scanned before each repeat
    try:
        seconds = _timed_in_turns(sides, repeats, steps)
    finally:
        gc.unfreeze()
    return Comparison(name, setting, seconds, **details)


def _warm_up(sides: Sequence[Side], least_seconds: float) -> int:
    """Do a step of each side, and return how many steps of the first last `least_seconds`."""
    for side in sides:
        side.step()
    began = time.perf_counter()
    sides[0].step()
    return max(1, round(least_seconds / max(time.perf_counter() - began, 1e-6)))


def _timed_in_turns(sides: Sequence[Side], repeats: int, steps: int) -> dict[str, list[float]]:
    """Return the seconds per step of each repeat, by side."""
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
