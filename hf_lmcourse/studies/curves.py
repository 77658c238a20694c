"""Curves of a study: losses and the metric during the training."""

import math
from collections.abc import Sequence
from statistics import mean
from typing import Any

Curve = tuple[list[float], list[float]]
"""Positions in epochs or minutes, and values."""

_LARGEST = 700.0
"""Nats beyond which the perplexity overflows."""

_MOST_LOGS = 60
"""Points of a training curve; longer logs are averaged in groups."""


def is_language_model(study: dict[str, Any]) -> bool:
    """Whether the losses are nats per token, so that they have a perplexity."""
    return any("perplexity" in f for p in study["points"] for f in p["metrics"].values())


def quantities(study: dict[str, Any]) -> list[str]:
    """Names of the curves: the loss, and the perplexity or (for a classifier) the metric."""
    known = {name for p in study["points"] for name in point_curves(p, study)["validation"]}
    wanted = ("loss", "perplexity" if is_language_model(study) else study["metric"])
    return [name for name in dict.fromkeys(wanted) if name in known]


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
        return dict(point["curves"])
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
    places = [place / scale for place in _means([columns[along] for columns in chosen])]
    return places, _means([columns[quantity] for columns in chosen])


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
    goal = min(next(iter(curves.values()))[1], default=math.nan)
    times = {
        variant: next((60 * t for t, value in zip(*curve, strict=True) if value <= goal), None)
        for variant, curve in curves.items()
    }
    return f"seconds to {goal:.2f}", {
        variant: "-" if seconds is None else f"{seconds:.2f}" for variant, seconds in times.items()
    }


def _means(columns: Sequence[Sequence[float]]) -> list[float]:
    return [mean(values) for values in zip(*columns, strict=False)]
