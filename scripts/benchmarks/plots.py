"""Plots of benchmarks: time relative to ours, and how cost scales."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hf_lmcourse.report.figures import legend_below, page_figure, save_figure, wrapped
from hf_lmcourse.report.palette import GREY, LOOKS, MOST_LINES, Look

from .choices import chooses
from .page import fitted_exponent, merged
from .records import BenchmarkRecord
from .timing import Comparison

__all__ = ["plot_benchmark", "show_a_decade"]

_LONGEST_NAME = 44


def plot_benchmark(records: Sequence[BenchmarkRecord], path: Path) -> None:
    """Plot a benchmark.

    Comparisons at several sizes are drawn as curves on logarithmic axes with their exponents, with
    memory next to time if it was measured; others as the time of each other side divided by ours,
    with a column for each processor; where the package chooses, a point for each size.

    Args:
        records: The benchmark on each processor.
        path: File of the plot; its suffix sets the format.
    """
    curves = [(r, name, points) for r in records for name, points in r.curves.items()]
    if any(map(chooses, records)):
        figure = _choices(records)
    else:
        figure = _curves(curves) if curves else _ratios(records)
    save_figure(figure, path, formulas=bool(curves))  # powers of ten on the axes


def _curves(curves: Sequence[tuple[BenchmarkRecord, str, list[Comparison]]]) -> Figure:
    with_memory = any(point.peak_bytes for _, _, points in curves for point in points)
    title = "How time and memory grow" if with_memory else "How time grows"
    figure = page_figure(0.6 + 3.8 * len(curves), title, _words([r for r, _, _ in curves]))
    grid = figure.subplots(len(curves), 1 + with_memory, squeeze=False)
    for row, (record, name, points) in enumerate(curves):
        _draw_curve(grid[row, 0], points, [point.medians for point in points], "seconds")
        grid[row, 0].set_title(f"{name}\n{record.processor}", fontsize=11)
        if with_memory and points[0].peak_bytes:
            megabytes = [{side: peak / 1e6 for side, peak in p.peak_bytes.items()} for p in points]
            _draw_curve(grid[row, 1], points, megabytes, "peak memory in MB")
        elif with_memory:
            grid[row, 1].set_visible(False)
    return figure


def _words(records: Sequence[BenchmarkRecord]) -> str:
    return records[0].name.replace("_", " ")


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


def _ratios(records: Sequence[BenchmarkRecord]) -> Figure:
    compared = [
        {(c.name, c.setting): c for c in record.comparisons if c.ratios} for record in records
    ]
    rows = merged(compared)
    names = [wrapped("; ".join(row), _LONGEST_NAME) for row in rows]
    lines = sum(0.8 + 0.7 * (1 + name.count("\n")) for name in names)
    title = "Time relative to the first way: right of 1 the first is faster"
    figure = page_figure(1.5 + 0.16 * lines, title, _words(records))
    panels = figure.subplots(1, len(records), sharex=True, sharey=True, squeeze=False)[0]
    sides = dict.fromkeys(s for there in compared for c in there.values() for s in c.ratios)
    looks = {side: LOOKS[index % MOST_LINES] for index, side in enumerate(sides)}
    for axes, record, there in zip(panels, records, compared, strict=True):
        _draw_ratios(axes, [there.get(row) for row in rows], looks)
        axes.set_title(record.processor.replace(", ", "\n"), fontsize=11)
    panels[0].set_yticks(range(len(rows)), names, fontsize=8)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    _scale_ratios(panels[0])
    handles = {
        str(h.get_label()): h for axes in panels for h in axes.get_legend_handles_labels()[0]
    }
    legend_below(figure, list(handles.values()))
    return figure


def _choices(records: Sequence[BenchmarkRecord]) -> Figure:
    rows = merged([(c.name,) for c in record.comparisons] for record in records)
    title = "Time relative to ours at each size: right of 1 ours is faster"
    figure = page_figure(1.5 + 0.25 * len(rows), title, _words(records))
    panels = figure.subplots(1, len(records), sharex=True, sharey=True, squeeze=False)[0]
    for axes, record in zip(panels, records, strict=True):
        _draw_choices(axes, record.comparisons, [name for (name,) in rows])
        axes.set_title(record.processor.replace(", ", "\n"), fontsize=11)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    _scale_ratios(panels[0])
    legend_below(figure, panels[0].get_legend_handles_labels()[0])
    return figure


def _draw_choices(axes: Axes, comparisons: Sequence[Comparison], rows: Sequence[str]) -> None:
    """Draw a point for each size, by which way is taken there."""
    for index, taken in enumerate(comparisons[0].seconds):
        found = [c for c in comparisons if c.taken == taken]
        axes.plot(
            [max(ratio.median for ratio in c.ratios.values()) for c in found],
            [rows.index(c.name) + 0.16 * (2 * index - 1) for c in found],
            LOOKS[index].marker,
            color=LOOKS[index].colour,
            markersize=4,
            alpha=0.7,
            label=f"{taken} is taken",
        )
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.axvline(1, color=GREY, linewidth=1)
    _finish(axes)


def _draw_ratios(axes: Axes, rows: Sequence[Comparison | None], looks: dict[str, Look]) -> None:
    """Draw a point with its spread for each other side of each row, and the aims."""
    drawn = [(place, row) for place, row in enumerate(rows) if row is not None]
    for side, look in looks.items():
        found = [(place, row.ratios[side]) for place, row in drawn if side in row.ratios]
        if found:
            axes.errorbar(
                [ratio.median for _, ratio in found],
                [place for place, _ in found],
                xerr=[
                    [ratio.median - ratio.low for _, ratio in found],
                    [ratio.high - ratio.median for _, ratio in found],
                ],
                fmt=look.marker,
                color=look.colour,
                markersize=5,
                elinewidth=1,
                label=side,
            )
    aimed = [(aim, place) for place, row in drawn for aim in row.aims.values()]
    if aimed:
        axes.plot(*zip(*aimed, strict=True), "|", color=GREY, markersize=11, label="aim")
    axes.axvline(1, color=GREY, linewidth=1)
    _finish(axes)


def _scale_ratios(axes: Axes) -> None:
    """Make the axis of ratios logarithmic, wide enough that a few percent look like it."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    low, high = min(low, 0.5), max(high, 2.0)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if high / low > 20 else (1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
