"""`lmcourse check`: compare your own implementation with a reference, and find its mistake."""

import argparse
from pathlib import Path

from ..checking import TASKS, Verdict, check_file, template
from ..checking.report import report
from ..errors import LmcourseError, reason
from .seeds import check_seed


def run(arguments: list[str]) -> int:
    """Compare a file with the references, write a template, or list the tasks.

    Args:
        arguments: See `lmcourse check --help`.

    Returns:
        The exit status: 0 if all agree, 1 if something differs, 2 if something could not be
        compared.
    """
    options = _parser().parse_args(arguments)
    check_seed(options.seed)
    if options.list:
        print(_list())
        return 0
    if options.template:
        return _write_template(options.template, options.file)
    if options.file is None:
        raise LmcourseError(
            "name a Python file; lmcourse check --template TASK prints one to fill in"
        )
    if not 0 < options.time_limit <= 3600:
        raise LmcourseError("--time_limit must be above 0 and at most 3600 seconds")
    verdicts = check_file(
        options.file,
        options.task,
        seed=options.seed,
        time_limit=options.time_limit,
        adapters=options.adapters,
    )
    print(report(verdicts))
    return max(map(_status, verdicts))


def _status(verdict: Verdict) -> int:
    return 2 if verdict.agrees is None else 0 if verdict.agrees else 1


def _list() -> str:
    width = max(map(len, TASKS))
    lines = []
    for task in TASKS.values():
        summary = template(task.name).partition("\n")[0].strip('" ')
        call = f"{task.name}({', '.join(task.arguments)})"
        lines += [f"  {task.name:<{width}}  {summary}", f"  {'':<{width}}  {call}"]
    return "\n".join([*lines, "", "lmcourse check --template TASK prints a file to fill in."])


def _write_template(task: str, file: str | None) -> int:
    text = template(task)
    if file is None:
        print(text, end="")
        return 0
    try:
        with Path(file).open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise LmcourseError(f"cannot write {file}: {reason(error)}") from error
    print(f"wrote {file}: fill it in, then lmcourse check {file}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse check", description=__doc__)
    add = parser.add_argument
    add("file", nargs="?", help="Python file with your functions or classes.")
    add("--task", help="Task to check (all tasks that the file implements).")
    add(
        "--template", metavar="TASK", help="Print a file to fill in, or write it to the named file."
    )
    add("--list", action="store_true", help="List the tasks and their arguments.")
    add(
        "--time_limit",
        type=float,
        default=20,
        help="Seconds allowed for the import, and for each task (20).",
    )
    add(
        "--adapters",
        metavar="FILE",
        help="File with the names, orders and layouts of your own (adapters.py next to your file).",
    )
    add("--seed", type=int, default=0, help="Seed of the random inputs (0).")
    return parser
