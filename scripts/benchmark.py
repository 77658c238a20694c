"""Measure speed and memory, compared with what one writes with public libraries."""

import argparse
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.processor import file_label, processor_details, processor_label
from benchmarks.timing import Comparison
from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.json_files import write_json
from hf_lmcourse.report.results import device_name, provenance

__all__ = ["BENCHMARKS", "main"]

BENCHMARKS = (
    "recurrent_layers",
    "backends",
    "dropout",
    "complaints",
    "dan_epoch",
    "word_averages",
    "wikitext2_step",
    "transformer_step",
    "softmax",
    "evaluation",
    "generation",
    "scaling",
    "machines",
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
    processor = processor_label(device_name(), processor_details())
    print(f"{processor}, {torch.get_num_threads()} threads; medians of {options.repeats}")
    try:
        for name in names:
            comparisons = []
            for comparison in _run(name, options.repeats):
                print(_line(comparison), flush=True)
                comparisons.append(comparison)
            if options.results_dir:
                _write(options.results_dir, name, words, comparisons)
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
            ratio = comparison.ratios[side]
            verdict = "a tie" if ratio.tie else "times the first"
            part += f" ({ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] {verdict})"
        parts.append(part)
    parts += [f"{side}: {why}" for side, why in comparison.unmeasured.items()]
    if any(len(seconds) > 1 for seconds in comparison.seconds.values()):
        parts.append(f"spread {max(comparison.spread.values()):.0%}")
    if comparison.clock_spread is not None:
        parts.append(f"fixed loop {comparison.clock_spread:.0%}")
    return f"{comparison.name:<16} {comparison.setting:<26} {'; '.join(parts)}"


def _write(folder: Path, name: str, words: list[str], comparisons: list[Comparison]) -> None:
    """Write the file of a benchmark on this processor; those of other processors stay."""
    about = provenance(["python", "scripts/benchmark.py", *words])
    details = processor_details()
    label = file_label(processor_label(about["device"], details))
    record = {
        "name": f"benchmark_{name}",
        **about,
        "processor": details,
        "cores": os.cpu_count(),
        "points": [comparison.as_dict() for comparison in comparisons],
    }
    write_json(folder / f"benchmark_{name}.{label}.json", record)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", choices=[*BENCHMARKS, "all"], help="the benchmark to run")
    parser.add_argument("--repeats", type=int, default=9, help="repeats of each side (9)")
    parser.add_argument("--threads", type=int, help="threads of torch; its default if not given")
    parser.add_argument("--results_dir", type=Path, help="folder for the JSON files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
