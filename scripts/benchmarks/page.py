"""The page of benchmarks: tables made from the files that scripts/benchmark.py writes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from hf_lmcourse.report.redact import redacted
from hf_lmcourse.report.tables import markdown_table

from .choices import CHOICES, choice_cells, chooses
from .records import BenchmarkRecord, by_name
from .timing import Comparison

__all__ = ["benchmark_page", "fitted_exponent", "merged", "plot_name"]

Row = tuple[str, ...]
"""What is in the first columns of a row."""

_INTRODUCTION = """# Benchmarks

`python scripts/benchmark.py NAME --results_dir results` measures a benchmark, and
`python scripts/results_table.py` makes this page and its plots from the files `benchmark_*.json`,
one for each benchmark and processor. Where `lmcourse bench` is recorded as the command, an earlier
version of that script was run.

A processor is named with its family and model, and the strongest of its matrix instructions. A cell
has the median and (its spread), the rate and the peak memory; below them the **ratio** to the first
way, which is ours, [the spread of the ratio], and the aim. Above 1, ours is faster; if 1 is within
the spread, the two are a tie.
[How to read the rows, and what limits them](../docs/benchmarks.md)."""


def plot_name(name: str) -> str:
    """Name of the plot of a benchmark, without its suffix."""
    return f"benchmark_{name}"


def fitted_exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Fit the exponent p of value ~ size^p by least squares on the logarithms.

    Args:
        sizes: At least two positive numbers.
        values: As many positive numbers.
    """
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def benchmark_page(records: Sequence[BenchmarkRecord], plots: str) -> str:
    """Write all benchmarks as one page of Markdown, with a column for each processor.

    Args:
        records: The benchmarks.
        plots: Path from the page to the folder of the plots, see `plot_name`.
    """
    sections = [_section(name, group, plots) for name, group in by_name(records).items()]
    return "\n\n".join([_INTRODUCTION, *sections]) + "\n"


def _section(name: str, records: list[BenchmarkRecord], plots: str) -> str:
    parts = [
        f"## {name}",
        f"![{name}]({plots}/{plot_name(name)}.png)",
        "\n".join(f"- {_origin(record)}" for record in records),
    ]
    if any(map(chooses, records)):
        parts += [CHOICES, _table(records, ["what"], choice_cells)]
    else:
        parts.append(_table(records, ["what", "size", "way"], _cells))
    if any(record.curves for record in records):
        header = ["what", "way", "grows with", "from", "to"]
        table = _table(records, header, _exponents)
        parts.append(f"Exponents p of cost ~ size^p by least squares:\n\n{table}")
    return "\n\n".join(parts)


def _origin(record: BenchmarkRecord) -> str:
    """Say what a benchmark ran on, and how steady that was."""
    machine = f"{record.processor}: {record.cores} cores, {record.threads} threads of torch"
    versions = ", ".join(f"{name} {record.versions[name]}" for name in ("torch", "transformers"))
    spreads = [c.clock_spread for c in record.comparisons if c.clock_spread is not None]
    if spreads:
        machine += (
            f"; a fixed loop varied by {np.median(spreads):.0%} during a comparison (median of "
            f"them), by {max(spreads):.0%} at most"
        )
    return f"{machine}; {versions}; commit {record.commit}; `{redacted(record.command)}`"


def _table(
    records: list[BenchmarkRecord],
    header: list[str],
    cells: Callable[[BenchmarkRecord], dict[Row, str]],
) -> str:
    """Write a table with a column for each processor; a row that one lacks is empty there.

    Args:
        records: One benchmark on each processor.
        header: Headings of the first columns.
        cells: Cell of a processor by the entries of the first columns.
    """
    columns = [cells(record) for record in records]
    return markdown_table(
        [*header, *(record.processor for record in records)],
        [[*row, *(column.get(row, "") for column in columns)] for row in merged(columns)],
    )


def merged(lists: Iterable[Iterable[Row]]) -> list[Row]:
    """Merge rows in order: what only a later list has comes after its predecessor there."""
    rows: list[Row] = []
    for each in lists:
        place = 0
        for row in each:
            if row not in rows:
                rows.insert(place, row)
            place = rows.index(row) + 1
    return rows


def _cells(record: BenchmarkRecord) -> dict[Row, str]:
    cells: dict[Row, str] = {}
    for comparison in record.comparisons:
        row = comparison.name, comparison.setting
        cells |= {(*row, side): _cell(comparison, side) for side in comparison.seconds}
        cells |= {(*row, side): why for side, why in comparison.unmeasured.items()}
    return cells


def _cell(comparison: Comparison, side: str) -> str:
    """Write what was measured of a side, and how it compares with the first."""
    parts = [_seconds(comparison.medians[side])]
    if len(comparison.seconds[side]) > 1:
        parts[0] += f" ({comparison.spread[side]:.0%})"
    if side in comparison.rates:
        parts.append(f"{_three_digits(comparison.rates[side])} {comparison.unit}/s")
    if side in comparison.peak_bytes:
        parts.append(f"{comparison.peak_bytes[side] / 1e6:,.0f} MB")
    cost = ", ".join(parts)
    if side not in comparison.ratios:
        return cost
    ratio, aim = comparison.ratios[side], comparison.aims.get(side)
    verdict = f"**{ratio.median:.2f}**"
    if ratio.low < ratio.high:
        verdict += f" [{ratio.low:.2f}, {ratio.high:.2f}]"
    if ratio.tie:
        verdict += ", a tie"
    if aim is not None:
        verdict += f", aim {aim:g}"
    return f"{cost}<br>{verdict}"


def _exponents(record: BenchmarkRecord) -> dict[Row, str]:
    cells: dict[Row, str] = {}
    for name, points in record.curves.items():
        sizes: list[Any] = [point.size for point in points]
        for side in points[0].medians:
            times = [point.medians[side] for point in points]
            peaks = [point.peak_bytes[side] for point in points if side in point.peak_bytes]
            cell = f"time {fitted_exponent(sizes, times):z.2f}"
            if len(peaks) == len(sizes):
                cell += f", peak memory {fitted_exponent(sizes, peaks):z.2f}"
            ends = f"{min(sizes):,g}", f"{max(sizes):,g}"
            cells[name, side, points[0].variable, *ends] = cell
    return cells


def _seconds(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            return f"{_three_digits(seconds * factor)} {unit}"
    raise AssertionError


def _three_digits(value: float) -> str:
    """Format a number with three significant digits, without an exponent."""
    digits = max(0, 2 - int(np.floor(np.log10(value)))) if value > 0 else 0
    return f"{value:,.{digits}f}"
