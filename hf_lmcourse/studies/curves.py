"""Curves of a study: losses and the metric during the training."""

import math
from statistics import mean
from typing import Any, NamedTuple

from ..report.numbers import spread


class Curve(NamedTuple):
    """A curve of a variant.

    Attributes:
        places: Positions in epochs or minutes.
        means: Means over the seeds.
        spreads: Standard deviations over the seeds; none for a single seed.
    """

    places: list[float]
    means: list[float]
    spreads: list[float]


_LARGEST = 700.0
"""Nats beyond which the perplexity overflows."""

_MOST_LOGS = 60
"""Points of a training curve; longer logs are averaged in groups."""


def is_language_model(study: dict[str, Any]) -> bool:
    """Whether the losses are nats per token, so that they have a perplexity."""
    return any("perplexity" in f for p in study["points"] for f in p["metrics"].values())


def point_curves(point: dict[str, Any], study: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    """Curves of one training run, by split and name; with perplexities for a language model.

    An old point without curves has the validation metric by epoch, and the loss derived from it if
    the metric is a loss or a perplexity.
    """
    curves = {split: dict(columns) for split, columns in _recorded(point, study).items()}
    for name, values in curves["training"].items():
        group = -(-len(values) // _MOST_LOGS)
        curves["training"][name] = [
            mean(values[start : start + group]) for start in range(0, len(values), group or 1)
        ]
    if is_language_model(study):
        for columns in curves.values():
            if "loss" in columns:
                columns["perplexity"] = [math.exp(min(v, _LARGEST)) for v in columns["loss"]]
    return curves


def _recorded(point: dict[str, Any], study: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    if "curves" in point:
        return {"training": {}, "validation": {}} | point["curves"]
    values = [value for _, value in point["history"]]
    columns = {"epoch": [epoch for epoch, _ in point["history"]], study["metric"]: values}
    if study["metric"] == "perplexity":
        columns["loss"] = [math.log(value) for value in values]
    if study["metric"] == "nats_per_token":
        columns["loss"] = values
    return {"training": {}, "validation": columns}


def curve_of(study: dict[str, Any], variant: str, split: str, quantity: str) -> Curve:
    """Average the curves of a variant over its seeds, up to the end of the shortest.

    Args:
        study: Content of the study's file.
        variant: One of its variants.
        split: "training" or "validation".
        quantity: One of `quantities`.
    """
    along = study.get("curves_by", "epoch")
    chosen = [
        columns
        for point in study["points"]
        if point["variant"] == variant
        and quantity in (columns := point_curves(point, study).get(split, {}))
        and along in columns
    ]
    scale = 60.0 if along == "seconds" else 1.0
    series = list(zip(*(columns[quantity] for columns in chosen), strict=False))
    return Curve(
        [mean(places) / scale for places in zip(*(c[along] for c in chosen), strict=False)],
        [mean(values) for values in series],
        [found for values in series if (found := spread(values)) is not None],
    )


def seconds_to_reach(study: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Training time of each variant until it reaches the first variant's best validation metric.

    Returns:
        A title that names the goal, and seconds of training steps by variant, "-" if the goal is
        never reached; nothing for a study whose curves are not perplexities by seconds.
    """
    if study.get("curves_by") != "seconds" or study["metric"] != "perplexity":
        return "", {}
    variants = dict.fromkeys(point["variant"] for point in study["points"])
    curves = {v: curve_of(study, v, "validation", "perplexity") for v in variants}
    goal = min(next(iter(curves.values())).means, default=math.nan)
    times = {
        variant: next((60 * t for t, v in zip(c.places, c.means, strict=True) if v <= goal), None)
        for variant, c in curves.items()
    }
    return f"seconds to {goal:.2f}", {
        variant: "-" if seconds is None else f"{seconds:.2f}" for variant, seconds in times.items()
    }
