"""Run a student's file: a program that takes a folder as its argument (see `runner.py`).

It reads job.json and inputs.safetensors there, and writes module.json (what the file defines) and,
as each task is done, TASK.safetensors and TASK.json: nothing is ever unpickled. When the time limit
is exceeded, the process ends and stack.txt shows where it was. Nothing of this package, which is
slow to import, is needed.
"""

import faulthandler
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

_MODULE = "lmcourse_checked_file"  # not the file's name, which another module may have


class AnswerError(Exception):
    """The result is not a tensor, or the number of results is wrong; the message says which."""


@dataclass
class Answer:
    """The result of a function in one case.

    Attributes:
        values: The outputs, in float64.
        gradients: The gradients of J, the sum of the outputs times fixed random numbers, with
            respect to each argument that it depends on; `None` if nothing was differentiated.
        error: A sentence on the exception that was raised.
        single: Whether an output has single precision or less.
    """

    values: list[Tensor] = field(default_factory=list)
    gradients: dict[str, Tensor] | None = None
    error: str | None = None
    single: bool = False


def answer(
    function: Callable[[dict[str, Any]], Any],
    arguments: Mapping[str, Any],
    cotangents: Sequence[Tensor] | None,
    outputs: Sequence[str],
) -> Answer:
    """Call a function and differentiate J = sum over its outputs of output * cotangent.

    Args:
        function: Takes a dictionary of the arguments.
        arguments: Tensors or NumPy arrays, and settings.
        cotangents: Random tensors of the outputs' shapes; `None` for values only.
        outputs: The names of the outputs.

    Raises:
        AnswerError: The function returned something else.
    """
    leaves = {
        name: value.clone().requires_grad_()
        for name, value in arguments.items()
        if cotangents is not None and torch.is_tensor(value) and value.is_floating_point()
    }
    output = function({**arguments, **leaves})
    items = list(output) if isinstance(output, tuple | list) else [output]
    _demand_numbers(items, outputs)
    results = [i if torch.is_tensor(i) else torch.from_numpy(np.array(i, order="C")) for i in items]
    found = Answer([result.detach().to(torch.float64) for result in results])
    found.single = any(r.is_floating_point() and r.dtype != torch.float64 for r in results)
    if leaves and cotangents is not None and any(map(torch.is_tensor, items)):
        found.gradients = _differentiate(results, leaves, cotangents)
    return found


def _demand_numbers(items: Sequence[Any], names: Sequence[str]) -> None:
    wanted = ", ".join(names)
    for item in items:
        if not isinstance(item, Tensor | np.ndarray | np.number | float | int):
            hint = ": is a return missing?" if item is None else ""
            raise AnswerError(f"returned {type(item).__name__}, but must return {wanted}{hint}")
    if len(items) != len(names):
        values = "1 value" if len(items) == 1 else f"{len(items)} values"
        raise AnswerError(f"returned {values}, but must return {len(names)}: {wanted}")


def _differentiate(
    results: Sequence[Tensor], leaves: dict[str, Tensor], cotangents: Sequence[Tensor]
) -> dict[str, Tensor] | None:
    """Return the gradient of J for each leaf that it depends on; `None` if J cannot be computed."""
    if any(r.shape != c.shape for r, c in zip(results, cotangents, strict=True)):
        return None
    parts = [(r * c).sum() for r, c in zip(results, cotangents, strict=True) if r.requires_grad]
    if not parts:
        return {}
    found = torch.autograd.grad(torch.stack(parts).sum(), list(leaves.values()), allow_unused=True)
    pairs = zip(leaves, found, strict=True)
    return {name: g.to(torch.float64) for name, g in pairs if g is not None}


def call(candidate: Any, task: Mapping[str, Any], sizes: Mapping[str, Any], given: Any) -> Any:
    """Call a function; or instantiate a class, set the task's parameters, and call the instance.

    Arguments and outputs are in the student's layout and order, if the task has an adapter.
    """
    adapter = task.get("adapter", {})
    arguments = adapter.get("arguments", task["arguments"])
    if not inspect.isclass(candidate):
        output = candidate(*(_laid_out(name, given, task) for name in arguments))
        return _standard(output, task["outputs"], adapter)
    instance: Any = candidate(*(sizes[name] for name in task["constructor"]))
    for name in task["parameters"]:
        attribute = adapter.get("attributes", {}).get(name, name)
        _set(instance, attribute, _laid_out(name, given, task))
    inside = {*task["parameters"], *task["constructor"]}
    passed = (_laid_out(name, given, task) for name in arguments if name not in inside)
    return _standard(instance(*passed), task["outputs"], adapter)


def _set(instance: Any, attribute: str, value: Any) -> None:
    """Set an attribute; `linear.weight` is one of the attribute `linear`."""
    *owners, last = attribute.split(".")
    for owner in owners:
        instance = getattr(instance, owner, None)
    if not hasattr(instance, last):
        raise AnswerError(f"has no attribute {attribute} for the parameter")
    if isinstance(instance, torch.nn.Module):
        instance._parameters.pop(last, None)  # a tensor cannot replace a parameter
    setattr(instance, last, value)


def _laid_out(argument: str, given: Mapping[str, Any], task: Mapping[str, Any]) -> Any:
    """Return an argument as the student's function takes it; `W.i` is the block i of W."""
    adapter = task.get("adapter", {})
    name, _, block = argument.partition(".")
    value, names = given[name], task["blocks"].get(name, ())
    order = [block] if block else adapter.get("blocks", names)
    if names and list(order) != list(names):
        size = len(value) // len(names)
        starts = [size * names.index(one) for one in order]
        value = value[[row for start in starts for row in range(start, start + size)]]
    return _converted(value, adapter.get("layouts", {}).get(name), back=False)


def _converted(value: Any, layout: str | None, *, back: bool) -> Any:
    """Convert an array to a layout, or back from it; what has another shape stays as it is."""
    dimensions = getattr(value, "ndim", 0)
    if layout == "transposed" and dimensions >= 2:
        return value.swapaxes(0, 1)
    if layout in ("row", "column"):
        axis = 0 if layout == "row" else 1
        if back and dimensions == 2 and value.shape[axis] == 1:
            return value.reshape(-1)
        if not back and dimensions == 1:
            return value.reshape((1, -1) if layout == "row" else (-1, 1))
    return value


def _standard(output: Any, names: Sequence[str], adapter: Mapping[str, Any]) -> Any:
    """Return the outputs in the order and layout of the task; a wrong number of them as it is."""
    order = adapter.get("outputs", names)
    items = list(output) if isinstance(output, tuple | list) else [output]
    if not adapter or len(items) != len(order):
        return output
    layouts = adapter.get("layouts", {})
    pairs = zip(order, items, strict=True)
    found = {name: _converted(item, layouts.get(name), back=True) for name, item in pairs}
    return [found[name] for name in names]


def answers_of(
    candidate: Any, name: str, task: Mapping[str, Any], job: Mapping[str, Any], tensors: Any
) -> list[Answer]:
    """Return the answers of a function or class of that name in all cases of a task."""
    found = []
    for index, sizes in enumerate(task["cases"]):
        prefix = f"{task['name']}.{index}."
        given: dict[str, Any] = {
            name: sizes[name] if name in sizes else tensors[prefix + name].clone()
            for name in task["arguments"]
        }
        cotangents = None
        if job["numpy"]:
            given = {n: v.numpy() if torch.is_tensor(v) else v for n, v in given.items()}
        elif task["differentiable"]:
            cotangents = [tensors[f"{prefix}d.{name}"] for name in task["outputs"]]
        function = partial(call, candidate, task, sizes)
        try:
            try:
                found.append(answer(function, given, cotangents, task["outputs"]))
            except RuntimeError as error:
                if not any(word in str(error) for word in ("dtype", "scalar type")):
                    raise
                found.append(_answer_in_single(function, given, cotangents, task["outputs"]))
        except BaseException as error:  # SystemExit too, so that the file cannot end the check
            found.append(Answer(error=_sentence(error, job["file"], name)))
    return found


def _answer_in_single(
    function: Callable[[dict[str, Any]], Any],
    arguments: Mapping[str, Any],
    cotangents: Sequence[Tensor] | None,
    outputs: Sequence[str],
) -> Answer:
    """Answer in float32: for a file that has float32 written into it, and refuses float64."""
    single = {
        name: value.float() if torch.is_tensor(value) and value.is_floating_point() else value
        for name, value in arguments.items()
    }
    torch.set_default_dtype(torch.float32)
    try:
        return answer(function, single, cotangents, outputs)
    finally:
        torch.set_default_dtype(torch.float64)


def _sentence(error: BaseException, file: str, name: str) -> str:
    """Describe an exception, with the last line of the student's file in its traceback."""
    if isinstance(error, AnswerError):
        return f"{name} {error}"
    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if not frames:
        return f"{name} raised {what}"
    inside = "" if frames[-1].name == "<module>" else f" (in {frames[-1].name})"
    return f"line {frames[-1].lineno} of {Path(file).name}{inside} raised {what}"


def _signature_problem(candidate: Any, name: str, task: Mapping[str, Any]) -> str | None:
    try:
        signature = inspect.signature(candidate)
    except (TypeError, ValueError):  # a function written in C has no signature
        return None
    wanted = task["constructor"]
    if not inspect.isclass(candidate):
        wanted = task.get("adapter", {}).get("arguments", task["arguments"])
    try:
        signature.bind(*wanted)
    except TypeError:
        return f"{name}{signature} must take ({', '.join(wanted)})"
    return None


def _load(path: Path) -> ModuleType:
    """Import the file as Python would, with its folder first in `sys.path`."""
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    specification = importlib.util.spec_from_file_location(_MODULE, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def _find(module: ModuleType, task: str, adapter: Mapping[str, Any]) -> str | None:
    """Return the name of the function or class for a task: `lstm_step`, `LSTMStep`, `LstmStep`.

    What is imported from torch or NumPy, such as `LayerNorm`, is not meant. An adapter may have
    another name.
    """
    if "function" in adapter:
        return adapter["function"] if callable(getattr(module, adapter["function"], None)) else None
    names = [
        name
        for name, value in vars(module).items()
        if callable(value)
        and name.replace("_", "").lower() == task.replace("_", "")
        and str(getattr(value, "__module__", "")).partition(".")[0] not in ("torch", "numpy")
    ]
    return task if task in names else next(iter(names), None)


def _write(path: Path, content: Any) -> None:
    """Write a file atomically: the process may be ended at any moment."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content), encoding="utf-8")
    unfinished.replace(path)


def _run_task(folder: Path, task: Any, candidate: Any, name: str, job: Any, inputs: Any) -> None:
    problem = _signature_problem(candidate, name, task)
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


def main(folder: Path) -> None:
    """Run all tasks of the job that the student's file implements."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    inputs = load_file(folder / "inputs.safetensors")
    torch.set_default_dtype(torch.float64)  # so that torch.zeros has the dtype of the inputs
    with (folder / "stack.txt").open("w") as stack:

        def start_clock() -> None:
            faulthandler.dump_traceback_later(job["time_limit"], exit=True, file=stack)

        start_clock()
        try:
            module = _load(Path(job["file"]))
        except BaseException as error:
            _write(folder / "module.json", {"error": _sentence(error, job["file"], "the import")})
            return
        found = {t["name"]: _find(module, t["name"], t["adapter"]) for t in job["tasks"]}
        names = [name for name, value in vars(module).items() if callable(value)]
        _write(folder / "module.json", {"error": None, "names": names, "found": found})
        for task in job["tasks"]:
            if name := found[task["name"]]:
                start_clock()
                _run_task(folder, task, getattr(module, name), name, job, inputs)
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # do not wait for threads that the file has started
