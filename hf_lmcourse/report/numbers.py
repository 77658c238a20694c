"""Numbers for readers."""

import math
from collections.abc import Sequence
from statistics import stdev


def readable(value: float, digits: int) -> str:
    """Format a number with so many decimal places, or as 1.20e+43 where that says little.

    From 10^6 on, and where only zeros would be left, the order of magnitude counts.
    """
    if value != 0 and not 0.5 * 10**-digits <= abs(value) < 1e6:
        return f"{value:.2e}"
    return f"{value:,.{digits}f}"


def four_digits(value: float) -> str:
    """Format a number with four significant digits, such as 98.30, 1,235 or 1.230e+43."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3e}"
    rounded = float(f"{value:.4g}")
    places = max(0, 3 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{places}f}"


def spread(values: Sequence[float]) -> float | None:
    """Standard deviation over seeds: `None` for a single one, NaN if one of them is not finite."""
    if len(values) < 2:
        return None
    return stdev(values) if all(map(math.isfinite, values)) else math.nan


def standard_error(accuracy: float, texts: float) -> float:
    """Standard error of an accuracy over so many texts, each of them right or wrong."""
    return math.sqrt(accuracy * (1 - accuracy) / texts)
