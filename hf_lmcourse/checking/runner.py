"""Read a student's file, and run it in its own process."""

import ast
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from ..errors import LmcourseError, reason
from .results import FileRun, read_run
from .sandbox.limits import MIB, Limits
from .sandbox.run import run_limited
from .task import Case, Task

_START = str(Path(__file__).with_name("start.py"))
_CHILD = str(Path(__file__).with_name("child"))
_START_SECONDS = 120
"""More than importing torch takes on any machine; the time limit starts after that."""
_GRACE_SECONDS = 1
"""The process reports the line at which it was stopped, if it is let: then it is killed."""
_MEMORY = 1024 * MIB
"""Bytes that a process may map more than it does after importing torch."""
_LARGEST_SOURCE = MIB


def read_source(path: Path) -> ast.Module:
    """Parse the file without running it.

    Raises:
        LmcourseError: The file does not exist, is not a Python file, or has a syntax error.
    """
    if path.suffix != ".py":
        raise LmcourseError(f"{path} is not a Python file: its name must end in .py")
    try:
        if path.exists() and not path.is_file():  # such as a pipe, which has no end
            raise LmcourseError(f"cannot read {path}: it is not a file")
        with path.open("rb") as file:
            source = file.read(_LARGEST_SOURCE + 1)
    except OSError as error:
        raise LmcourseError(f"cannot read {path}: {reason(error)}") from error
    if len(source) > _LARGEST_SOURCE:
        raise LmcourseError(f"{path} has more than {_LARGEST_SOURCE:,} bytes: it is not a program")
    try:
        return ast.parse(source)
    except SyntaxError as error:
        where = f"line {error.lineno} of {path}" if error.lineno else str(path)
        raise LmcourseError(f"{where} has a syntax error: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # of brackets in brackets too
        raise LmcourseError(f"{path} is not Python source: {reason(error)}") from error


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
    show_output: bool = True,
) -> FileRun:
    """Call the file's functions for the tasks in all cases, in one process with limits.

    If `numpy` is true, they get NumPy arrays and only values are computed. The time limit in
    seconds is for importing the file, and for each task. The adapters have the names of tasks. What
    the file prints goes to standard error if `show_output` is true, so that the report stays clean.

    Raises:
        LmcourseError: The file cannot be imported.
    """
    with _temporary_folder() as folder:
        job = {"file": str(path.resolve()), "numpy": numpy, "time_limit": time_limit}
        _write_job(folder, {**job, "memory": _MEMORY}, tasks, cases, adapters or {})
        stages = ["started", "module.json", *(f"{task.name}.json" for task in tasks)]
        limits = Limits(
            seconds=time_limit + _GRACE_SECONDS,
            start_seconds=_START_SECONDS,
            stages=stages,
            processor_seconds=math.ceil(_START_SECONDS + time_limit * len(stages)),
        )
        # -P: the student's imports do not find the modules next to start.py; -B: no __pycache__ is
        # written; -u: what is printed before the process ends is shown
        command = [sys.executable, "-P", "-B", "-u", _START, _CHILD, str(folder)]
        ending = run_limited(command, folder, limits, show_output=show_output)
        return read_run(folder, path, tasks, ending, time_limit)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that is removed, as far as this is possible with what a file has made of it."""
    folder = tempfile.mkdtemp(prefix="lmcourse-check-")
    try:
        yield Path(folder)
    finally:
        try:
            shutil.rmtree(folder, ignore_errors=True)
        except RecursionError:  # of folders in folders
            subprocess.run(["rm", "-rf", folder], check=False)


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
