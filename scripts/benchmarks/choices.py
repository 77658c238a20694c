"""Benchmarks of many sizes, at each of which the package takes one of the ways by itself."""

from collections import Counter
from collections.abc import Sequence

from .records import BenchmarkRecord
from .timing import Comparison

__all__ = ["CHOICES", "choice_cells", "chooses"]

CHOICES = """At each size the package takes one way by itself. A cell has at how many sizes each
one is taken, and at how many the one that is taken is the slower, the whole spread of the ratio on
that side of 1; and how many times as long it lasts at worst, and where."""


def chooses(record: BenchmarkRecord) -> bool:
    """Whether the package chooses in a benchmark."""
    return any(comparison.taken for comparison in record.comparisons)


def choice_cells(record: BenchmarkRecord) -> dict[tuple[str, ...], str]:
    """Write a cell for each name of comparisons."""
    named: dict[tuple[str, ...], list[Comparison]] = {}
    for comparison in record.comparisons:
        named.setdefault((comparison.name,), []).append(comparison)
    return {name: _cell(comparisons) for name, comparisons in named.items()}


def _cell(comparisons: Sequence[Comparison]) -> str:
    taken = Counter(comparison.taken for comparison in comparisons)
    counts = ", ".join(f"{side} {taken[side]}" for side in comparisons[0].seconds)
    lost = {c.setting: max(c.lost.values()) for c in comparisons if c.lost}
    if not lost:
        return f"{counts}; never the slower"
    worst = max(lost, key=lambda setting: lost[setting])
    return f"{counts}; the slower at {len(lost)}, **{lost[worst]:.2f}** at worst ({worst})"
