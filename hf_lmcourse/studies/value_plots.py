"""Plots of a study against what is varied: the metric, and the costs of training."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..report.figures import legend_below, page_figure, save_figure
from ..report.palette import BLUE, GREEN, GREY, LOOKS, VERMILION, Look
from ..report.titles import setting_title
from ..report.unknown_words import ASTERISK_NOTE
from .levels import LevelAxis, level_title
from .quantities import Quantity, measured_costs, measured_metric, metric_has_asterisk, metric_label
from .selection import drawn_lines, factors_of, levels_of

_SPLITS = {"validation": Look(VERMILION, "o", "-"), "test": Look(GREEN, "D", ":")}
_TEXTS: dict[str, Any] = {"linewidth": 1.2}
_SEEDS: dict[str, Any] = {"linewidth": 3.5, "alpha": 0.45}
"""The two kinds of error bars."""

_ASIDE, _BELOW = 0.012, 0.24
"""Shares of the axis, or of a row, by which test is moved: its bar would cover another."""


def varied(study: dict[str, Any]) -> str:
    """What a study varies, in words."""
    return " and ".join(map(setting_title, factors_of(study)))


def plot_metric(study: dict[str, Any], title: str, below: str, path: Path) -> None:
    """Plot the metric of every variant on validation, and of the best one on test.

    Thin bars are standard errors over the texts, thick ones standard deviations over the seeds,
    and points single seeds.

    Args:
        study: Content of the study's file.
        title: Above the plot.
        below: The second line of the title.
        path: The plot; its extension is the format.
    """
    axis, lines = _axis(study), _lines(study)
    figure = page_figure(_height(axis, lines), title, below + _left_out(study, lines))
    axes = figure.add_subplot()
    quantities = measured_metric(study)
    for split, quantity in quantities.items():
        for number in range(len(lines)):
            look = LOOKS[number] if len(lines) > 1 else _SPLITS.get(split, LOOKS[-1])
            _draw_line(axes, axis, _placed(study, axis, lines, number), look, quantity, split)
    axis.label(axes)
    _name_axes(axes, axis, study, metric_label(study))
    notes = [_first_factor(study), ASTERISK_NOTE if metric_has_asterisk(study) else ""]
    legend_below(figure, _legend(study, lines, quantities), "\n".join(filter(None, notes)))
    save_figure(figure, path)


def plot_costs(study: dict[str, Any], title: str, below: str, path: Path) -> None:
    """Plot `measured_costs`, side by side; the arguments are those of `plot_metric`."""
    axis, lines, costs = _axis(study), _lines(study), measured_costs(study)
    figure = page_figure(_height(axis, lines), title, below + _left_out(study, lines))
    panels = figure.subplots(1, len(costs), squeeze=False)[0]
    for place, (axes, cost) in enumerate(zip(panels, costs, strict=True)):
        for number in range(len(lines)):
            look = LOOKS[number] if len(lines) > 1 else Look(BLUE, "o", "-")
            _draw_line(axes, axis, _placed(study, axis, lines, number), look, cost, "")
        _begin_at_zero(axes, axis)
        axis.label(axes, names=place == 0)
        _name_axes(axes, axis, study, cost.label)
    handles = _line_handles(study, lines)
    if any(cost.spreads() for cost in costs):
        handles.append(_bar("± standard deviation over the seeds (points)", _SEEDS))
    legend_below(figure, handles, _first_factor(study))
    save_figure(figure, path)


def _axis(study: dict[str, Any]) -> LevelAxis:
    return LevelAxis.of(list(factors_of(study).values())[-1])


def _lines(study: dict[str, Any]) -> list[Sequence[str]]:
    """Variants that share a look: all, or in a grid those of one level of the first factor."""
    if len(factors_of(study)) == 1:
        return [list(levels_of(study))]
    lines: dict[str, list[str]] = {}
    for variant, levels in levels_of(study).items():
        lines.setdefault(levels[0], []).append(variant)
    return drawn_lines(study, list(lines.values()))


def _left_out(study: dict[str, Any], lines: list[Sequence[str]]) -> str:
    """Say which lines of a grid are drawn, unless all are."""
    there = {levels[:-1] for levels in levels_of(study).values()}
    return lines_note(len(lines), len(there))


def lines_note(shown: int, there: int) -> str:
    """Say of how many lines a panel shows some, for the second line of its title."""
    return f": the first and the best, {shown} of {there}" if shown < there else ""


def _placed(
    study: dict[str, Any], axis: LevelAxis, lines: list[Sequence[str]], number: int
) -> dict[str, float]:
    """Positions of the variants of a line; lines of named levels are side by side."""
    aside = 0.0 if axis.numeric else (number + 0.5) / len(lines) - 0.5
    levels = levels_of(study)
    return {v: axis.places[levels[v][-1]] + 0.7 * aside for v in lines[number]}


def _draw_line(
    axes: Axes,
    axis: LevelAxis,
    placed: dict[str, float],
    look: Look,
    quantity: Quantity,
    split: str,
) -> None:
    """Plot the means of one line with their error bars, and the seeds as points."""
    variants = [variant for variant in placed if variant in quantity.values]
    if not variants:
        return
    aside = (_ASIDE if axis.numeric else _BELOW) * (split == "test")
    places = [axis.beside(placed[variant], aside) for variant in variants]
    means = [mean(quantity.values[variant]) for variant in variants]
    x, y = (places, means) if axis.numeric else (means, places)
    for lengths, style in ((quantity.spreads(), _SEEDS), (quantity.errors, _TEXTS)):
        if lengths:
            errors = [lengths.get(variant, math.nan) for variant in variants]
            bars: dict[str, Any] = {"yerr" if axis.numeric else "xerr": errors}
            axes.errorbar(x, y, fmt="none", ecolor=look.colour, **bars, **style)
    joined = look.as_line() if axis.numeric else look.as_line() | {"linestyle": ""}
    fill = "white" if split == "test" else look.colour
    axes.plot(x, y, **joined, markerfacecolor=fill, markersize=6, linewidth=1.2, zorder=3)
    for variant, place in zip(variants, places, strict=True):
        seeds = quantity.values[variant]
        if len(seeds) > 1:
            each = [place] * len(seeds)
            points = (each, seeds) if axis.numeric else (seeds, each)
            axes.plot(*points, ".", color="black", markersize=3, zorder=4)


def _name_axes(axes: Axes, axis: LevelAxis, study: dict[str, Any], label: str) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if axis.numeric:
        axes.set(xlabel=setting_title(list(factors_of(study))[-1]), ylabel=label)
    else:
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(6))


def _begin_at_zero(axes: Axes, axis: LevelAxis) -> None:
    """Costs are compared by their ratio."""
    if axis.numeric:
        axes.set_ylim(0, 1.03 * axes.get_ylim()[1])
    else:
        axes.set_xlim(0, 1.03 * axes.get_xlim()[1])


def _height(axis: LevelAxis, lines: list[Sequence[str]]) -> float:
    """Inches of a figure: levels one below the other need a line each, more if lines share it."""
    if axis.numeric:
        return 4.4
    names = sum(1 + level_title(level).count("\n") for level in axis.places)
    return 1.6 + 0.28 * max(names, 4, 0.7 * len(lines) * len(axis.places))


def _legend(
    study: dict[str, Any], lines: list[Sequence[str]], quantities: dict[str, Quantity]
) -> list[Artist]:
    """Explain lines, splits and bars."""
    handles = _line_handles(study, lines)
    for split in quantities:
        look = _SPLITS.get(split, LOOKS[-1])
        colour = GREY if len(lines) > 1 else look.colour
        label = "test, of the best on validation" if split == "test" else split
        fill = "white" if split == "test" else colour
        marker = "o" if len(lines) > 1 else look.marker
        style: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "markerfacecolor": fill,
            "linestyle": "",
        }
        handles.append(Line2D([], [], label=label, **style))
    if any(quantity.errors for quantity in quantities.values()):
        handles.append(_bar("± standard error over the texts", _TEXTS))
    if any(quantity.spreads() for quantity in quantities.values()):
        handles.append(_bar("± standard deviation over the seeds (points)", _SEEDS))
    return handles


def _line_handles(study: dict[str, Any], lines: list[Sequence[str]]) -> list[Artist]:
    """The looks of the lines of a grid."""
    if len(factors_of(study)) == 1:
        return []
    levels = levels_of(study)
    names = [level_title(levels[variants[0]][0]) for variants in lines]
    return [
        Line2D([], [], label=name, **look.as_line())
        for name, look in zip(names, LOOKS, strict=False)
    ]


def _first_factor(study: dict[str, Any]) -> str:
    """What the lines of a grid are."""
    factors = list(factors_of(study))
    return setting_title(factors[0]) if len(factors) > 1 else ""


def _bar(label: str, style: dict[str, Any]) -> Artist:
    return Line2D([], [], color=GREY, label=label, **style)
