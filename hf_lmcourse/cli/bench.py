"""`lmcourse bench`: our speed beside what a user would write with public libraries."""

import argparse
import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from ..benchmarks.timing import Comparison
from ..errors import LmcourseError
from ..report.results import device_name, provenance

__all__ = ["BENCHMARKS", "run"]

BENCHMARKS = {
    "recurrent_layers": "recurrent",
    "dan_epoch": "dan",
    "wikitext2_step": "wikitext2",
    "transformer_step": "transformer",
    "softmax": "softmax",
    "evaluation": "evaluation",
    "generation": "generation",
    "scaling": "scaling",
    "tokenizing": "tokenizing",
    "limits": "limits",
    "startup": "startup",
}
"""The module of each, which has a function of its name."""


def run(arguments: list[str]) -> int:
    """Run one benchmark or all, print a line for each comparison, and write a JSON where asked to.

    Args:
        arguments: see `lmcourse bench --help`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    if options.repeats < 1:
        raise LmcourseError("--repeats must be at least 1")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    names = list(BENCHMARKS) if options.benchmark == "all" else [options.benchmark]
    print(f"{device_name()}, {torch.get_num_threads()} threads; medians of {options.repeats}")  # noqa: T201
    for name in names:
        found = []
        for comparison in _comparisons(name, options.repeats):
            print(_line(comparison), flush=True)  # noqa: T201
            found.append(comparison)
        if options.results_dir:
            path = Path(options.results_dir, f"benchmark_{name}.json")
            _write(path, name, ["lmcourse", "bench", *arguments], found)
    return 0


def _comparisons(name: str, repeats: int) -> Iterator[Comparison]:
    # Imported late: nobody waits for what the other benchmarks import.
    module = importlib.import_module(f"..benchmarks.{BENCHMARKS[name]}", __package__)
    return getattr(module, name)(repeats)


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


def _write(path: Path, name: str, words: list[str], comparisons: list[Comparison]) -> None:
    record = {
        "name": f"benchmark_{name}",
        **provenance(words),
        "cores": os.cpu_count(),
        "points": [comparison.as_dict() for comparison in comparisons],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse bench", description=__doc__)
    parser.add_argument("benchmark", choices=[*BENCHMARKS, "all"], help="which one")
    parser.add_argument("--repeats", type=int, default=7, help="of each side (7)")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--results_dir", help="folder that gets benchmark_<name>.json")
    return parser
