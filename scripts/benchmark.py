"""Measure speed and memory, compared with what one writes with public libraries."""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.timing import Comparison
from hf_lmcourse.errors import LmcourseError, reason
from hf_lmcourse.report.results import device_name, provenance

__all__ = ["BENCHMARKS", "main"]

BENCHMARKS = (
    "recurrent_layers",
    "dan_epoch",
    "wikitext2_step",
    "transformer_step",
    "softmax",
    "evaluation",
    "generation",
    "scaling",
    "tokenizing",
    "streaming",
    "limits",
    "startup",
)
"""Each is the name of a module in benchmarks/ and of the function in it."""


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark or all, print a line per comparison, and write a JSON file if asked to.

    Args:
        arguments: Arguments of the command line; those of the process by default.

    Returns:
        The exit status: 0, or 2 for bad input.
    """
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    options = parser.parse_args(words)
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    names = BENCHMARKS if options.benchmark == "all" else [options.benchmark]
    print(f"{device_name()}, {torch.get_num_threads()} threads; medians of {options.repeats}")
    try:
        for name in names:
            comparisons = []
            for comparison in _run(name, options.repeats):
                print(_line(comparison), flush=True)
                comparisons.append(comparison)
            if options.results_dir:
                path = options.results_dir / f"benchmark_{name}.json"
                _write(path, ["python", "scripts/benchmark.py", *words], comparisons)
    except LmcourseError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _run(name: str, repeats: int) -> Iterator[Comparison]:
    # Imported late: not every benchmark needs the imports of the others.
    return getattr(importlib.import_module(f"benchmarks.{name}"), name)(repeats)


def _line(comparison: Comparison) -> str:
    parts = []
    for side, median in comparison.medians.items():
        part = f"{side} {1000 * median:.4g} ms"
        if side in comparison.rates:
            part += f", {comparison.rates[side]:,.4g} {comparison.unit}/s"
        if side in comparison.peak_bytes:
            part += f", {comparison.peak_bytes[side] / 1e6:.0f} MB"
        if side in comparison.ratios:
            part += f" ({comparison.ratios[side]:.2f} times the first)"
        parts.append(part)
    if any(len(seconds) > 1 for seconds in comparison.seconds.values()):
        parts.append(f"spread {max(comparison.spread.values()):.0%}")
    return f"{comparison.name:<16} {comparison.setting:<26} {'; '.join(parts)}"


def _write(path: Path, words: list[str], comparisons: list[Comparison]) -> None:
    record = {
        "name": path.stem,
        **provenance(words),
        "cores": os.cpu_count(),
        "points": [comparison.as_dict() for comparison in comparisons],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {reason(error)}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", choices=[*BENCHMARKS, "all"], help="the benchmark to run")
    parser.add_argument("--repeats", type=int, default=7, help="repeats of each side (7)")
    parser.add_argument("--threads", type=int, help="threads of torch; its default if not given")
    parser.add_argument("--results_dir", type=Path, help="folder for benchmark_<name>.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
