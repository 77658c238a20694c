"""Plots of a finished run."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from numpy.typing import ArrayLike, NDArray

from ..errors import LmcourseError
from .figures import save_figure
from .numbers import readable
from .palette import BLUE, GREY, VERMILION

Curve = list[tuple[float, float]]


def plot_learning_curve(
    log_history: Sequence[Mapping[str, Any]],
    path: str | Path,
    title: str,
    baselines: Mapping[str, float] | None = None,
    validation_name: str = "validation",
) -> None:
    """Draw training and validation loss against steps, with perplexity on the right.

    Args:
        log_history: `TrainerState.log_history`: entries with `step` and `loss` (training) or
            `eval_nats_per_token` (validation), both in nats per token; others are skipped.
        path: The plot; its extension is the format, such as .png. Its folder is created if it is
            missing.
        title: What was trained on what.
        baselines: Nats per token of simple models by name, drawn as horizontal lines.
        validation_name: What the legend and the title call the validation loss.

    Raises:
        LmcourseError: The history has no loss.
    """
    training = _curve(log_history, "loss")
    validation = _curve(log_history, "eval_nats_per_token")
    if not training and not validation:
        raise LmcourseError(
            f"There is nothing to draw in {path}: the log history has no loss and no"
            " eval_nats_per_token; log or evaluate at least once during training."
        )
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    if training:
        axes.plot(*zip(*training, strict=True), color=BLUE, linewidth=1.2, label="training")
    if validation:
        axes.plot(
            *zip(*validation, strict=True),
            color=VERMILION,
            marker="o",
            markersize=4,
            label=validation_name,
        )
    _limit_heights(axes, training, validation, list((baselines or {}).values()))
    _draw_baselines(axes, baselines or {})
    _label(axes, title, validation, validation_name)
    save_figure(figure, path)


def plot_accuracy_curve(
    log_history: Sequence[Mapping[str, Any]], path: str | Path, title: str
) -> None:
    """Draw validation accuracy and both losses against epochs, one below the other.

    Args:
        log_history: `TrainerState.log_history`: entries with `epoch` and `loss` (training),
            `eval_loss` or `eval_accuracy` (validation); losses in nats per text.
        path: The plot; its extension is the format, such as .png. Its folder is created if it is
            missing.
        title: What was trained on what.

    Raises:
        LmcourseError: The history has no validation accuracy.
    """
    accuracy = _curve(log_history, "eval_accuracy", "epoch")
    if not accuracy:
        raise LmcourseError(
            f"There is nothing to draw in {path}: the log history has no eval_accuracy; evaluate at"
            " least once during training."
        )
    figure = Figure(figsize=(8, 7), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    percent = [(epoch, 100 * value) for epoch, value in accuracy]
    above.plot(*zip(*percent, strict=True), color=VERMILION, marker="o", label="validation")
    epoch, best = max(percent, key=lambda point: point[1])
    above.set_title(
        f"{title}\nbest validation accuracy {best:.2f} % at epoch {epoch:g}", fontsize=11
    )
    above.set_ylabel("accuracy in percent")
    for key, colour, name in (("loss", BLUE, "training"), ("eval_loss", VERMILION, "validation")):
        if curve := _curve(log_history, key, "epoch"):
            below.plot(*zip(*curve, strict=True), color=colour, marker=".", label=name)
    below.set_xlabel("epochs")
    below.set_ylabel("nats per text")
    below.legend(frameon=False)
    for axes in (above, below):
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def _curve(log_history: Sequence[Mapping[str, Any]], key: str, place: str = "step") -> Curve:
    """Return the finite values of one quantity with their steps or epochs."""
    points = [(entry[place], entry[key]) for entry in log_history if key in entry]
    return [(step, value) for step, value in points if math.isfinite(value)]


def _limit_heights(axes: Axes, training: Curve, validation: Curve, lines: list[float]) -> None:
    """Cut off the steep beginning of the training loss, which would flatten all that follows."""
    last_step = max(step for step, _ in training + validation)
    late = [value for step, value in training if step >= 0.03 * last_step]
    heights = late + [value for _, value in validation] + lines
    margin = 0.06 * (max(heights) - min(heights)) or 0.1
    axes.set_ylim(min(heights) - margin, max(heights) + margin)
    axes.set_xlim(0, last_step * 1.02)


def _draw_baselines(axes: Axes, baselines: Mapping[str, float]) -> None:
    for name, nats in baselines.items():
        axes.axhline(nats, color=GREY, linestyle="--", linewidth=1)
        axes.annotate(
            f"{name} {nats:.2f}",
            xy=(0.99, nats),
            xycoords=("axes fraction", "data"),
            xytext=(0, 4),
            textcoords="offset points",
            horizontalalignment="right",
            color=GREY,
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85},
        )


def _label(axes: Axes, title: str, validation: Curve, name: str) -> None:
    if validation:
        step, best = min(validation, key=lambda point: point[1])
        perplexity = readable(float(_exp(best)), 2)
        title += (
            f"\nbest {name} {readable(best, 4)} nats (perplexity {perplexity}) at step {step:,}"
        )
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("optimizer steps")
    axes.set_ylabel("nats per token")
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    right = axes.secondary_yaxis("right", functions=(_exp, _log))
    right.set_ylabel("perplexity")
    right.yaxis.set_major_locator(FixedLocator(_round_perplexities(*axes.get_ylim())))
    right.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.grid(axis="y", alpha=0.3)
    axes.spines["top"].set_visible(False)
    axes.legend(frameon=False)


def _round_perplexities(lowest: float, highest: float) -> list[float]:
    """Return the round perplexities between two heights in nats, at most about a dozen."""
    lowest, highest = max(lowest, -700.0), min(highest, 700.0)  # past them a float overflows
    exponents = range(int(lowest / math.log(10)) - 1, int(highest / math.log(10)) + 1)
    digits = (1, 1.5, 2, 3, 4, 5, 7) if highest - lowest < 4 else (1, 3)
    ticks = [digit * 10.0**exponent for exponent in exponents for digit in digits]
    return [tick for tick in ticks if lowest <= math.log(tick) <= highest]


def _exp(nats: ArrayLike) -> NDArray[np.float64]:
    return np.exp(np.minimum(nats, 700))


def _log(perplexity: ArrayLike) -> NDArray[np.float64]:
    return np.log(np.maximum(perplexity, 1e-300))
