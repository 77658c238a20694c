"""The plot of a study."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..report.figures import save_figure
from ..report.palette import GREY
from .curves import curve_of, is_language_model, quantities
from .legend import Look, draw_legend, looks_of, metric_has_asterisk
from .selection import factors_of, levels_of, shown_splits

_COLUMNS = 3
_COSTS = (
    ("milliseconds per step", "seconds_per_step", 1e3),
    ("peak memory in MB", "peak_memory_bytes", 1e-6),
)

Values = dict[str, dict[str, list[float]]]
"""Values by split and variant, one per seed."""


def plot_study(study: dict[str, Any], path: Path) -> None:
    """Plot the metric and the costs against what is varied, and the training curves.

    Each marker is one seed, and lines join the means. A numeric setting is the horizontal axis;
    named levels are listed vertically. In a grid the first factor is the colour, the second one the
    axis and, in the curves, the marker. Test is plotted for the variant that validation picks. The
    curves are the loss and the perplexity (for a classifier the metric), by epoch or by minutes of
    training steps.

    Args:
        study: Content of the study's file; an old one may lack costs and curves.
        path: Path of the plot; its extension determines the format, such as .png.
    """
    looks = looks_of(study)
    panels: list[Callable[[Axes], None]] = [
        partial(_draw_values, study=study, looks=looks, label=label, values=values, first=not i)
        for i, (label, values) in enumerate(_values(study).items())
    ]
    panels += [
        partial(_draw_curves, study=study, looks=looks, quantity=quantity)
        for quantity in quantities(study)
    ]
    rows = len(panels) // _COLUMNS + 1  # one cell more, for the legend
    names = len(list(factors_of(study).values())[-1])
    heights = [max(3.8, 0.8 + 0.22 * names), *[4.2] * (rows - 1)]
    figure = Figure(figsize=(14, sum(heights)), layout="constrained")
    cells = figure.subplots(rows, _COLUMNS, squeeze=False, height_ratios=heights).flatten()
    for axes, draw in zip(cells, panels, strict=False):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
    for axes in cells[len(panels) :]:
        axes.axis("off")
    draw_legend(cells[len(panels)], study, looks)
    figure.suptitle(f"{study['name']}: {study['model_type']} on {study['corpus']}", fontsize=12)
    save_figure(figure, path)


def _values(study: dict[str, Any]) -> dict[str, Values]:
    """Collect what is plotted against the factor, by axis label: the metric, time and memory."""
    metric = study["metric"].replace("_", " ") + "*" * metric_has_asterisk(study)
    collected: dict[str, Values] = {metric: {}}
    splits = shown_splits(study)
    for point in study["points"]:
        for split in splits[point["variant"]]:
            value = point["metrics"][split].get(study["metric"])
            if value is not None:
                by_variant = collected[metric].setdefault(split, {})
                by_variant.setdefault(point["variant"], []).append(value)
        for label, name, unit in _COSTS:
            if point.get(name) is not None:
                costs = collected.setdefault(label, {"validation": {}})["validation"]
                costs.setdefault(point["variant"], []).append(unit * point[name])
    return collected


def _draw_values(
    axes: Axes,
    study: dict[str, Any],
    looks: dict[str, Look],
    label: str,
    values: Values,
    first: bool,
) -> None:
    """Plot means and single seeds of one quantity; hollow markers are the test split.

    Only the first panel names the levels. The others are costs, whose axis begins at zero.
    """
    name, names = list(factors_of(study).items())[-1]
    numbers = _numbers(names)
    where = dict(zip(names, numbers or range(len(names)), strict=True))
    for split, by_variant in values.items():
        for series in _series(study):
            means = []
            for variant in (v for v in series if v in by_variant):
                look, seeds = looks[variant], by_variant[variant]
                place = where[levels_of(study)[variant][-1]]
                means.append((place, mean(seeds)))
                along = ([place] * len(seeds), seeds) if numbers else (seeds, [place] * len(seeds))
                fill = "none" if split == "test" else look.colour
                marker: dict[str, Any] = {
                    "color": look.colour,
                    "markerfacecolor": fill,
                    "clip_on": False,
                }
                axes.plot(*along, "o", **marker, zorder=3)
            if numbers and means:
                colour = looks[series[0]].colour if len(factors_of(study)) > 1 else GREY
                style = ":" if split == "test" else "-"
                axes.plot(*zip(*means, strict=True), style, color=colour, linewidth=1.2)
    if not first:
        axes.set(**{"ylim" if numbers else "xlim": (0, None)})
    if not numbers:
        axes.set_yticks(range(len(names)), names if first else [""] * len(names))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel(label)
        return
    if min(numbers) > 0 and max(numbers) >= 8 * min(numbers):
        axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, names)
    axes.set_xlabel(name.replace("_", " "))
    axes.set_ylabel(label)


def _numbers(names: Sequence[str]) -> list[float]:
    """Parse the names of levels as numbers; empty if one of them is not a number."""
    try:
        return [float(name) for name in names]
    except ValueError:
        return []


def _series(study: dict[str, Any]) -> list[list[str]]:
    """Variants joined by a line: all, or in a grid those of one level of the first factor."""
    if len(factors_of(study)) == 1:
        return [list(levels_of(study))]
    series: dict[str, list[str]] = {}
    for variant, levels in levels_of(study).items():
        series.setdefault(levels[0], []).append(variant)
    return list(series.values())


def _draw_curves(axes: Axes, study: dict[str, Any], looks: dict[str, Look], quantity: str) -> None:
    """Plot means over the seeds: validation solid with markers, training dashed.

    The vertical axis fits the curves from the first evaluation on, or from half of the training if
    that is earlier.
    """
    heights: list[float] = []
    best = []
    for variant, look in looks.items():
        style: dict[str, Any] = {"color": look.colour, "alpha": look.alpha, "linewidth": 1.2}
        places, values = curve_of(study, variant, "validation", quantity)
        axes.plot(places, values, "-", marker=look.marker, markersize=4, **style)
        heights += values
        best += [min(values)] if values else []
        trained = list(zip(*curve_of(study, variant, "training", quantity), strict=True))
        axes.plot(*(zip(*trained, strict=True) if trained else ([], [])), "--", **style)
        start = min(places[0], places[-1] / 2) if places else math.inf
        heights += [value for place, value in trained if place >= start]
    _limit_heights(axes, heights, 1.5 * max(best) if quantity == "perplexity" and best else None)
    axes.set_xlabel(
        "minutes of training steps" if study.get("curves_by") == "seconds" else "epochs"
    )
    per = "token" if is_language_model(study) else "text"
    axes.set_ylabel(f"loss, nats per {per}" if quantity == "loss" else quantity.replace("_", " "))


def _limit_heights(axes: Axes, heights: list[float], top: float | None) -> None:
    """Cut off the first losses of the training, and very high perplexities."""
    if not heights:
        return
    low, high = min(heights), max(heights)
    high = high if top is None else min(high, top)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)
