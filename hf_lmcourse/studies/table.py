"""A study as a table and a CSV file."""

import csv
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ..report.files import whole_file
from ..report.tables import aligned_table

Row = tuple[str, str, float, float, int]


def study_rows(study: dict[str, Any]) -> list[Row]:
    """Mean and standard deviation of the metric over the seeds, for each variant and split.

    Returns:
        Rows of variant, split, mean, standard deviation (0 for a single seed), number of seeds.
    """
    rows = []
    for variant, points in _points_by_variant(study).items():
        for split in points[0]["metrics"]:
            values = [point["metrics"][split][study["metric"]] for point in points]
            spread = stdev(values) if len(values) > 1 else 0.0
            rows.append((variant, split, mean(values), spread, len(values)))
    return rows


def study_costs(study: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Milliseconds per step and peak memory in MB by variant, means over the seeds.

    Returns:
        Nothing for an old study without these; a dash for memory that was not measured.
    """
    if not all("seconds_per_step" in point for point in study["points"]):
        return {}
    costs = {}
    for variant, points in _points_by_variant(study).items():
        memory = [p["peak_memory_bytes"] for p in points if p["peak_memory_bytes"] is not None]
        megabytes = f"{mean(memory) / 1e6:.0f}" if memory else "-"
        costs[variant] = f"{1e3 * mean(p['seconds_per_step'] for p in points):.1f}", megabytes
    return costs


def _points_by_variant(study: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {v: [p for p in study["points"] if p["variant"] == v] for v in levels_of(study)}


def study_table(study: dict[str, Any]) -> str:
    """Format the rows as aligned text for the terminal."""
    costs = study_costs(study)
    header = (", ".join(factors_of(study)), "split", study["metric"], "spread", "seeds")
    cells: list[tuple[str, ...]] = [(*header, "ms per step", "MB") if costs else header]
    for variant, split, value, spread, seeds in study_rows(study):
        numbers = (f"{value:.4f}", f"{spread:.4f}", str(seeds))
        cells.append((variant, split, *numbers, *costs.get(variant, ())))
    return aligned_table(cells, left=range(len(cells[0])))


def write_study_csv(study: dict[str, Any], path: Path) -> None:
    """Write one row per point and split: levels, seed, metrics, parameters, seconds, memory."""
    levels = levels_of(study)
    metrics = sorted({name for p in study["points"] for m in p["metrics"].values() for name in m})
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        costs = ("training_seconds", "seconds_per_step", "peak_memory_bytes")
        names = ("parameters", "seconds", *costs[1:])
        writer.writerow([*factors_of(study), "seed", "split", *metrics, *names])
        for point in study["points"]:
            for split, values in point["metrics"].items():
                writer.writerow(
                    [
                        *levels[point["variant"]],
                        point["seed"],
                        split,
                        *(values.get(name, "") for name in metrics),
                        point["parameters"],
                        *(point.get(name, "") for name in costs),
                    ]
                )


def factors_of(study: dict[str, Any]) -> dict[str, list[str]]:
    """Factors of a study, and the names of their levels; an old study names its one factor only."""
    if "factors" in study:
        return dict(study["factors"])
    return {study["factor"]: list(dict.fromkeys(point["variant"] for point in study["points"]))}


def levels_of(study: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Variants that have a point, and their level of each factor."""
    done = {point["variant"] for point in study["points"]}
    combinations = product(*factors_of(study).values())
    return {", ".join(c): c for c in combinations if ", ".join(c) in done}
