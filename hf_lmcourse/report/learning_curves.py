"""Plots of a finished run."""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..errors import LmcourseError
from .figures import legend_below, page_figure, save_figure
from .numbers import readable, standard_error
from .palette import BLUE, GREY, VERMILION
from .perplexity_axis import add_perplexity_axis, perplexities

Curve = list[tuple[float, float]]

_BASELINES = (":", "-.", (0, (6, 2)), (0, (1, 4)))
"""Line styles of the baselines."""


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
    best = _best(validation, validation_name) if validation else ""
    figure = page_figure(4.6, title, best)
    axes = figure.add_subplot()
    if training:
        axes.plot(*_columns(training), color=BLUE, linewidth=1.2, label="training")
    if validation:
        style: dict[str, Any] = {"color": VERMILION, "marker": "o", "markersize": 4}
        axes.plot(*_columns(validation), linestyle="--", label=validation_name, **style)
    _limit_heights(axes, training, validation, list((baselines or {}).values()))
    for (name, nats), line_style in zip((baselines or {}).items(), cycle(_BASELINES)):
        label = f"{name} {nats:.2f}"
        axes.axhline(nats, color=GREY, linestyle=line_style, linewidth=1, label=label)
    axes.set(xlabel="optimizer steps", ylabel="loss in nats per token")
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    add_perplexity_axis(axes)
    _finish(axes)
    legend_below(figure, axes.get_lines())
    save_figure(figure, path)


def plot_accuracy_curve(
    log_history: Sequence[Mapping[str, Any]], path: str | Path, title: str
) -> None:
    """Draw validation accuracy and both losses against epochs, one below the other.

    Accuracies have their standard error, if the history has the number of texts.

    Args:
        log_history: `TrainerState.log_history`: entries with `epoch` and `loss` (training),
            `eval_loss`, `eval_accuracy` or `eval_texts` (validation); losses in nats per text.
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
    percent = [(epoch, 100 * value) for epoch, value in accuracy]
    epoch, best = max(percent, key=lambda point: point[1])
    figure = page_figure(6.4, title, f"best validation accuracy {best:.2f} % at epoch {epoch:g}")
    above, below = figure.subplots(2, sharex=True)
    style: dict[str, Any] = {"color": VERMILION, "marker": "o", "markersize": 4}
    above.plot(*_columns(percent), **style)
    if errors := _standard_errors(log_history):
        above.errorbar(*_columns(percent), yerr=errors, fmt="none", ecolor=VERMILION, capsize=3)
    above.set_ylabel("validation accuracy in percent")
    if training := _curve(log_history, "loss", "epoch"):
        below.plot(*_columns(training), color=BLUE, label="training")
    if validation := _curve(log_history, "eval_loss", "epoch"):
        below.plot(*_columns(validation), linestyle="--", label="validation", **style)
    below.set(xlabel="epochs", ylabel="loss in nats per text")
    for axes in (above, below):
        _finish(axes)
    bar = Line2D([], [], color=GREY, marker="_", label="± standard error over the texts")
    legend_below(figure, [*below.get_lines(), *([bar] if errors else [])])
    save_figure(figure, path)


def _curve(log_history: Sequence[Mapping[str, Any]], key: str, place: str = "step") -> Curve:
    """Return the finite values of one quantity with their steps or epochs."""
    points = [(entry[place], entry[key]) for entry in log_history if key in entry]
    return [(step, value) for step, value in points if math.isfinite(value)]


def _standard_errors(log_history: Sequence[Mapping[str, Any]]) -> list[float]:
    """Standard errors of the accuracies in percent; none if the numbers of texts are unknown."""
    logs = [log for log in log_history if math.isfinite(log.get("eval_accuracy", math.nan))]
    if not all(log.get("eval_texts") for log in logs):
        return []
    return [100 * standard_error(log["eval_accuracy"], log["eval_texts"]) for log in logs]


def _columns(curve: Curve) -> tuple[list[float], list[float]]:
    return [place for place, _ in curve], [value for _, value in curve]


def _limit_heights(axes: Axes, training: Curve, validation: Curve, lines: list[float]) -> None:
    """Cut off the steep beginning of the training loss, which would flatten all that follows."""
    last_step = max(step for step, _ in training + validation)
    late = [value for step, value in training if step >= 0.03 * last_step]
    heights = late + [value for _, value in validation] + lines
    margin = 0.06 * (max(heights) - min(heights)) or 0.1
    axes.set_ylim(min(heights) - margin, max(heights) + margin)
    axes.set_xlim(0, last_step * 1.02)


def _best(validation: Curve, name: str) -> str:
    step, nats = min(validation, key=lambda point: point[1])
    perplexity = readable(float(perplexities(nats)), 2)
    return f"best {name} {readable(nats, 4)} nats (perplexity {perplexity}) at step {step:,}"


def _finish(axes: Axes) -> None:
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
