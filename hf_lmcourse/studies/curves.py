"""The curves of a study: losses and the metric in the course of the training."""

import math
from collections.abc import Sequence
from statistics import mean
from typing import Any

__all__ = ["Curve", "curve_of", "is_language_model", "point_curves", "quantities"]

Curve = tuple[list[float], list[float]]
"""Where it is, in epochs or minutes, and how high."""

_LARGEST = 700.0
"""Nats beyond which the perplexity overflows."""

_MOST_LOGS = 60
"""Training losses of a curve; more of them are put together, or it would be all noise."""


def is_language_model(study: dict[str, Any]) -> bool:
    """Whether the losses are nats per token, so that they have a perplexity."""
    return any("perplexity" in f for p in study["points"] for f in p["metrics"].values())


def quantities(study: dict[str, Any]) -> list[str]:
    """What there are curves of: the loss, then the perplexity or, of a classifier, the metric."""
    known = {name for p in study["points"] for name in point_curves(p, study)["validation"]}
    wanted = ("loss", "perplexity" if is_language_model(study) else study["metric"])
    return [name for name in dict.fromkeys(wanted) if name in known]


def point_curves(point: dict[str, Any], study: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    """The curves of one training, by split and name; with perplexities of a language model.

    A point from before there were curves has the validation metric by epoch, and from it the loss
    where the metric is one or a perplexity.
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
    """The mean curve of a variant over the seeds that have one, as far as all of them go.

    Args:
        study: as its file holds it.
        variant: one of its variants.
        split: "training" or "validation".
        quantity: one of `quantities`.
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


def _means(columns: Sequence[Sequence[float]]) -> list[float]:
    return [mean(values) for values in zip(*columns, strict=False)]
