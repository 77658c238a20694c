"""`lmcourse race`: train in several ways, and tell how soon each reaches the first's perplexity."""

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from ..errors import LmcourseError
from ..report.race import race_notes, race_rows
from ..report.redact import make_shareable
from ..training.race import run_race

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Train as each YAML says, and print times and perplexities from this one run.

    Args:
        arguments: see `lmcourse race --help`; further options go to every training.

    Returns:
        The exit status.
    """
    options, others = _parser().parse_known_args(arguments)
    if options.every is not None and options.every < 1:
        raise LmcourseError("--every must be at least 1")
    record = run_race(options.config, others, options.also, options.every)
    print(f"\n{_table(record)}")  # noqa: T201
    if options.results_dir:
        path = Path(options.results_dir, f"{options.name or record['name']}.json")
        command = make_shareable(shlex.join(["lmcourse", "race", *arguments]))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({**record, "name": path.stem, "command": command}, indent=2)
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise LmcourseError(f"cannot write {path}: {error.strerror}") from error
    return 0


def _table(record: dict[str, Any]) -> str:
    """The rows as aligned text, and the notes below them."""
    rows = race_rows(record)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join([*lines, *race_notes(record)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "lmcourse race", description=__doc__, epilog="Further options go to every training."
    )
    parser.add_argument("config", nargs="+", help="YAML files; the first one sets the mark")
    parser.add_argument("--also", help="a further corpus, whose validation text is scored as well")
    parser.add_argument(
        "--every", type=int, help="steps of the later ones between measurements (a 200th of each)"
    )
    parser.add_argument("--name", help="of the result; race_<name of the first YAML> by default")
    parser.add_argument("--results_dir", help="folder that gets the result as JSON")
    return parser
