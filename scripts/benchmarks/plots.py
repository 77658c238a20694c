"""Plots of benchmarks: time relative to ours, and how cost scales."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hf_lmcourse.report.palette import GREY, PALETTE

from .page import BenchmarkRecord, fitted_exponent
from .timing import Comparison

__all__ = ["plot_benchmark", "show_a_decade"]

_MARKERS = "osD^vPX*"


def plot_benchmark(record: BenchmarkRecord, path: Path) -> None:
    """Plot a benchmark.

    Comparisons at several sizes are drawn as curves on logarithmic axes with their exponents, with
    memory below time if it was measured; others as the time of each other side divided by ours.

    Args:
        record: The benchmark.
        path: File of the plot; its suffix sets the format.
    """
    if record.curves:
        figure = _curves(record)
    else:
        figure = _ratios(record.comparisons)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _curves(record: BenchmarkRecord) -> Figure:
    curves = record.curves
    with_memory = any(point.peak_bytes for points in curves.values() for point in points)
    rows = 1 + with_memory
    figure = Figure(figsize=(4.6 * len(curves), 3.9 * rows), layout="constrained")
    grid = figure.subplots(rows, len(curves), squeeze=False)
    for column, (name, points) in enumerate(curves.items()):
        times = [point.medians for point in points]
        _draw_curve(grid[0, column], points, times, "seconds")
        grid[0, column].set_title(name, fontsize=11)
        if with_memory and points[0].peak_bytes:
            megabytes = [{side: peak / 1e6 for side, peak in p.peak_bytes.items()} for p in points]
            _draw_curve(grid[1, column], points, megabytes, "peak memory in MB")
        elif with_memory:
            grid[1, column].set_visible(False)
    return figure


def _draw_curve(
    axes: Axes, points: Sequence[Comparison], values: Sequence[dict[str, float]], quantity: str
) -> None:
    sizes: list[Any] = [point.size for point in points]
    for index, side in enumerate(values[0]):
        heights = [value[side] for value in values]
        axes.plot(
            sizes,
            heights,
            marker=_MARKERS[index % len(_MARKERS)],
            color=PALETTE[index % len(PALETTE)],
            markersize=4,
            label=f"{side}: exponent {fitted_exponent(sizes, heights):z.2f}",
        )
    axes.set(xscale="log", yscale="log", xlabel=points[0].variable, ylabel=quantity)
    show_a_decade(axes)
    _finish(axes)
    axes.legend(frameon=False, fontsize=8)


def show_a_decade(axes: Axes) -> None:
    """Widen a logarithmic axis to a factor of ten, so that what hardly grows looks flat."""
    low, high = axes.get_ylim()
    widen = max(1.0, 10 * low / high) ** 0.5
    axes.set_ylim(low / widen, high * widen)


def _ratios(comparisons: Sequence[Comparison]) -> Figure:
    drawn = [comparison for comparison in comparisons if comparison.ratios]
    figure = Figure(figsize=(10, 1.3 + 0.21 * len(drawn)), layout="constrained")
    axes = figure.add_subplot()
    sides = list(dict.fromkeys(side for comparison in drawn for side in comparison.ratios))
    for index, side in enumerate(sides):
        places = [place for place, row in enumerate(drawn) if side in row.ratios]
        axes.plot(
            [drawn[place].ratios[side] for place in places],
            places,
            _MARKERS[index % len(_MARKERS)],
            color=PALETTE[index % len(PALETTE)],
            markersize=5,
            label=side,
        )
    aimed = [(aim, place) for place, row in enumerate(drawn) for aim in row.aims.values()]
    if aimed:
        axes.plot(*zip(*aimed, strict=True), "|", color=GREY, markersize=11, label="aim")
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_yticks(range(len(drawn)), [f"{row.name}; {_short(row.setting)}" for row in drawn])
    axes.tick_params(axis="y", labelsize=7)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    axes.set(xscale="log", xlabel="time relative to the first way: right of 1 the first is faster")
    _finish(axes)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.5), max(high, 2.0))  # otherwise a few percent would look like a factor
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _short(setting: str) -> str:
    return setting if len(setting) <= 80 else f"{setting[:77]}..."


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
