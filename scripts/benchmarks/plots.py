"""Plots of benchmarks: time relative to ours, and how cost scales."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hf_lmcourse.report.figures import legend_below, page_figure, save_figure, wrapped
from hf_lmcourse.report.palette import GREY, LOOKS, MOST_LINES

from .page import BenchmarkRecord, fitted_exponent
from .timing import Comparison

__all__ = ["plot_benchmark", "show_a_decade"]

_LONGEST_NAME = 44


def plot_benchmark(record: BenchmarkRecord, path: Path) -> None:
    """Plot a benchmark.

    Comparisons at several sizes are drawn as curves on logarithmic axes with their exponents, with
    memory below time if it was measured; others as the time of each other side divided by ours.

    Args:
        record: The benchmark.
        path: File of the plot; its suffix sets the format.
    """
    figure = _curves(record) if record.curves else _ratios(record)
    save_figure(figure, path, formulas=bool(record.curves))  # powers of ten on the axes


def _curves(record: BenchmarkRecord) -> Figure:
    curves = record.curves
    with_memory = any(point.peak_bytes for points in curves.values() for point in points)
    figure = page_figure(0.6 + 3.8 * len(curves), "How time and memory grow", _words(record))
    grid = figure.subplots(len(curves), 1 + with_memory, squeeze=False)
    for row, (name, points) in enumerate(curves.items()):
        _draw_curve(grid[row, 0], points, [point.medians for point in points], "seconds")
        grid[row, 0].set_title(name, fontsize=11)
        if with_memory and points[0].peak_bytes:
            megabytes = [{side: peak / 1e6 for side, peak in p.peak_bytes.items()} for p in points]
            _draw_curve(grid[row, 1], points, megabytes, "peak memory in MB")
        elif with_memory:
            grid[row, 1].set_visible(False)
    return figure


def _words(record: BenchmarkRecord) -> str:
    return record.name.replace("_", " ")


def _draw_curve(
    axes: Axes, points: Sequence[Comparison], values: Sequence[dict[str, float]], quantity: str
) -> None:
    sizes: list[Any] = [point.size for point in points]
    for index, side in enumerate(values[0]):
        heights = [value[side] for value in values]
        axes.plot(
            sizes,
            heights,
            **LOOKS[index % MOST_LINES].as_line(),
            markersize=4,
            label=f"{side}: exponent {fitted_exponent(sizes, heights):z.2f}",
        )
    axes.set(xscale="log", yscale="log", xlabel=points[0].variable, ylabel=quantity)
    show_a_decade(axes)
    _finish(axes)
    axes.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def show_a_decade(axes: Axes) -> None:
    """Widen a logarithmic axis to a factor of ten, so that what hardly grows looks flat."""
    low, high = axes.get_ylim()
    widen = max(1.0, 10 * low / high) ** 0.5
    axes.set_ylim(low / widen, high * widen)


def _ratios(record: BenchmarkRecord) -> Figure:
    drawn = [comparison for comparison in record.comparisons if comparison.ratios]
    names = [wrapped(f"{row.name}; {row.setting}", _LONGEST_NAME) for row in drawn]
    lines = sum(0.8 + 0.7 * (1 + name.count("\n")) for name in names)
    title = "Time of the others, relative to the first way"
    figure = page_figure(1.3 + 0.16 * lines, title, _words(record))
    axes = figure.add_subplot()
    sides = list(dict.fromkeys(side for comparison in drawn for side in comparison.ratios))
    for index, side in enumerate(sides):
        places = [place for place, row in enumerate(drawn) if side in row.ratios]
        axes.plot(
            [drawn[place].ratios[side] for place in places],
            places,
            LOOKS[index % MOST_LINES].marker,
            color=LOOKS[index % MOST_LINES].colour,
            markersize=5,
            label=side,
        )
    aimed = [(aim, place) for place, row in enumerate(drawn) for aim in row.aims.values()]
    if aimed:
        axes.plot(*zip(*aimed, strict=True), "|", color=GREY, markersize=11, label="aim")
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_yticks(range(len(drawn)), names, fontsize=8)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    axes.set(xscale="log", xlabel="time relative to the first way: right of 1 the first is faster")
    _finish(axes)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.5), max(high, 2.0))  # otherwise a few percent would look like a factor
    few = max(high, 2.0) / min(low, 0.5) > 50
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if few else (1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    handles = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    legend_below(figure, handles)
    return figure


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
