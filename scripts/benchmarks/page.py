"""The page of benchmarks: tables made from the files that scripts/benchmark.py writes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.redact import redacted
from hf_lmcourse.report.tables import markdown_table

from .timing import Comparison

__all__ = ["BenchmarkRecord", "benchmark_page", "fitted_exponent", "load_benchmarks"]

_INTRODUCTION = """# Benchmarks

`python scripts/benchmark.py NAME --results_dir results` measures a benchmark, and
`python scripts/results_table.py` makes this page and its plots from the files `benchmark_*.json`.
Where `lmcourse bench` is recorded as the command, an earlier version of that script was run.
[How to read the rows, and what limits them](../docs/benchmarks.md)."""


@dataclass(frozen=True)
class BenchmarkRecord:
    """The content of a file that scripts/benchmark.py wrote.

    Attributes:
        name: Name of the benchmark.
        command: The command that wrote the file.
        device, cores, threads, versions, commit: What it ran on.
        comparisons: What was measured.
    """

    name: str
    command: str
    device: str
    cores: int
    threads: int
    versions: dict[str, str]
    commit: str | None
    comparisons: list[Comparison]

    @property
    def curves(self) -> dict[str, list[Comparison]]:
        """The comparisons of one name at several sizes, by that name."""
        named: dict[str, list[Comparison]] = {}
        for comparison in self.comparisons:
            if comparison.size is not None:
                named.setdefault(comparison.name, []).append(comparison)
        return {name: points for name, points in named.items() if len(points) > 1}


def load_benchmarks(directory: str | Path) -> list[BenchmarkRecord]:
    """Read every `benchmark_<name>.json` of a folder, sorted by name.

    Raises:
        LmcourseError: A file is not the result of a benchmark.
    """
    return [_load(path) for path in sorted(Path(directory).glob("benchmark_*.json"))]


def _load(path: Path) -> BenchmarkRecord:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return BenchmarkRecord(
            name=path.stem.removeprefix("benchmark_"),
            comparisons=[Comparison.from_dict(point) for point in record["points"]],
            **{key: record[key] for key in ("command", "device", "cores", "threads")},
            versions=record["versions"],
            commit=record["commit"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LmcourseError(
            f"{path} is not the result of a benchmark ({error}); run scripts/benchmark.py again"
        ) from error


def fitted_exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Fit the exponent p of value ~ size^p by least squares on the logarithms.

    Args:
        sizes: At least two positive numbers.
        values: As many positive numbers.
    """
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def benchmark_page(records: list[BenchmarkRecord], plots: str) -> str:
    """Write all benchmarks as one page of Markdown.

    Args:
        records: The benchmarks.
        plots: Path from the page to the folder of the plots, each named `benchmark_<name>.png`.
    """
    sections = [_section(record, plots) for record in records]
    return "\n\n".join([_INTRODUCTION, *sections]) + "\n"


def _section(record: BenchmarkRecord, plots: str) -> str:
    versions = ", ".join(f"{name} {record.versions[name]}" for name in ("torch", "transformers"))
    machine = f"{record.device}, {record.cores} cores, {record.threads} threads of torch"
    parts = [
        f"## {record.name}",
        f"![{record.name}]({plots}/benchmark_{record.name}.png)",
        f"{machine}; {versions}; commit {record.commit}; `{redacted(record.command)}`",
        _table(record.comparisons),
    ]
    if record.curves:
        parts.append(_exponents(record))
    return "\n\n".join(parts)


def _table(comparisons: list[Comparison]) -> str:
    """Write one row per side; columns without entries are left out."""
    header = ["what", "size", "way", "median", "spread", "rate", "peak memory", "times the first"]
    rows = [_row(comparison, side) for comparison in comparisons for side in comparison.medians]
    used = [index for index in range(len(header)) if any(row[index] for row in rows)]
    return markdown_table(
        [header[index] for index in used], [[row[index] for index in used] for row in rows]
    )


def _row(comparison: Comparison, side: str) -> list[str]:
    rate, peak, ratio, aim = (
        values.get(side)
        for values in (
            comparison.rates,
            comparison.peak_bytes,
            comparison.ratios,
            comparison.aims,
        )
    )
    times = "" if ratio is None else f"{ratio:.2f}"
    return [
        comparison.name,
        comparison.setting,
        side,
        _seconds(comparison.medians[side]),
        f"{comparison.spread[side]:.0%}" if len(comparison.seconds[side]) > 1 else "-",
        "" if rate is None else f"{_three_digits(rate)} {comparison.unit}/s",
        "" if peak is None else f"{peak / 1e6:,.0f} MB",
        times if aim is None else f"{times} (aim {aim:g})",
    ]


def _exponents(record: BenchmarkRecord) -> str:
    header = ["what", "way", "grows with", "from", "to", "time", "peak memory"]
    rows: list[list[str]] = []
    for name, points in record.curves.items():
        sizes: list[Any] = [point.size for point in points]
        for side in points[0].medians:
            times = [point.medians[side] for point in points]
            peaks = [point.peak_bytes[side] for point in points if side in point.peak_bytes]
            memory = f"{fitted_exponent(sizes, peaks):z.2f}" if len(peaks) == len(sizes) else ""
            exponent = f"{fitted_exponent(sizes, times):z.2f}"
            ends = f"{min(sizes):,g}", f"{max(sizes):,g}"
            rows.append([name, side, points[0].variable, *ends, exponent, memory])
    return f"Exponents p of cost ~ size^p by least squares:\n\n{markdown_table(header, rows)}"


def _seconds(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            return f"{_three_digits(seconds * factor)} {unit}"
    raise AssertionError


def _three_digits(value: float) -> str:
    """Format a number with three significant digits, without an exponent."""
    digits = max(0, 2 - int(np.floor(np.log10(value)))) if value > 0 else 0
    return f"{value:,.{digits}f}"
