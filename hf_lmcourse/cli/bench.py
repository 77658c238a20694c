"""`lmcourse bench`: our speed beside what a user would write with public libraries."""

import argparse
import json
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ..benchmarks.dan import dan_epoch
from ..benchmarks.recurrent import recurrent_layers
from ..benchmarks.startup import startup
from ..benchmarks.timing import Comparison
from ..errors import LmcourseError
from ..report.results import device_name, environment_versions, git_commit
from ..report.shareable import make_shareable

__all__ = ["BENCHMARKS", "run"]

BENCHMARKS: dict[str, Callable[[int], Iterator[Comparison]]] = {
    "recurrent_layers": recurrent_layers,
    "dan_epoch": dan_epoch,
    "startup": startup,
}
"""By name: from a number of repeats to comparisons, one after the other."""


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
    names = BENCHMARKS if options.benchmark == "all" else [options.benchmark]
    print(f"{device_name()}, {torch.get_num_threads()} threads; medians of {options.repeats}")  # noqa: T201
    for name in names:
        found = []
        for comparison in BENCHMARKS[name](options.repeats):
            print(_line(comparison), flush=True)  # noqa: T201
            found.append(comparison)
        if options.results_dir:
            command = make_shareable(shlex.join(["lmcourse", "bench", *arguments]))
            _write(Path(options.results_dir, f"benchmark_{name}.json"), name, command, found)
    return 0


def _line(comparison: Comparison) -> str:
    ours, *others = comparison.medians.items()
    parts = [f"{comparison.name:<16} {comparison.setting:<26} ours {_milliseconds(ours[1])}"]
    for side, median in others:
        factor = comparison.ratios[side]
        parts.append(f"{side} {_milliseconds(median)} ({factor:.2f} times ours)")
    return "; ".join([*parts, f"spread {max(comparison.spread.values()):.0%}"])


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.4g} ms"


def _write(path: Path, name: str, command: str, comparisons: list[Comparison]) -> None:
    record = {
        "name": f"benchmark_{name}",
        "command": command,
        "device": device_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "versions": environment_versions(),
        "commit": git_commit(),
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
