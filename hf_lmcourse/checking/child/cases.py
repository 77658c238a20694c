"""The answers of a student's function in all cases of a task."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .answers import Answer, answer
from .calling import call
from .student_file import sentence


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
            found.append(Answer(error=sentence(error, job["file"], name)))
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
