"""A second axis for a loss in nats per token: the perplexity of each height."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

_MOST_TICKS = 12


def add_perplexity_axis(axes: Axes) -> None:
    """Write round perplexities on the right of a panel whose heights are final."""
    right = axes.secondary_yaxis("right", functions=(perplexities, _nats))
    right.set_ylabel("perplexity")
    right.yaxis.set_major_locator(FixedLocator(_round_perplexities(*axes.get_ylim())))
    right.yaxis.set_minor_locator(NullLocator())
    right.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")


def perplexities(nats: ArrayLike) -> NDArray[np.float64]:
    """Return exp(nats), cut off before it overflows."""
    return np.exp(np.minimum(nats, 700))


def _nats(perplexity: ArrayLike) -> NDArray[np.float64]:
    return np.log(np.maximum(perplexity, 1e-300))


def _round_perplexities(lowest: float, highest: float) -> list[float]:
    """Return the round perplexities between two heights in nats, at most about a dozen."""
    lowest, highest = max(lowest, -700.0), min(highest, 700.0)  # past them a float overflows
    exponents = range(int(lowest / math.log(10)) - 1, int(highest / math.log(10)) + 1)
    digits = (1, 1.5, 2, 3, 4, 5, 7) if highest - lowest < 4 else (1, 3)
    ticks = [digit * 10.0**exponent for exponent in exponents for digit in digits]
    if highest - lowest < 0.7:  # less than a factor of two
        ticks = list(MaxNLocator(8).tick_values(math.exp(lowest), math.exp(highest)))
    shown = [tick for tick in ticks if tick > 0 and lowest <= math.log(tick) <= highest]
    return shown[:: -(-len(shown) // _MOST_TICKS) or 1]
