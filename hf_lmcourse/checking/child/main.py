"""Run a job: a folder with job.json and inputs.safetensors (see `runner.py`).

It gets module.json (what the file defines) and, as each task is done, TASK.safetensors and
TASK.json: nothing is ever unpickled. When the time limit is exceeded, the process ends and
stack.txt shows where it was.
"""

import faulthandler
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from .calling import signature_problem
from .cases import answers_of
from .memory import limit_memory
from .student_file import find_name, load_module, sentence


def _run_job(folder: Path) -> None:
    """Run all tasks of the job that the student's file implements."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    inputs = load_file(folder / "inputs.safetensors")
    limit_memory(job["memory"])
    (folder / "started").touch()  # only now does the time limit begin
    torch.set_default_dtype(torch.float64)  # so that torch.zeros has the dtype of the inputs
    with (folder / "stack.txt").open("w") as stack:

        def start_clock() -> None:
            faulthandler.dump_traceback_later(job["time_limit"], exit=True, file=stack)

        start_clock()
        try:
            module = load_module(Path(job["file"]))
        except BaseException as error:
            _write(folder / "module.json", {"error": sentence(error, job["file"], "the import")})
            return
        found = {t["name"]: find_name(module, t["name"], t["adapter"]) for t in job["tasks"]}
        names = [name for name, value in vars(module).items() if callable(value)]
        _write(folder / "module.json", {"error": None, "names": names, "found": found})
        for task in job["tasks"]:
            if name := found[task["name"]]:
                start_clock()
                _run_task(folder, task, getattr(module, name), name, job, inputs)
        faulthandler.cancel_dump_traceback_later()


def _write(path: Path, content: Any) -> None:
    """Write a file atomically: the process may be ended at any moment."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content), encoding="utf-8")
    unfinished.replace(path)


def _run_task(folder: Path, task: Any, candidate: Any, name: str, job: Any, inputs: Any) -> None:
    problem = signature_problem(candidate, name, task)
    found = [] if problem else answers_of(candidate, name, task, job, inputs)
    tensors: dict[str, Tensor] = {}
    for index, case in enumerate(found):
        tensors |= {f"{index}.value.{place}": value for place, value in enumerate(case.values)}
        gradients = (case.gradients or {}).items()
        tensors |= {f"{index}.gradient.{n}": gradient for n, gradient in gradients}
    save_file(
        {n: t.clone(memory_format=torch.contiguous_format) for n, t in tensors.items()},
        folder / f"{task['name']}.safetensors",
    )
    cases = [
        {
            "error": case.error,
            "values": len(case.values),
            "gradients": None if case.gradients is None else list(case.gradients),
            "single": case.single,
        }
        for case in found
    ]
    _write(folder / f"{task['name']}.json", {"signature": problem, "cases": cases})


def main(arguments: list[str]) -> None:
    """Run the job in the folder that is the argument, and end the process."""
    _run_job(Path(arguments[0]))
    sys.stdout.flush()
    os._exit(0)  # do not wait for threads that the file has started
