"""Which variant of a study the validation split picks, and which splits are shown."""

import math
from collections.abc import Sequence
from itertools import product
from statistics import mean
from typing import Any

from ..report.palette import MOST_LINES

_HIGHER_IS_BETTER = ("accuracy", "log_probability_rank")


def best_variant(study: dict[str, Any]) -> str | None:
    """Name the variant with the best mean of the metric on validation, the first one of equals.

    Returns:
        `None` if a point has no such value: a study that only scores models may have none.
    """
    costs = _costs(study)
    return min(costs, key=costs.__getitem__, default=None)


def _costs(study: dict[str, Any]) -> dict[str, float]:
    """Mean of the metric on validation by variant, negated if higher is better."""
    metric = study["metric"]
    sign = -1 if metric in _HIGHER_IS_BETTER else 1
    costs = {}
    for variant, points in points_by_variant(study).items():
        values = [point["metrics"].get("validation", {}).get(metric) for point in points]
        if None in values:
            return {}
        costs[variant] = sign * mean(values)
    return costs


def drawn_lines(study: dict[str, Any], lines: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Choose the lines of a panel, as many as can be told apart: the first one and the best.

    Args:
        study: Content of the study's file.
        lines: The variants of each line.

    Returns:
        Some of them, in the same order.
    """
    costs = _costs(study)

    def best(number: int) -> float:
        values = (costs.get(variant, math.inf) for variant in lines[number])
        return min((value for value in values if not math.isnan(value)), default=math.inf)

    order = [0, *sorted(range(1, len(lines)), key=best)] if lines else []
    return [lines[number] for number in sorted(order[:MOST_LINES])]


def shown_splits(study: dict[str, Any]) -> dict[str, list[str]]:
    """List the splits of each variant whose metrics are shown.

    Variants are compared on validation, and test is shown for the best of them alone, also if the
    file of the study has it for others. Without a best variant all that was scored is shown.
    """
    best = best_variant(study)
    return {
        variant: [
            split
            for split in sorted(
                set.intersection(*(set(p["metrics"]) for p in points)), reverse=True
            )
            if best is None or split == "validation" or variant == best
        ]
        for variant, points in points_by_variant(study).items()
    }


def points_by_variant(study: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Group the points of a study by variant, in the order of the factors."""
    return {v: [p for p in study["points"] if p["variant"] == v] for v in levels_of(study)}


def factors_of(study: dict[str, Any]) -> dict[str, list[str]]:
    """Factors of a study, and the names of their levels; an old study names its one factor only."""
    if "factors" in study:
        return dict(study["factors"])
    return {study["factor"]: list(dict.fromkeys(point["variant"] for point in study["points"]))}


def levels_of(study: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Variants that have a point, and their level of each factor."""
    done = {point["variant"] for point in study["points"]}
    combinations = product(*factors_of(study).values())
    return {", ".join(c): c for c in combinations if ", ".join(c) in done}
