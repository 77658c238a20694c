"""One step of Elman's recurrent network."""

from functools import partial

import torch
from torch import Tensor

from ...layers.elman import elman_step
from ..task import Function, Task, change_arguments, zero
from .recurrent_step import SIZES, SPECIAL, draw_step

_ARGUMENTS = ("x", "h", "W", "U", "b")


def _reference(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor]:
    return (elman_step(x @ W.t() + b, h @ U.t(), "tanh"),)


def _activated(name: str) -> Function:
    """Return the step with another activation."""
    return lambda x, h, W, U, b: (elman_step(x @ W.t() + b, h @ U.t(), name),)


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "tanh is missing: h' = W x + U h + b": lambda x, h, W, U, b: (x @ W.t() + h @ U.t() + b,),
    "the activation is the sigmoid, not tanh": _activated("sigmoid"),
    "the activation is ReLU, not tanh": _activated("relu"),
    "tanh is applied to the two products one by one, and then they are added": (
        lambda x, h, W, U, b: (torch.tanh(x @ W.t() + b) + torch.tanh(h @ U.t()),)
    ),
    "the old state is added: h' = h + tanh(...)": lambda x, h, W, U, b: (
        h + _reference(x, h, W, U, b)[0],
    ),
    "the bias b is omitted": _with(b=zero),
    "the bias b is added twice": _with(b=lambda b: 2 * b),
    "the input product W x is omitted": _with(x=zero),
    "the recurrent product U h is omitted": _with(h=zero),
    "W is transposed": _with(W=torch.t),
    "U is transposed": _with(U=torch.t),
    "W and U are transposed": _with(W=torch.t, U=torch.t),
    "W and U are swapped": lambda x, h, W, U, b: _reference(x, h, U, W, b),
}


ELMAN_STEP = Task(
    name="elman_step",
    arguments=_ARGUMENTS,
    outputs=("h'",),
    reference=_reference,
    draw=partial(draw_step, gates=1, states=("h",), biases=("b",)),
    sizes=SIZES,
    special=SPECIAL,
    variants=_VARIANTS,
    parameters=("W", "U", "b"),
    constructor=("input_size", "hidden_size"),
)
"""The step of `hf_lmcourse.layers.elman`, and the common mistakes in it."""
