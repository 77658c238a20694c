"""Records of studies that the tests draw and tabulate."""

import math
from itertools import product
from typing import Any

LOSSES = (5.0, 4.0, 3.5)


def point(variant: str, seed: int = 1, shift: float = 0.0, **changes: Any) -> dict[str, Any]:
    """A language model's training whose validation losses are those above and a shift."""
    losses = [loss + shift for loss in LOSSES]
    columns = {"epoch": [1.0, 2.0, 3.0], "seconds": [60.0, 120.0, 180.0], "loss": losses}
    training = {name: values[:] for name, values in columns.items()}
    training["loss"] = [9.0, *(loss - 0.5 for loss in losses[1:])]
    training["epoch"] = [0.1, 2.0, 3.0]
    figures = {"perplexity": math.exp(losses[-1]), "nats_per_token": losses[-1]}
    return {
        "variant": variant,
        "seed": seed,
        "settings": {},
        "metrics": {"validation": figures, "test": figures},
        "num_sampled": None,
        "curves": {"training": training, "validation": columns},
        "parameters": 7,
        "seconds_per_step": 0.02,
        "peak_memory_bytes": 700_000_000,
    } | changes


def study(factors: dict[str, list[str]], **changes: Any) -> dict[str, Any]:
    variants = [", ".join(levels) for levels in product(*factors.values())]
    return {
        "name": "small",
        "model_type": "lmcourse_lstm",
        "corpus": "ptb",
        "factors": factors,
        "metric": "perplexity",
        "curves_by": "epoch",
        "points": [point(variant, shift=0.1 * i) for i, variant in enumerate(variants)],
    } | changes


def classifier(variant: str, accuracy: float) -> dict[str, Any]:
    curves = {
        "training": {"epoch": [1.0, 2.0], "seconds": [1.0, 2.0], "loss": [0.6, 0.5]},
        "validation": {
            "epoch": [1.0, 2.0],
            "seconds": [1.0, 2.0],
            "loss": [0.65, 0.6],
            "accuracy": [accuracy - 0.1, accuracy],
        },
    }
    return point(variant, metrics={"validation": {"accuracy": accuracy}}, curves=curves)


def old_point(variant: str, metric: str, values: list[float]) -> dict[str, Any]:
    """As studies kept it before there were curves and costs."""
    old = point(variant, history=[[float(n), value] for n, value in enumerate(values, start=1)])
    old["metrics"] = {"validation": {metric: values[-1]}}
    for name in ("curves", "num_sampled", "seconds_per_step", "peak_memory_bytes"):
        del old[name]
    return old


def old_study(metric: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    record = study({"variant": ["a", "b"]}, metric=metric, points=points, factor="variant")
    del record["factors"], record["curves_by"]
    return record
