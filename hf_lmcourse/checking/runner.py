"""Read a student's file, and run it in its own process."""

import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import LmcourseError, reason
from .child import Answer
from .task import Case, Task

_START = str(Path(__file__).with_name("start.py"))
_CHILD = str(Path(__file__).with_name("child"))
_START_SECONDS = 120
"""More than importing torch takes on any machine; the time limit starts after that."""


@dataclass
class FileRun:
    """The result of running a file.

    Attributes:
        names: The functions and classes of the file.
        found: The function or class for each task that the file implements.
        answers: The answers of each task that was completed.
        refused: A message for each task whose function takes other arguments.
        stopped: The task at which the process ended early, and the reason.
    """

    names: list[str]
    found: dict[str, str]
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    stopped: tuple[str, str] | None = None


def read_source(path: Path) -> ast.Module:
    """Parse the file without running it.

    Raises:
        LmcourseError: The file does not exist, is not a Python file, or has a syntax error.
    """
    if path.suffix != ".py":
        raise LmcourseError(f"{path} is not a Python file: its name must end in .py")
    try:
        source = path.read_bytes()
    except OSError as error:
        raise LmcourseError(f"cannot read {path}: {reason(error)}") from error
    try:
        return ast.parse(source)
    except SyntaxError as error:
        where = f"line {error.lineno} of {path}" if error.lineno else str(path)
        raise LmcourseError(f"{where} has a syntax error: {error.msg}") from error
    except ValueError as error:
        raise LmcourseError(f"{path} is not Python source: {error}") from error


def uses_numpy_alone(tree: ast.Module) -> bool:
    """Return whether the file imports NumPy and not torch, so that it gets arrays."""
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    return "numpy" in imported and "torch" not in imported


def run_file(
    path: Path,
    tasks: Sequence[Task],
    cases: Mapping[str, Sequence[Case]],
    *,
    numpy: bool,
    time_limit: float,
    adapters: Mapping[str, Mapping[str, Any]] | None = None,
) -> FileRun:
    """Call the file's functions for the tasks in all cases, in one process.

    If `numpy` is true, they get NumPy arrays and only values are computed. The time limit in
    seconds is for importing the file, and for each task. The adapters have the names of tasks.

    Raises:
        LmcourseError: The file cannot be imported.
    """
    with tempfile.TemporaryDirectory(prefix="lmcourse-check-") as name:
        folder = Path(name)
        job = {"file": str(path.resolve()), "numpy": numpy, "time_limit": time_limit}
        _write_job(folder, job, tasks, cases, adapters or {})
        status = _run_child(folder, _START_SECONDS + time_limit * (1 + len(tasks)))
        return _read_answers(folder, path, tasks, status, time_limit)


def _write_job(
    folder: Path,
    job: dict[str, Any],
    tasks: Sequence[Task],
    cases: Mapping[str, Sequence[Case]],
    adapters: Mapping[str, Mapping[str, Any]],
) -> None:
    tensors: dict[str, Tensor] = {}
    for task in tasks:
        for index, case in enumerate(cases[task.name]):
            prefix = f"{task.name}.{index}."
            tensors |= {prefix + name: tensor for name, tensor in case.tensors.items()}
            pairs = zip(task.outputs, case.cotangents, strict=True)
            tensors |= {f"{prefix}d.{name}": cotangent for name, cotangent in pairs}
    save_file(
        {name: tensor.clone() for name, tensor in tensors.items()}, folder / "inputs.safetensors"
    )
    job["tasks"] = [
        {
            **task.description,
            "adapter": adapters.get(task.name, {}),
            "cases": [dict(case.sizes) for case in cases[task.name]],
        }
        for task in tasks
    ]
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")


def _run_child(folder: Path, seconds: float) -> int | None:
    """Return the exit status; `None` if the timer in the process could not end it.

    What the student's file prints goes to standard error, so that the report stays clean.
    """
    # -P: the student's imports do not find the modules next to start.py; -B: no __pycache__ is
    # written; -u: what is printed before the process ends is shown
    command = [sys.executable, "-P", "-B", "-u", _START, _CHILD, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all processes that it has started."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # none is left
    else:
        process.kill()
    process.wait()


def _read_answers(
    folder: Path, path: Path, tasks: Sequence[Task], status: int | None, time_limit: float
) -> FileRun:
    reason = _why_it_ended(folder, path, status, time_limit)
    try:
        module = json.loads((folder / "module.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LmcourseError(f"{path} cannot be imported: {reason}") from None
    if module["error"]:
        raise LmcourseError(f"{path} cannot be imported: {module['error']}")
    found = {task: name for task, name in module["found"].items() if name}
    run = FileRun(module["names"], found)
    for task in (task for task in tasks if task.name in found):
        if not (folder / f"{task.name}.json").exists():
            run.stopped = (task.name, reason)
            break
        answered = json.loads((folder / f"{task.name}.json").read_text(encoding="utf-8"))
        if answered["signature"]:
            run.refused[task.name] = answered["signature"]
        else:
            tensors = load_file(folder / f"{task.name}.safetensors")
            run.answers[task.name] = [
                _answer(case, f"{index}.", tensors) for index, case in enumerate(answered["cases"])
            ]
    return run


def _answer(case: dict[str, Any], prefix: str, tensors: dict[str, Tensor]) -> Answer:
    values = [tensors[f"{prefix}value.{place}"] for place in range(case["values"])]
    gradients = None
    if case["gradients"] is not None:
        gradients = {name: tensors[f"{prefix}gradient.{name}"] for name in case["gradients"]}
    return Answer(values, gradients, case["error"], case["single"])


def _why_it_ended(folder: Path, path: Path, status: int | None, time_limit: float) -> str:
    stack = folder / "stack.txt"
    text = stack.read_text(encoding="utf-8") if stack.exists() else ""
    if status is None or text:
        # faulthandler escapes the letters of a path that are not ASCII
        shown = str(path.resolve()).encode("ascii", "backslashreplace").decode("ascii")
        start = f'File "{shown}", line '
        lines = (line.strip() for line in text.splitlines())
        inside = next((line for line in lines if line.startswith(start)), "")
        number, _, function = inside.removeprefix(start).partition(" in ")
        where = f": it was at line {number} of {path.name}" if number else ""
        where += f" (in {function})" if function and function != "<module>" else ""
        return f"not finished after {time_limit:g} seconds{where}"
    return f"its process ended early, with status {status}"
