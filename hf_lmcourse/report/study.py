"""A study as a table, a CSV file and a picture."""

import csv
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .palette import PALETTE

__all__ = ["plot_study", "study_costs", "study_rows", "study_table", "write_study_csv"]

Row = tuple[str, str, float, float, int]


def study_rows(study: dict[str, Any]) -> list[Row]:
    """Mean and standard deviation of the metric over the seeds, for each variant and split.

    Returns:
        Rows of variant, split, mean, standard deviation (0 of a single seed), number of seeds.
    """
    rows = []
    for variant in _variants(study):
        points = [p for p in study["points"] if p["variant"] == variant]
        for split in points[0]["metrics"]:
            values = [point["metrics"][split][study["metric"]] for point in points]
            spread = stdev(values) if len(values) > 1 else 0.0
            rows.append((variant, split, mean(values), spread, len(values)))
    return rows


def study_costs(study: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Milliseconds a step and megabytes at the peak by variant, means over the seeds.

    Returns:
        Nothing for a study from before these were measured; a dash for memory not measured.
    """
    if not all("seconds_per_step" in point for point in study["points"]):
        return {}
    costs = {}
    for variant in _variants(study):
        points = [p for p in study["points"] if p["variant"] == variant]
        memory = [p["peak_memory_bytes"] for p in points if p["peak_memory_bytes"] is not None]
        megabytes = f"{mean(memory) / 1e6:.0f}" if memory else "-"
        costs[variant] = f"{1e3 * mean(p['seconds_per_step'] for p in points):.1f}", megabytes
    return costs


def study_table(study: dict[str, Any]) -> str:
    """The rows as aligned text for the terminal."""
    costs = study_costs(study)
    header = (study["factor"], "split", study["metric"], "spread", "seeds")
    cells: list[tuple[str, ...]] = [(*header, "ms a step", "MB") if costs else header]
    for variant, split, value, spread, seeds in study_rows(study):
        figures = (f"{value:.4f}", f"{spread:.4f}", str(seeds))
        cells.append((variant, split, *figures, *costs.get(variant, ())))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"  {'  '.join(padded)}".rstrip())
    return "\n".join(lines)


def write_study_csv(study: dict[str, Any], path: Path) -> None:
    """Every point as a line: variant, seed, split, figures, parameters, seconds, memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metrics = sorted({name for p in study["points"] for m in p["metrics"].values() for name in m})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        costs = ("training_seconds", "seconds_per_step", "peak_memory_bytes")
        names = ("parameters", "seconds", *costs[1:])
        writer.writerow([study["factor"], "seed", "split", *metrics, *names])
        for point in study["points"]:
            for split, figures in point["metrics"].items():
                writer.writerow(
                    [
                        point["variant"],
                        point["seed"],
                        split,
                        *(figures.get(name, "") for name in metrics),
                        point["parameters"],
                        *(point.get(name, "") for name in costs),
                    ]
                )


def plot_study(study: dict[str, Any], path: Path) -> None:
    """Draw the metric against what is varied, and the validation metric by epoch.

    On the left each point is one seed and the line joins the means; on the right a line is the mean
    over the seeds of a variant.
    """
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_variants(left, study)
    _draw_epochs(right, study)
    for axes in (left, right):
        axes.set_ylabel(study["metric"].replace("_", " "))
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.suptitle(f"{study['name']}: {study['model_type']} on {study['corpus']}", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _variants(study: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(point["variant"] for point in study["points"]))


def _places(variants: list[str]) -> tuple[list[float], bool]:
    """Where each variant stands: at its value if all are numbers, otherwise one after the other."""
    try:
        return [float(variant) for variant in variants], True
    except ValueError:
        return [float(index) for index in range(len(variants))], False


def _draw_variants(axes: Axes, study: dict[str, Any]) -> None:
    variants = _variants(study)
    places, numbers = _places(variants)
    rows = study_rows(study)
    for colour, split in zip(PALETTE, dict.fromkeys(row[1] for row in rows), strict=False):
        means = [row[2] for row in rows if row[1] == split]
        axes.plot(places, means, color=colour, linewidth=1.2 if numbers else 0, label=split)
        for place, variant in zip(places, variants, strict=True):
            values = [
                p["metrics"][split][study["metric"]]
                for p in study["points"]
                if p["variant"] == variant
            ]
            axes.plot([place] * len(values), values, "o", color=colour, markersize=4)
    axes.set_xlabel(study["factor"].replace("_", " "))
    if not numbers:
        axes.set_xticks(places, variants, rotation=20)


def _draw_epochs(axes: Axes, study: dict[str, Any]) -> None:
    for index, variant in enumerate(_variants(study)):
        curves = [p["history"] for p in study["points"] if p["variant"] == variant]
        epochs = [epoch for epoch, _ in min(curves, key=len)]
        values = [mean(column) for column in _columns(curves, len(epochs))]
        axes.plot(epochs, values, marker=".", color=PALETTE[index % len(PALETTE)], label=variant)
    axes.set_xlabel("epochs (validation)")


def _columns(curves: list[list[list[float]]], length: int) -> Iterable[list[float]]:
    return ([curve[i][1] for curve in curves] for i in range(length))
