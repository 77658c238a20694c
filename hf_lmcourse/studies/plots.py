"""A study as a picture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..report.palette import GREY, distinct_colours
from .curves import curve_of, is_language_model, point_curves, quantities
from .table import factors_of, levels_of

__all__ = ["plot_study"]

_COLUMNS = 3
_MARKERS = "os^Dv*PX"
_COSTS = (
    ("milliseconds a step", "seconds_per_step", 1e3),
    ("peak of memory in MB", "peak_memory_bytes", 1e-6),
)

Values = dict[str, dict[str, list[float]]]
"""Figures by split and variant, one a seed."""


@dataclass(frozen=True)
class _Look:
    """How a variant is drawn everywhere."""

    colour: str
    marker: str
    alpha: float


def plot_study(study: dict[str, Any], path: Path) -> None:
    """Draw the metric and the costs against what is varied, and the curves of the training.

    Each mark is one seed, and lines join the means. A setting with numbers runs along the axis,
    names stand one below the other. In a grid the first factor is the colour, the second one the
    axis and, in the curves, the mark. The curves are the loss and the perplexity, of a classifier
    the loss and the metric, by epoch, or by minutes where the trainings had a limit of time.

    Args:
        study: as its file holds it, also one from before costs and curves were recorded.
        path: the picture; its ending says the format, such as .png.
    """
    looks = _looks(study)
    panels: list[Callable[[Axes], None]] = [
        partial(_draw_figures, study=study, looks=looks, label=label, values=values, first=not i)
        for i, (label, values) in enumerate(_figures(study).items())
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
    _draw_legend(cells[len(panels)], study, looks)
    figure.suptitle(f"{study['name']}: {study['model_type']} on {study['corpus']}", fontsize=12)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _looks(study: dict[str, Any]) -> dict[str, _Look]:
    """A colour for each variant; in a grid one for each level of the first factor."""
    factors = list(factors_of(study).values())
    palette = dict(zip(factors[0], distinct_colours(len(factors[0])), strict=True))
    looks = {}
    for variant, levels in levels_of(study).items():
        order, of = (factors[1].index(levels[1]), len(factors[1])) if factors[1:] else (0, 1)
        marker = _MARKERS[order % len(_MARKERS)]
        looks[variant] = _Look(palette[levels[0]], marker, alpha=1 - 0.6 * order / of)
    return looks


def _figures(study: dict[str, Any]) -> dict[str, Values]:
    """What is drawn against the factor, by the label of its axis: the metric, time and memory."""
    metric = study["metric"].replace("_", " ")
    figures: dict[str, Values] = {metric: {}}
    for point in study["points"]:
        for split, values in point["metrics"].items():
            seeds = figures[metric].setdefault(split, {}).setdefault(point["variant"], [])
            seeds.append(values[study["metric"]])
        for label, name, unit in _COSTS:
            if point.get(name) is not None:
                costs = figures.setdefault(label, {"validation": {}})["validation"]
                costs.setdefault(point["variant"], []).append(unit * point[name])
    return figures


def _draw_figures(
    axes: Axes,
    study: dict[str, Any],
    looks: dict[str, _Look],
    label: str,
    values: Values,
    first: bool,
) -> None:
    """The means and the single seeds of some figures; hollow marks are of the test split.

    Names of levels stand at the first panel alone: they are long, and the others are beside it.
    Those are costs, which begin at zero.
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
                mark: dict[str, Any] = {
                    "color": look.colour,
                    "markerfacecolor": fill,
                    "clip_on": False,
                }
                axes.plot(*along, "o", **mark, zorder=3)
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
    """Names of levels as numbers; none where one of them is none."""
    try:
        return [float(name) for name in names]
    except ValueError:
        return []


def _series(study: dict[str, Any]) -> list[list[str]]:
    """The variants that a line joins: all, or in a grid those of a level of the first factor."""
    if len(factors_of(study)) == 1:
        return [list(levels_of(study))]
    series: dict[str, list[str]] = {}
    for variant, levels in levels_of(study).items():
        series.setdefault(levels[0], []).append(variant)
    return list(series.values())


def _draw_curves(axes: Axes, study: dict[str, Any], looks: dict[str, _Look], quantity: str) -> None:
    """Means over the seeds: validation solid with marks, training dashed.

    In full view from the first validation on, or from half of the way where that comes later.
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
    """Cut off what the training began with, and of perplexities what nobody ends near."""
    if not heights:
        return
    low, high = min(heights), max(heights)
    high = high if top is None else min(high, top)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _draw_legend(axes: Axes, study: dict[str, Any], looks: dict[str, _Look]) -> None:
    """Colours and marks, kinds of lines, and what the training loss is."""
    factors, levels = factors_of(study), levels_of(study)
    colours = {level: {"color": looks[v].colour, "lw": 3} for v, (level, *_) in levels.items()}
    handles = _entries(next(iter(factors)), colours)
    if len(factors) > 1:
        marks = {level: looks[v] for v, (_, level) in levels.items()}
        handles += _entries(
            list(factors)[1],
            {k: {"color": GREY, "alpha": m.alpha, "marker": m.marker} for k, m in marks.items()},
        )
    handles += _entries("figures", _kinds(study))
    axes.legend(
        handles=handles,
        title=_note(study),
        title_fontsize=8,
        fontsize=9,
        loc="center",
        alignment="left",
        frameon=False,
        ncols=1 if len(handles) <= 15 else 2,
    )


def _entries(heading: str, styles: dict[str, dict[str, Any]]) -> list[Line2D]:
    """A heading of the legend, and the lines below it."""
    lines = [Line2D([], [], label=label, **style) for label, style in styles.items()]
    return [Line2D([], [], linestyle="", label=f"{heading.replace('_', ' ')}:"), *lines]


def _kinds(study: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """How each split is drawn, of those that the study has."""
    kinds: dict[str, dict[str, Any]] = {"validation": {"color": "black", "marker": "o"}}
    if any("test" in point["metrics"] for point in study["points"]):
        kinds["test"] = {"color": "black", "marker": "o", "ls": "", "markerfacecolor": "none"}
    if any("loss" in point_curves(p, study)["training"] for p in study["points"]):
        kinds["training"] = {"color": "black", "ls": "--"}
    return kinds


def _note(study: dict[str, Any]) -> str:
    """What the dashed curves are: not what an evaluation of the training text would give."""
    if "training" not in _kinds(study):
        return ""
    note = "training: as logged, in training mode,\nmeans over the steps in between"
    if any(point.get("num_sampled") for point in study["points"]):
        note += ";\nover sampled words where the softmax is sampled"
    return note
