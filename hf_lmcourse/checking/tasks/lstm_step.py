"""One step of the LSTM."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ...layers.lstm import lstm_step
from ..task import Function, Task, change_arguments, row_orders, transpose_blocks, zero
from .recurrent_step import SIZES, SPECIAL, draw_step

_ARGUMENTS = ("x", "h", "c", "W", "U", "b")
_GATES = ("i", "f", "g", "o")
_Activation = Callable[[Tensor], Tensor]


def _reference(
    x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor
) -> tuple[Tensor, Tensor]:
    return lstm_step(x @ W.t() + b, h @ U.t(), c)


def _altered(
    *,
    i: _Activation = torch.sigmoid,
    f: _Activation = torch.sigmoid,
    g: _Activation = torch.tanh,
    o: _Activation = torch.sigmoid,
    cell: _Activation = torch.tanh,
    coupled: bool = False,
    old_cell: bool = False,
) -> Function:
    """Return the step with one part replaced; with none replaced it is the reference."""

    def step(
        x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor
    ) -> tuple[Tensor, Tensor]:
        a_i, a_f, a_g, a_o = (x @ W.t() + h @ U.t() + b).chunk(4, dim=-1)
        new = f(a_f) * c + (1 - f(a_f) if coupled else i(a_i)) * g(a_g)
        return o(a_o) * cell(c if old_cell else new), new

    return step


_with = partial(change_arguments, _reference, _ARGUMENTS)


def _orders() -> dict[str, Function]:
    """Return a variant for every wrong order of the four blocks of rows."""
    found: dict[str, Function] = {}
    for order, rows in row_orders(_GATES).items():
        moved = [gate for gate, right in zip(order, _GATES, strict=True) if gate != right]
        mistake = f"the rows are taken to be those of {', '.join(order)}, not of i, f, g, o"
        if len(moved) == 2:
            mistake = f"the gates {moved[1]} and {moved[0]} are swapped"
        found[mistake] = _with(W=rows, U=rows, b=rows)
    return found


def _identity(a: Tensor) -> Tensor:
    return a


_VARIANTS: dict[str, Function] = {
    **_orders(),
    "the gate i has no sigmoid": _altered(i=_identity),
    "the gate f has no sigmoid": _altered(f=_identity),
    "the gate o has no sigmoid": _altered(o=_identity),
    "the gate i is missing": _altered(i=torch.ones_like),
    "the gate f is missing": _altered(f=torch.ones_like),
    "the gate o is missing": _altered(o=torch.ones_like),
    "the gates i, f, o go through tanh, not through the sigmoid": _altered(
        i=torch.tanh, f=torch.tanh, o=torch.tanh
    ),
    "tanh is missing on the candidate g": _altered(g=_identity),
    "the candidate g goes through the sigmoid, not through tanh": _altered(g=torch.sigmoid),
    "tanh is missing on the cell: h' = o * c'": _altered(cell=_identity),
    "the cell goes through the sigmoid, not through tanh": _altered(cell=torch.sigmoid),
    "h' is computed from the old cell c, not from c'": _altered(old_cell=True),
    "1 - f is used instead of the input gate i": _altered(coupled=True),
    "the bias b is omitted": _with(b=zero),
    "the bias b is added twice": _with(b=lambda b: 2 * b),
    "1 is added to the forget gate's bias": _altered(f=lambda a: torch.sigmoid(a + 1)),
    "the input product W x is omitted": _with(x=zero),
    "the recurrent product U h is omitted": _with(h=zero),
    "W is transposed in each gate": _with(W=partial(transpose_blocks, blocks=4)),
    "U is transposed in each gate": _with(U=partial(transpose_blocks, blocks=4)),
    "h' and c' are returned in the wrong order": lambda *given: _reference(*given)[::-1],
}


LSTM_STEP = Task(
    name="lstm_step",
    arguments=_ARGUMENTS,
    outputs=("h'", "c'"),
    reference=_reference,
    draw=partial(draw_step, gates=4, states=("h", "c"), biases=("b",)),
    sizes=SIZES,
    special=SPECIAL,
    variants=_VARIANTS,
    parameters=("W", "U", "b"),
    constructor=("input_size", "hidden_size"),
    blocks={name: _GATES for name in ("W", "U", "b")},
)
"""The step of `hf_lmcourse.layers.lstm`, and the common mistakes in it."""
