"""Where the levels of a factor are on an axis: at their numbers, or one below the other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from ..report.figures import wrapped

_LONGEST_NAME = 32
_MOST_NUMBERS = 12
_SMALLEST_GAP = 0.04
"""Between numbers, as a share of the axis: so wide is a label."""

_NAMES = {"gelu": "GELU", "leaky_relu": "leaky ReLU", "relu": "ReLU", "silu": "SiLU"}


@dataclass(frozen=True)
class LevelAxis:
    """An axis for the levels of a factor.

    Attributes:
        places: Position of each level.
        numeric: The levels are numbers, on the horizontal axis; names are on the vertical one.
        logarithmic: The axis of numbers is logarithmic.
    """

    places: dict[str, float]
    numeric: bool
    logarithmic: bool = False

    @classmethod
    def of(cls, levels: Sequence[str]) -> "LevelAxis":
        """Choose an axis: of numbers, if all levels are and their labels do not overlap."""
        rows = cls({level: float(place) for place, level in enumerate(levels)}, numeric=False)
        numbers = _numbers(levels)
        if not numbers or len(numbers) > _MOST_NUMBERS:
            return rows
        low, high = min(numbers), max(numbers)
        logarithmic = low > 0 and high >= 8 * low
        scaled = sorted(math.log(number) if logarithmic else number for number in numbers)
        gap = min((after - before for before, after in pairwise(scaled)), default=1.0)
        if gap <= _SMALLEST_GAP * (scaled[-1] - scaled[0]):
            return rows
        return cls(dict(zip(levels, numbers, strict=True)), numeric=True, logarithmic=logarithmic)

    def beside(self, place: float, share: float) -> float:
        """Move a position along the axis.

        Args:
            place: On the axis.
            share: Of a row, or of the whole axis of numbers.
        """
        if not self.numeric:
            return place + share
        low, high = min(self.places.values()), max(self.places.values())
        return place * (high / low) ** share if self.logarithmic else place + share * (high - low)

    def label(self, axes: Axes, names: bool = True) -> None:
        """Write the levels along the axis.

        Args:
            axes: The panel.
            names: Write them; otherwise the panel to its left has them.
        """
        places, labels = list(self.places.values()), [level_title(level) for level in self.places]
        if not self.numeric:
            axes.set_yticks(places, labels if names else [""] * len(places))
            axes.set_ylim(len(places) - 0.5, -0.5)
            axes.tick_params(axis="y", length=0)
            return
        if self.logarithmic:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(places, labels)


def level_title(level: str) -> str:
    """Return the name of a level for readers, in lines that fit next to a panel."""
    return wrapped(_NAMES.get(level, level), _LONGEST_NAME)


def _numbers(levels: Sequence[str]) -> list[float]:
    """Parse levels as numbers; empty if one of them is not a finite number."""
    try:
        numbers = [float(level) for level in levels]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
