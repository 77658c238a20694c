"""How two ways compare that were timed in turns: the ratio of each pair, its median and spread."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Ratio", "interval_of_median"]

_COVERAGE = 0.95


@dataclass(frozen=True)
class Ratio:
    """How many times as long another side took as ours.

    Attributes:
        median: Median over the pairs; above 1, ours is faster.
        low, high: Its spread, see `interval_of_median`.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of_pairs(cls, ours: Sequence[float], theirs: Sequence[float]) -> "Ratio":
        """Compare the repeats in pairs: both of a pair saw the machine at the same moment.

        Args:
            ours: Seconds of each repeat.
            theirs: Those of the other side; if there are fewer, the rest of ours has no pair.
        """
        ratios = [their / our for our, their in zip(ours, theirs, strict=False)]
        return cls(statistics.median(ratios), *interval_of_median(ratios))

    @property
    def tie(self) -> bool:
        """Whether 1 is within the spread; a single pair has none."""
        return self.low < self.high and self.low <= 1 <= self.high


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """Return the narrowest interval of two of the values that has their true median in 95 %.

    It is symmetric in rank and needs no assumption on the distribution: each value lies below the
    median with probability 1/2. Of five values or fewer it is their whole range, which has the
    median in less than 95 %; from nine on, single outliers are left out.

    Args:
        values: At least one.
    """
    ordered, count = sorted(values), len(values)
    left_out, tail = 0, 0.5**count  # how many on each side; probability that the median is there
    while True:
        tail += math.comb(count, left_out + 1) * 0.5**count
        if 2 * tail > 1 - _COVERAGE:
            return ordered[left_out], ordered[-1 - left_out]
        left_out += 1
