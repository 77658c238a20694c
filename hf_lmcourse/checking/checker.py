"""Check a file: find its functions, run them, and compare the results."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from ..errors import LmcourseError, nearest
from .adapters import FILE_NAME, Adapter, read_adapters
from .compare import judge
from .results import FileRun
from .runner import read_source, run_file, uses_numpy_alone
from .task import Task
from .tasks import TASKS, find_task
from .verdict import Verdict


def template(name: str) -> str:
    """Return a file to fill in: the task with its equations and shapes, and an empty function.

    Raises:
        LmcourseError: There is no such task.
    """
    return files(__package__).joinpath("templates", f"{find_task(name).name}.py").read_text("utf-8")


def check_file(
    path: str | Path,
    task: str | None = None,
    *,
    seed: int = 0,
    time_limit: float = 20,
    adapters: str | Path | None = None,
    function: str | None = None,
) -> list[Verdict]:
    """Compare what a file implements with the references, values and gradients, in float64.

    The file runs in a process of its own, with limits (see docs/checking.md). If it imports NumPy
    and not torch, it gets NumPy arrays and only values are compared; otherwise it gets torch
    tensors.

    Args:
        path: a Python file with functions or classes for some of the tasks.
        task: The name of a single task; by default all tasks that the file implements.
        seed: The seed of the random inputs.
        time_limit: Seconds for importing the file, and for each task.
        adapters: A file that says which names, orders and layouts the file has, see `adapters`;
            by default adapters.py in the folder of the file, if there is one.
        function: The name of the function or class for the single task; by default that of the
            adapter or of the task.

    Returns:
        A verdict for each task, in the order of `TASKS`.

    Raises:
        LmcourseError: The file does not exist, has a syntax error or fails at its import, or there
            is no such task or no function for it; or an adapter does not fit its task.
    """
    path = Path(path)
    tasks = [find_task(task)] if task else list(TASKS.values())
    numpy = uses_numpy_alone(read_source(path))
    adapted = adapters_of(path, adapters)
    if task and function:
        adapted[task] = {**adapted.get(task, {}), "function": function}
    cases = {asked.name: asked.cases(seed) for asked in tasks}
    run = run_file(path, tasks, cases, numpy=numpy, time_limit=time_limit, adapters=adapted)
    for asked in tasks:
        wanted = adapted.get(asked.name, {}).get("function")
        if wanted and asked.name not in run.found:
            named = "" if function else f", which the adapter of {asked.name} names"
            raise LmcourseError(f"{path} has no function or class {wanted}{named}")
    if not run.found:
        raise LmcourseError(_nothing_found(path, tasks, run.names))
    verdicts = []
    for asked in (asked for asked in tasks if asked.name in run.found):
        if asked.name in run.answers:
            verdicts.append(judge(asked, cases[asked.name], run.answers[asked.name]))
        else:
            verdicts.append(_not_compared(asked.name, run))
    return [replace(verdict, isolated=run.isolated) for verdict in verdicts]


def adapters_of(path: Path, given: str | Path | None = None) -> dict[str, Adapter]:
    """Read the adapters that are given, or those next to a file.

    Raises:
        LmcourseError: As `read_adapters`.
    """
    if given is not None:
        found = read_adapters(Path(given))
        if not found:
            raise LmcourseError(f"{given} assigns no ADAPTERS")
        return found
    beside = path.with_name(FILE_NAME)
    return read_adapters(beside) if beside.is_file() and beside != path else {}


def _not_compared(task: str, run: FileRun) -> Verdict:
    if task in run.refused:
        return Verdict(task, None, message=run.refused[task])
    assert run.stopped is not None
    first, reason = run.stopped
    if task == first:
        return Verdict(task, False, message=reason)
    return Verdict(task, None, message=f"not run, because {first} did not come to an end")


def _nothing_found(path: Path, tasks: Sequence[Task], names: Sequence[str]) -> str:
    wanted = [task.name for task in tasks]
    plain = {name.lower(): name for name in names}
    for name in wanted:
        if near := nearest(name, plain, cutoff=0.7):
            return f"{path} has no {name}: is {plain[near]} meant to be that?"
    if len(wanted) == 1:
        return f"{path} has no function {wanted[0]}; see lmcourse check --template {wanted[0]}"
    return f"{path} has a function for none of the {len(wanted)} tasks; see lmcourse check --list"
