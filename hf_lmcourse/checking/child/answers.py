"""The answer of a function in one case: its outputs, and the gradients of J by autograd."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor


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
