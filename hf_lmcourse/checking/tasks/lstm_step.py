"""One step of the LSTM."""

import random
from collections.abc import Callable
from functools import partial
from itertools import permutations

import torch
from torch import Tensor

from ...layers.lstm import lstm_step
from ..task import Function, Sizes, Task, draw_normal, reorder_rows, transpose_blocks

__all__ = ["LSTM_STEP"]

_GATES = ("i", "f", "g", "o")
_Activation = Callable[[Tensor], Tensor]


def _reference(
    x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor
) -> tuple[Tensor, Tensor]:
    return lstm_step(x @ W.t() + b, h, c, U)


def _altered(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    W: Tensor,
    U: Tensor,
    b: Tensor,
    *,
    i: _Activation = torch.sigmoid,
    f: _Activation = torch.sigmoid,
    g: _Activation = torch.tanh,
    o: _Activation = torch.sigmoid,
    cell: _Activation = torch.tanh,
    coupled: bool = False,
    old_cell: bool = False,
) -> tuple[Tensor, Tensor]:
    """The step with one thing changed; with nothing changed it is the reference."""
    a_i, a_f, a_g, a_o = (x @ W.t() + h @ U.t() + b).chunk(4, dim=-1)
    new = f(a_f) * c + (1 - f(a_f) if coupled else i(a_i)) * g(a_g)
    return o(a_o) * cell(c if old_cell else new), new


def _in_order(order: tuple[str, ...]) -> Function:
    def step(x: Tensor, h: Tensor, c: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return _reference(x, h, c, *(reorder_rows(p, order, _GATES) for p in parameters))

    return step


def _orders() -> dict[str, Function]:
    """Every wrong order of the four blocks of rows."""
    found: dict[str, Function] = {}
    for order in permutations(_GATES):
        moved = [gate for gate, right in zip(order, _GATES, strict=True) if gate != right]
        if len(moved) == 2:
            found[f"the gates {moved[1]} and {moved[0]} are swapped"] = _in_order(order)
        elif moved:
            rows = f"the rows are taken to be those of {', '.join(order)}, not of i, f, g, o"
            found[rows] = _in_order(order)
    return found


def _identity(a: Tensor) -> Tensor:
    return a


def _cell_first(*arguments: Tensor) -> tuple[Tensor, Tensor]:
    h, c = _reference(*arguments)
    return c, h


_VARIANTS: dict[str, Function] = {
    **_orders(),
    "the gate i goes without its sigmoid": partial(_altered, i=_identity),
    "the gate f goes without its sigmoid": partial(_altered, f=_identity),
    "the gate o goes without its sigmoid": partial(_altered, o=_identity),
    "the gate i is missing": partial(_altered, i=torch.ones_like),
    "the gate f is missing": partial(_altered, f=torch.ones_like),
    "the gate o is missing": partial(_altered, o=torch.ones_like),
    "the gates i, f, o go through tanh, not through the sigmoid": partial(
        _altered, i=torch.tanh, f=torch.tanh, o=torch.tanh
    ),
    "tanh is forgotten on the candidate g": partial(_altered, g=_identity),
    "the candidate g goes through the sigmoid, not through tanh": partial(
        _altered, g=torch.sigmoid
    ),
    "tanh is forgotten on the cell: h' = o * c'": partial(_altered, cell=_identity),
    "the cell goes through the sigmoid, not through tanh": partial(_altered, cell=torch.sigmoid),
    "h' is made from the old cell c, not from c'": partial(_altered, old_cell=True),
    "1 - f stands in the place of the input gate i": partial(_altered, coupled=True),
    "the bias b is omitted": lambda x, h, c, W, U, b: _reference(x, h, c, W, U, 0 * b),
    "the bias b is added twice": lambda x, h, c, W, U, b: _reference(x, h, c, W, U, 2 * b),
    "1 is added to the forget gate's bias": lambda x, h, c, W, U, b: _altered(
        x, h, c, W, U, b, f=lambda a: torch.sigmoid(a + 1)
    ),
    "the input product W x is omitted": lambda x, h, c, W, U, b: _reference(0 * x, h, c, W, U, b),
    "the recurrent product U h is omitted": lambda x, h, c, W, U, b: _reference(
        x, 0 * h, c, W, U, b
    ),
    "W is transposed in each gate": lambda x, h, c, W, U, b: _reference(
        x, h, c, transpose_blocks(W, 4), U, b
    ),
    "U is transposed in each gate": lambda x, h, c, W, U, b: _reference(
        x, h, c, W, transpose_blocks(U, 4), b
    ),
    "h' and c' are returned in the wrong order": _cell_first,
}


def _sizes(chance: random.Random) -> Sizes:
    names = ("batch", "input_size", "hidden_size")
    return {name: chance.randint(1, 6) for name in names}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    batch, size, hidden = sizes["batch"], sizes["input_size"], sizes["hidden_size"]
    return draw_normal(
        generator,
        x=(batch, size),
        h=(batch, hidden),
        c=(batch, hidden),
        W=(4 * hidden, size),
        U=(4 * hidden, hidden),
        b=(4 * hidden,),
    )


LSTM_STEP = Task(
    name="lstm_step",
    arguments=("x", "h", "c", "W", "U", "b"),
    outputs=("h'", "c'"),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"batch": 3, "input_size": 3, "hidden_size": 3},
        {"batch": 2, "input_size": 3, "hidden_size": 4},
        {"batch": 1, "input_size": 1, "hidden_size": 1},
    ),
    variants=_VARIANTS,
    parameters=("W", "U", "b"),
    constructor=("input_size", "hidden_size"),
    blocks={name: _GATES for name in ("W", "U", "b")},
)
"""The step of `hf_lmcourse.layers.lstm`, and what is often wrong with one."""
