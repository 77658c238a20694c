"""What a student's file has left in its folder, read with suspicion: it may have written there."""

import json
import os
import signal
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ..errors import LmcourseError, short
from .child import Answer
from .sandbox.limits import MIB, Ending
from .task import CASES, Task

_LARGEST = 64 * MIB
_UNREADABLE = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
    OSError,
    SafetensorError,
)


@dataclass
class FileRun:
    """The result of running a file.

    Attributes:
        names: The functions and classes of the file.
        found: The function or class for each task that the file implements.
        answers: The answers of each task that was completed.
        refused: A message for each task whose function takes other arguments.
        stopped: The task at which the process ended early, and the reason.
        isolated: Whether the file had no network, and saw no other processes.
    """

    names: list[str]
    found: dict[str, str]
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    stopped: tuple[str, str] | None = None
    isolated: bool = True


def read_run(
    folder: Path, path: Path, tasks: Sequence[Task], ending: Ending, time_limit: float
) -> FileRun:
    """Read what was written up to the end of a run.

    Args:
        folder: The folder of the job.
        path: The student's file.
        tasks: The tasks of the job.
        ending: How the process ended.
        time_limit: Seconds for the import and for each task.

    Raises:
        LmcourseError: The file cannot be imported, or has changed what is read here.
    """
    reason = _why_it_ended(folder, path, ending, time_limit)
    try:
        return _read_run(folder, path, tasks, reason, ending.isolated)
    except LmcourseError:
        raise
    except _UNREADABLE as error:
        raise LmcourseError(
            f"the results of {path} cannot be read: does the file write into the folder above its "
            "working folder?"
        ) from error


def _read_run(
    folder: Path, path: Path, tasks: Sequence[Task], reason: str, isolated: bool
) -> FileRun:
    content = _read(folder / "module.json")
    if content is None:
        raise LmcourseError(f"{path} cannot be imported: {reason}")
    module = json.loads(content)
    if module["error"]:
        raise LmcourseError(f"{path} cannot be imported: {short(str(module['error']), 400)}")
    names = [str(name) for name in module["names"]]
    found = {task.name: str(n) for task in tasks if (n := module["found"].get(task.name))}
    run = FileRun(names, found, isolated=isolated)
    for task in (task for task in tasks if task.name in found):
        content = _read(folder / f"{task.name}.json")
        if content is None:
            run.stopped = (task.name, reason)
            break
        answered = json.loads(content)
        if answered["signature"]:
            run.refused[task.name] = str(answered["signature"])
        else:
            tensors = load(_read(folder / f"{task.name}.safetensors") or b"")
            run.answers[task.name] = _answers(task, answered["cases"], tensors)
    return run


def _read(path: Path) -> bytes | None:
    """Return the content of a file; `None` if there is none.

    Raises:
        ValueError: It is a link, a pipe, or too large.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path} is not a file")
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{path} is too large")
    return content


def _answers(task: Task, cases: list[Any], tensors: dict[str, Tensor]) -> list[Answer]:
    if len(cases) != CASES or any(t.dtype != torch.float64 for t in tensors.values()):
        raise ValueError("not the answers of this task")
    return [_answer(task, case, f"{index}.", tensors) for index, case in enumerate(cases)]


def _answer(task: Task, case: dict[str, Any], prefix: str, tensors: dict[str, Tensor]) -> Answer:
    if case["values"] not in (0, len(task.outputs)):
        raise ValueError("not the outputs of this task")
    values = [tensors[f"{prefix}value.{place}"] for place in range(case["values"])]
    gradients = None
    if case["gradients"] is not None:
        gradients = {name: tensors[f"{prefix}gradient.{name}"] for name in case["gradients"]}
    error = None if case["error"] is None else str(case["error"])
    return Answer(values, gradients, error, bool(case["single"]))


def _why_it_ended(folder: Path, path: Path, ending: Ending, time_limit: float) -> str:
    text = ""
    with suppress(OSError, ValueError):
        text = (_read(folder / "stack.txt") or b"").decode("utf-8", "replace")
    if ending.exceeded == "time" or text.startswith("Timeout"):
        return f"not finished after {time_limit:g} seconds{_where_it_was(text, path)}"
    if ending.exceeded:
        return f"it was ended because it used more than its limit: {ending.exceeded}"
    if ending.status >= 0:
        return f"its process ended early, with status {ending.status}"
    with suppress(ValueError):
        return f"its process was ended by {signal.Signals(-ending.status).name}"
    return f"its process was ended by signal {-ending.status}"


def _where_it_was(stack: str, path: Path) -> str:
    # faulthandler escapes the letters of a path that are not ASCII
    shown = str(path.resolve()).encode("ascii", "backslashreplace").decode("ascii")
    start = f'File "{shown}", line '
    lines = (line.strip() for line in stack.splitlines())
    inside = next((line for line in lines if line.startswith(start)), "")
    number, _, function = inside.removeprefix(start).partition(" in ")
    where = f": it was at line {short(number, 20)} of {path.name}" if number else ""
    return where + (f" (in {short(function)})" if function and function != "<module>" else "")
