"""Time two ways to do the same thing in turns, so that both meet the same machine."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

__all__ = ["Comparison", "Side", "compare"]


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
    """

    name: str
    setting: str
    seconds: dict[str, list[float]]

    @property
    def medians(self) -> dict[str, float]:
        """The median of each side, in seconds."""
        return {side: statistics.median(values) for side, values in self.seconds.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """Median of each other side over ours: above one, ours is the faster by that factor."""
        (_, ours), *others = self.medians.items()
        return {side: median / ours for side, median in others}

    @property
    def spread(self) -> dict[str, float]:
        """(largest - smallest) / median of each side: how far the machine was at rest."""
        return {
            side: (max(values) - min(values)) / statistics.median(values)
            for side, values in self.seconds.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            **asdict(self),
            "medians": self.medians,
            "ratios": self.ratios,
            "spread": self.spread,
        }


def compare(
    name: str, setting: str, sides: Sequence[Side], repeats: int = 7, least_seconds: float = 0.2
) -> Comparison:
    """Time the sides in turns: first a warm-up of each, then one repeat of each after the other.

    A repeat does the step as often as it takes to last `least_seconds` on the first side, and the
    other sides as often: a clock is of no use to a step of microseconds.

    Args:
        name: what is done.
        setting: the size of it.
        sides: ours first.
        repeats: of each side.
        least_seconds: how long a repeat lasts.

    Raises:
        ValueError: fewer than one repeat, or no other side.
    """
    if repeats < 1 or len(sides) < 2:
        raise ValueError("a comparison needs two sides and at least one repeat")
    for side in sides:
        side.step()
    began = time.perf_counter()
    sides[0].step()
    steps = max(1, round(least_seconds / max(time.perf_counter() - began, 1e-6)))
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
    return Comparison(name, setting, seconds)
