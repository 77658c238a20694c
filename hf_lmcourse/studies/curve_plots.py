"""Plots of a study by epoch or time: accuracy, and the losses of training and validation."""

import math
import textwrap
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..report.figures import legend_below, page_figure, save_figure
from ..report.numbers import standard_error
from ..report.palette import BLUE, GREY, LOOKS, VERMILION, Look
from ..report.perplexity_axis import add_perplexity_axis
from .curves import Curve, curve_of, is_language_model
from .levels import level_title
from .quantities import same_tokens
from .selection import drawn_lines, factors_of, levels_of
from .value_plots import lines_note, varied

_SPLITS = {"training": Look(BLUE, "s", "--"), "validation": Look(VERMILION, "o", "-")}
_MOST_MARKERS = 10
_BEGINNING = 0.1
"""Share of the training whose losses may be cut off."""


def along(study: dict[str, Any]) -> str:
    """What the curves are drawn along."""
    return "minutes of training steps" if study.get("curves_by") == "seconds" else "epochs"


def has_metric_curve(study: dict[str, Any]) -> bool:
    """Whether the accuracy was evaluated more than once; the loss says all of a perplexity."""
    return study["metric"] == "accuracy" and bool(_curves(study, "validation", "accuracy"))


def has_losses(study: dict[str, Any]) -> bool:
    """Whether a loss was recorded more than once."""
    return any(_curves(study, split, "loss") for split in _SPLITS)


def plot_metric_curve(study: dict[str, Any], title: str, below: str, path: Path) -> None:
    """Plot the accuracy on validation by epoch, with the standard error over the texts.

    A single variant has an error bar at each point; several have one bar on the right, since their
    errors are about equal.

    Args:
        study: Content of the study's file.
        title: Above the plot.
        below: The second line of the title.
        path: The plot; its extension is the format.
    """
    curves = _curves(study, "validation", "accuracy")
    percent = {
        v: Curve(c.places, *([100 * y for y in ys] for ys in (c.means, c.spreads)))
        for v, c in curves.items()
    }
    figure = page_figure(4.4, title, below + _left_out(study))
    axes = figure.add_subplot()
    looks = (
        _looks(list(curves)) if len(curves) > 1 else dict.fromkeys(curves, _SPLITS["validation"])
    )
    for variant, curve in percent.items():
        _draw(axes, curve, looks[variant])
    handles = _handles(study, looks, any(curve.spreads for curve in percent.values()))
    if _draw_standard_error(axes, study, percent):
        handles.append(Line2D([], [], color=GREY, label="± standard error over the texts"))
    _finish(axes, study, "validation accuracy in percent")
    legend_below(figure, handles, _legend_title(study))
    save_figure(figure, path)


def plot_losses(study: dict[str, Any], title: str, below: str, path: Path) -> None:
    """Plot the loss of training and of validation, next to each other at the same height.

    The lines of a single variant share a panel. The vertical axis fits the training losses from the
    first evaluation on, or from half of the training if that is earlier. The arguments are those of
    `plot_metric_curve`.
    """
    curves = {split: found for split in _SPLITS if (found := _curves(study, split, "loss"))}
    variants = list(dict.fromkeys(chain.from_iterable(curves.values())))
    together = len(variants) == 1
    below += "" if same_tokens(study) else "; losses of different tokens do not compare"
    figure = page_figure(4.4, title, below + _left_out(study))
    count = 1 if together else len(curves)
    panels = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    looks = _looks(variants)
    for number, (split, found) in enumerate(curves.items()):
        axes = panels[0 if together else number]
        for variant, curve in found.items():
            _draw(axes, curve, _SPLITS[split] if together else looks[variant])
        axes.set_title("" if together else _split_title(study, split), fontsize=9)
    _limit_heights(panels[0], curves)
    per = "token" if is_language_model(study) else "text"
    for number, axes in enumerate(panels):
        _finish(axes, study, "" if number else f"loss in nats per {per}")
    if is_language_model(study):
        add_perplexity_axis(panels[-1])
    shaded = any(curve.spreads for found in curves.values() for curve in found.values())
    handles = _handles(study, looks, shaded)
    if together:
        handles += [
            Line2D([], [], label=_split_title(study, s), **_SPLITS[s].as_line()) for s in curves
        ]
    legend_below(figure, handles, _legend_title(study))
    save_figure(figure, path)


def _curves(study: dict[str, Any], split: str, quantity: str) -> dict[str, Curve]:
    """Curves of at least two points by variant, as many as can be told apart."""
    read = partial(curve_of, study, split=split, quantity=quantity)
    lines = drawn_lines(study, [[variant] for variant in levels_of(study)])
    curves = {variant: read(variant) for (variant,) in lines}
    return {variant: curve for variant, curve in curves.items() if len(curve.places) > 1}


def _left_out(study: dict[str, Any]) -> str:
    variants = [[variant] for variant in levels_of(study)]
    return lines_note(len(drawn_lines(study, variants)), len(variants))


def _looks(variants: Sequence[str]) -> dict[str, Look]:
    return dict(zip(variants, LOOKS, strict=False))


def _draw(axes: Axes, curve: Curve, look: Look) -> None:
    every = -(-len(curve.places) // _MOST_MARKERS)
    axes.plot(
        curve.places, curve.means, markevery=every, markersize=5, linewidth=1.3, **look.as_line()
    )
    if curve.spreads:
        means, spreads = np.array(curve.means), np.array(curve.spreads)
        style: dict[str, Any] = {"color": look.colour, "alpha": 0.15, "linewidth": 0}
        axes.fill_between(curve.places, means - spreads, means + spreads, **style)


def _draw_standard_error(axes: Axes, study: dict[str, Any], percent: dict[str, Curve]) -> bool:
    """Draw the error bars of `plot_metric_curve`; return whether the number of texts is known."""
    texts = study["points"][0]["metrics"].get("validation", {}).get("texts")
    if not texts:
        return False
    style: dict[str, Any] = {"fmt": "none", "linewidth": 1.2, "capsize": 3}
    if len(percent) == 1:
        (curve,) = percent.values()
        errors = [100 * standard_error(value / 100, texts) for value in curve.means]
        axes.errorbar(curve.places, curve.means, yerr=errors, ecolor=VERMILION, **style)
        return True
    first = min(curve.places[0] for curve in percent.values())
    last = max(curve.places[-1] for curve in percent.values())
    height = mean(curve.means[-1] for curve in percent.values())
    error = 100 * standard_error(height / 100, texts)
    axes.errorbar([last + 0.06 * (last - first)], [height], yerr=[error], ecolor=GREY, **style)
    return True


def _handles(study: dict[str, Any], looks: dict[str, Look], shaded: bool) -> list[Artist]:
    """Explain the lines, unless there is one variant only, and the bands."""
    handles: list[Artist] = []
    if len(levels_of(study)) > 1:
        handles += [
            Line2D([], [], label=level_title(variant), **look.as_line())
            for variant, look in looks.items()
        ]
    if shaded:
        label = "± standard deviation over the seeds"
        handles.append(Patch(facecolor=GREY, alpha=0.3, label=label))
    return handles


def _legend_title(study: dict[str, Any]) -> str:
    several = len(levels_of(study)) > 1
    return varied(study) if several and list(factors_of(study)) != ["variant"] else ""


def _split_title(study: dict[str, Any], split: str) -> str:
    """Name a split, and say of the training what its loss is."""
    if split == "validation":
        return split
    sampled = any(point.get("num_sampled") for point in study["points"])
    over = ", over sampled words if the softmax is sampled" * sampled
    return textwrap.fill(f"training: in training mode, mean since the last log{over}", 56)


def _finish(axes: Axes, study: dict[str, Any], label: str) -> None:
    axes.set(xlabel=along(study), ylabel=label)
    if along(study) == "epochs" and axes.get_xlim()[1] > 3:
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _limit_heights(axes: Axes, curves: dict[str, dict[str, Curve]]) -> None:
    """Cut off the first losses of the training, which would flatten all that follows."""
    heights: list[float] = []
    for split, found in curves.items():
        for variant, curve in found.items():
            evaluated = curves.get("validation", {}).get(variant, curve).places
            first, last = evaluated[0], evaluated[-1]
            start = max(_BEGINNING * last, min(first, last / 2) if split == "training" else 0.0)
            pairs = zip(curve.places, curve.means, strict=True)
            heights += [v for place, v in pairs if place >= start and math.isfinite(v)]
    if heights:
        low, high = min(heights), max(heights)
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        axes.set_ylim(low - margin, high + margin)
