"""Plots of the errors of a classifier: confusion, calibration, groups of texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..errors import short
from ..report.figures import PAGE_WIDTH, legend_below, page_figure, save_figure, wrapped
from ..report.numbers import standard_error
from ..report.palette import GREY, VERMILION
from .classifier_errors import Group

_MOST_NUMBERS = 12
"""Classes up to which the numbers fit into the cells."""


def plot_confusion(
    confusion: NDArray[np.int64], classes: Sequence[str], below: str, path: Path
) -> None:
    """Draw the confusion matrix, each row normalised by its class.

    Args:
        confusion: Number of texts by true class (row) and predicted class (column).
        classes: Names of the classes.
        below: Model and texts, the second line of the title.
        path: The plot; its extension is the format.
    """
    height = min(1.6 + 0.7 * len(classes), PAGE_WIDTH)
    figure = page_figure(height, "Predicted classes of each true class", below)
    axes = figure.add_subplot()
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    image = axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    figure.colorbar(image, ax=axes, label="percent of the true class")
    if len(classes) <= _MOST_NUMBERS:
        _write_numbers(axes, confusion, shares)
    names = [wrapped(short(name, 36), 18) for name in classes]
    long = len(classes) > 4 or max(map(len, classes)) > 18
    axes.set_xticks(range(len(classes)), names, rotation=90 if long else 0)
    axes.set_yticks(range(len(classes)), names)
    axes.tick_params(length=0, labelsize=9 if len(classes) <= _MOST_NUMBERS else 7)
    axes.set(xlabel="predicted class", ylabel="true class")
    save_figure(figure, path)


def _write_numbers(axes: Axes, confusion: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    few = len(confusion) <= 6
    for (row, column), number in np.ndenumerate(confusion):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{number:,}\n{shares[row, column]:.1%}" if few else f"{shares[row, column]:.0%}"
        size = 9 if few else 7.5
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


def plot_calibration(groups: Sequence[Group], below: str, path: Path) -> None:
    """Draw accuracy against confidence; on the diagonal a classifier is perfectly calibrated.

    Args:
        groups: Texts by their confidence.
        below: Model and texts, the second line of the title.
        path: The plot; its extension is the format.
    """
    figure = page_figure(5.0, "Accuracy by confidence", below)
    axes = figure.add_subplot()
    confidence = [100 * group.confidence for group in groups]
    accuracy = [100 * group.accuracy for group in groups]
    (diagonal,) = axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", linewidth=1)
    diagonal.set_label("perfectly calibrated")
    axes.plot(confidence, accuracy, "o-", color=VERMILION, linewidth=1, markersize=5)
    axes.errorbar(
        confidence, accuracy, yerr=_errors(groups), fmt="none", ecolor=VERMILION, capsize=3
    )
    least = min(*accuracy, *confidence)
    axes.set(xlim=(min(confidence) - 5, 102), ylim=(max(least - 8, -2), 102))
    axes.set_xlabel("mean probability of the predicted class in percent")
    axes.set_ylabel("accuracy in percent")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    legend_below(figure, [_bar("texts of about this probability"), diagonal])
    save_figure(figure, path)


def plot_groups(tables: Mapping[str, Sequence[Group]], below: str, path: Path) -> None:
    """Draw the accuracy of groups of texts, a panel per table, with the numbers of texts.

    Args:
        tables: Groups of texts by title.
        below: Model and texts, the second line of the title.
        path: The plot; its extension is the format.
    """
    rows = [len(groups) for groups in tables.values()]
    height = 1.6 + sum(0.4 + 0.42 * number for number in rows)
    figure = page_figure(height, "Accuracy of groups of texts", below)
    panels = figure.subplots(len(rows), sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    for axes, (name, groups) in zip(panels, tables.items(), strict=True):
        there = [(place, group) for place, group in enumerate(groups) if group.texts]
        places = [place for place, _ in there]
        accuracy = [100 * group.accuracy for _, group in there]
        errors = _errors([group for _, group in there])
        axes.plot(accuracy, places, "o", color=VERMILION, markersize=6)
        axes.errorbar(accuracy, places, xerr=errors, fmt="none", ecolor=VERMILION, capsize=3)
        labels = [f"{group.name}\n{group.texts:,} texts" for group in groups]
        axes.set_yticks(range(len(groups)), labels, fontsize=9)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_title(name, fontsize=10, loc="left")
        axes.tick_params(axis="y", length=0)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("accuracy in percent")
    legend_below(figure, [_bar("texts of the group")])
    save_figure(figure, path)


def _errors(groups: Sequence[Group]) -> list[float]:
    return [100 * standard_error(group.accuracy, group.texts) for group in groups]


def _bar(texts: str) -> Line2D:
    style: dict[str, Any] = {"color": VERMILION, "marker": "o"}
    return Line2D([], [], label=f"accuracy ± standard error over the {texts}", **style)
