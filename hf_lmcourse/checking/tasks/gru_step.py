"""One step of the GRU."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ...layers.gru import gru_step
from ..task import Function, Task, change_arguments, row_orders, transpose_blocks, zero
from .recurrent_step import SIZES, SPECIAL, draw_step

_ARGUMENTS = ("x", "h", "W", "U", "b", "b_h")
_GATES = ("r", "z", "n")


class _Parts(NamedTuple):
    """The tensors that the candidate and the new state are computed from."""

    h: Tensor
    r: Tensor
    z: Tensor
    x_n: Tensor
    U_n: Tensor
    b_n: Tensor


def _reference(
    x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor, b_h: Tensor
) -> tuple[Tensor, ...]:
    return (gru_step(x @ W.t() + b, h @ U.t() + b_h, h),)


def _candidate(p: _Parts) -> Tensor:
    return torch.tanh(p.x_n + p.r * (p.h @ p.U_n.t() + p.b_n))


def _mixed(p: _Parts, n: Tensor) -> Tensor:
    return (1 - p.z) * n + p.z * p.h


def _altered(
    *,
    gate: Callable[[Tensor], Tensor] = torch.sigmoid,
    candidate: Callable[[_Parts], Tensor] = _candidate,
    mixed: Callable[[_Parts, Tensor], Tensor] = _mixed,
) -> Function:
    """Return the step with one part replaced; with none replaced it is the reference."""

    def step(
        x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor, b_h: Tensor
    ) -> tuple[Tensor, ...]:
        x_r, x_z, x_n = (x @ W.t() + b).chunk(3, dim=-1)
        U_r, U_z, U_n = U.chunk(3)
        b_r, b_z, b_n = b_h.chunk(3)
        r, z = gate(x_r + h @ U_r.t() + b_r), gate(x_z + h @ U_z.t() + b_z)
        parts = _Parts(h, r, z, x_n, U_n, b_n)
        return (mixed(parts, candidate(parts)),)

    return step


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    **{
        f"the rows are taken to be those of {', '.join(order)}, not of r, z, n": _with(
            W=rows, U=rows, b=rows, b_h=rows
        )
        for order, rows in row_orders(_GATES).items()
    },
    "the update gate is reversed: h' = z * n + (1 - z) * h": _altered(
        mixed=lambda p, n: p.z * n + (1 - p.z) * p.h
    ),
    "the old state is left out: h' = (1 - z) * n": _altered(mixed=lambda p, n: (1 - p.z) * n),
    "the update gate is left out: h' = n": _altered(mixed=lambda p, n: n),
    "1 - z is left out: h' = n + z * h": _altered(mixed=lambda p, n: n + p.z * p.h),
    "the reset gate acts before the product: n = tanh(... + U_n (r * h) + ...)": _altered(
        candidate=lambda p: torch.tanh(p.x_n + (p.r * p.h) @ p.U_n.t() + p.b_n)
    ),
    "the reset gate does not act on the bias b_h of the candidate": _altered(
        candidate=lambda p: torch.tanh(p.x_n + p.r * (p.h @ p.U_n.t()) + p.b_n)
    ),
    "the reset gate is left out": _altered(
        candidate=lambda p: torch.tanh(p.x_n + p.h @ p.U_n.t() + p.b_n)
    ),
    "the reset gate acts on the input product too": _altered(
        candidate=lambda p: torch.tanh(p.r * (p.x_n + p.h @ p.U_n.t() + p.b_n))
    ),
    "tanh is missing on the candidate n": _altered(
        candidate=lambda p: p.x_n + p.r * (p.h @ p.U_n.t() + p.b_n)
    ),
    "the candidate n goes through the sigmoid, not through tanh": _altered(
        candidate=lambda p: torch.sigmoid(p.x_n + p.r * (p.h @ p.U_n.t() + p.b_n))
    ),
    "the gates r and z go through tanh, not through the sigmoid": _altered(gate=torch.tanh),
    "the bias b is omitted": _with(b=zero),
    "the bias b_h is omitted": _with(b_h=zero),
    "the biases b and b_h are omitted": _with(b=zero, b_h=zero),
    "W is transposed in each gate": _with(W=partial(transpose_blocks, blocks=3)),
    "U is transposed in each gate": _with(U=partial(transpose_blocks, blocks=3)),
}


GRU_STEP = Task(
    name="gru_step",
    arguments=_ARGUMENTS,
    outputs=("h'",),
    reference=_reference,
    draw=partial(draw_step, gates=3, states=("h",), biases=("b", "b_h")),
    sizes=SIZES,
    special=SPECIAL,
    variants=_VARIANTS,
    parameters=("W", "U", "b", "b_h"),
    constructor=("input_size", "hidden_size"),
    blocks={name: _GATES for name in ("W", "U", "b", "b_h")},
)
"""The step of `hf_lmcourse.layers.gru`, and the common mistakes in it."""
