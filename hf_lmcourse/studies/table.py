"""A study as a table and a CSV file."""

import csv
from pathlib import Path
from statistics import mean
from typing import Any

from ..report.files import whole_file
from ..report.numbers import spread
from ..report.tables import aligned_table
from ..report.unknown_words import ASTERISK_NOTE, asterisk
from .selection import factors_of, levels_of, points_by_variant, shown_splits

Row = tuple[str, str, float, float | None, int]


def study_rows(study: dict[str, Any]) -> list[Row]:
    """Mean and standard deviation of the metric over the seeds, for each variant and shown split.

    Returns:
        Rows of variant, split, mean, standard deviation (`None` for a single seed), number of
        seeds.
    """
    rows: list[Row] = []
    splits = shown_splits(study)
    for variant, points in points_by_variant(study).items():
        for split in splits[variant]:
            scores = [point["metrics"][split] for point in points]
            values = [score[study["metric"]] for score in scores if study["metric"] in score]
            if values:
                rows.append((variant, split, mean(values), spread(values), len(values)))
    return rows


def study_cells(study: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Format the values of `study_rows`; see `asterisk` for what follows some of them."""
    points = {point["variant"]: point for point in study["points"]}
    cells = []
    for variant, split, value, deviation, seeds in study_rows(study):
        mark = asterisk(points[variant]["metrics"][split], study["metric"])
        shown_spread = "-" if deviation is None else f"{deviation:.4f}"
        cells.append((variant, split, f"{value:.4f}{mark}", shown_spread, str(seeds)))
    return cells


def study_costs(study: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Milliseconds per step and peak memory in MB by variant, means over the seeds.

    Returns:
        Nothing for an old study without these; a dash for memory that was not measured.
    """
    if not all("seconds_per_step" in point for point in study["points"]):
        return {}
    costs = {}
    for variant, points in points_by_variant(study).items():
        memory = [p["peak_memory_bytes"] for p in points if p["peak_memory_bytes"] is not None]
        megabytes = f"{mean(memory) / 1e6:.0f}" if memory else "-"
        costs[variant] = f"{1e3 * mean(p['seconds_per_step'] for p in points):.1f}", megabytes
    return costs


def study_table(study: dict[str, Any]) -> str:
    """Format the rows as aligned text for the terminal."""
    costs = study_costs(study)
    header = (", ".join(factors_of(study)), "split", study["metric"], "spread", "seeds")
    cells: list[tuple[str, ...]] = [(*header, "ms per step", "MB") if costs else header]
    cells += [(*row, *costs.get(row[0], ())) for row in study_cells(study)]
    table = aligned_table(cells, left=range(len(cells[0])))
    return f"{table}\n  {ASTERISK_NOTE}" if any("*" in row[2] for row in cells[1:]) else table


def write_study_csv(study: dict[str, Any], path: Path) -> None:
    """Write one row per point and shown split: levels, seed, metrics, parameters, costs."""
    levels, splits = levels_of(study), shown_splits(study)
    metrics = sorted({name for p in study["points"] for m in p["metrics"].values() for name in m})
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        costs = ("training_seconds", "seconds_per_step", "peak_memory_bytes")
        names = ("parameters", "seconds", *costs[1:])
        writer.writerow([*factors_of(study), "seed", "split", *metrics, *names])
        for point in study["points"]:
            for split in splits[point["variant"]]:
                writer.writerow(
                    [
                        *levels[point["variant"]],
                        point["seed"],
                        split,
                        *(point["metrics"][split].get(name, "") for name in metrics),
                        point["parameters"],
                        *(point.get(name, "") for name in costs),
                    ]
                )
