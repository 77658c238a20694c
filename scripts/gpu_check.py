"""Check the package on a GPU and measure it there, in parts, each of which leaves a result file.

    python scripts/gpu_check.py --results_dir results              # what is not yet done
    python scripts/gpu_check.py equalities speed --device cpu      # the same code on a processor

A part whose file is there, of this device and this commit, is not repeated. The parts are sized for
ten minutes on one card, five of which WikiText-2 takes; those on corpora need the folder
LMCOURSE_DATA.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.processor import file_label
from device_checks.equalities import equalities
from device_checks.speed import memory, speed
from device_checks.training_runs import processes, tiny_shakespeare, wikitext2
from hf_lmcourse.report.json_files import write_json
from hf_lmcourse.report.results import provenance

__all__ = ["PARTS", "main"]

Part = Callable[[torch.device, bool], Iterator[dict[str, Any]]]

PARTS: dict[str, Part] = {
    "equalities": equalities,
    "speed": speed,
    "memory": memory,
    "processes": processes,
    "wikitext2": wikitext2,
    "tiny_shakespeare": tiny_shakespeare,
}
"""By name, in order: what is quick and decides whether the rest means anything comes first."""


def main(arguments: list[str] | None = None) -> int:
    """Run the parts, and print and write their rows.

    Args:
        arguments: Of the command line; those of the process by default.

    Returns:
        The exit status: 0, 1 if an equality or a run failed, or 2 without the device.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(words)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("there is no GPU that torch can use; --device cpu tries the code", file=sys.stderr)
        return 2
    about = provenance(["python", "scripts/gpu_check.py", *words], device)
    card = file_label(about["device"])
    failed = False
    for name in options.parts or PARTS:
        path = options.results_dir / f"gpu_{name}.{card}.json" if options.results_dir else None
        rows = _done(path, about)
        if rows is None:
            rows = []
            for row in PARTS[name](device, options.quick):
                print(f"{name}: {_line(row)}", flush=True)
                rows.append(row)
            if path is not None:
                write_json(path, {**about, "part": name, "quick": options.quick, "rows": rows})
        else:
            print(f"{name}: in {path}")
        failed |= not all(row.get("ok", True) for row in rows)
    return int(failed)


def _done(path: Path | None, about: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of a part that this device has done at this commit."""
    if path is None or not path.is_file():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    same = all(record.get(key) == about[key] for key in ("device", "commit"))
    rows: list[dict[str, Any]] = record["rows"]
    return rows if same else None


def _line(row: dict[str, Any]) -> str:
    if "seconds" in row:  # a comparison of the benchmarks
        sides = (f"{side} {1000 * median:.4g} ms" for side, median in row["medians"].items())
        return f"{row['name']} {row['setting']}: {', '.join(sides)}"
    return ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in row.items()
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("gpu_check.py", description=__doc__)
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", choices=[*PARTS, []], help=f"of {', '.join(PARTS)}")
    add("--device", default="cuda", help="what to check (cuda)")
    add("--quick", action="store_true", help="tiny sizes, to try the code itself")
    add("--results_dir", type=Path, help="folder for a JSON file per part")
    return parser


if __name__ == "__main__":
    sys.exit(main())
