"""Elman's simple recurrent network.

With x_t the input, h the state and phi one of tanh, sigmoid and ReLU:

    h_t = phi(W x_t + b + U h_{t-1})

Reference:
    Elman 1990; as a language model, Mikolov et al. 2010.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..kernels.dispatch import elman_sequence, library_elman
from .recurrence import DenseRecurrence, State

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
}
"""phi by name."""


def elman_step(a_x: Tensor, u: Tensor, activation: str) -> Tensor:
    """Compute one step of the recurrence.

    Args:
        a_x: W x_t + b, the input product.
        u: U h_{t-1}, the recurrent product.
        activation: The name of phi, a key of `ACTIVATIONS`.

    Returns:
        h_t.

    Shape:
        a_x, u, result: (batch, hidden_size).
    """
    phi = ACTIVATIONS[activation]
    return phi(a_x + u)  # (batch, hidden_size)


class ElmanLayer(DenseRecurrence):
    """A layer of Elman's recurrence; the equation is at the top of this file.

    W and b are `input_projection`, U is `recurrent_projection`, as in `torch.nn.RNN` (its two
    biases add up to b; it has no sigmoid).

    Args:
        input_size: Width of the input vectors.
        hidden_size: Width of the state.
        activation: The name of phi, a key of `ACTIVATIONS`.
        **options: `recurrent_dropout` and `backend` of `DenseRecurrence`.

    Raises:
        ValueError: An unknown activation, or a sigmoid with the library's backend.

    Shape:
        x: (batch, length, input_size); h: (batch, hidden_size).
    """

    name = "elman"
    gates = 1
    components = 1

    def __init__(
        self, input_size: int, hidden_size: int, activation: str = "tanh", **options: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation {activation!r} is none of {sorted(ACTIVATIONS)}")
        if activation == "sigmoid" and self.backend == "torch":
            raise ValueError('torch has no sigmoid recurrence: use backend="native"')
        self.activation = activation
        self.in_library = activation != "sigmoid"

    def step(self, a_x: Tensor, u: Tensor, state: State) -> State:
        """`elman_step`; the state is its result alone."""
        return (elman_step(a_x, u, self.activation),)

    def fast_sequence(self, a_x: Tensor, state: State, U: Tensor, mask: Tensor | None) -> State:
        """All steps by the fastest path. Shapes as in `run_steps`."""
        return elman_sequence(a_x, state, U, mask, self.activation)

    def library_sequence(self, x: Tensor, state: State, U: Tensor) -> tuple[Tensor, State]:
        """All steps by the kernel of `torch.nn.RNN`. Shapes as in `forward`."""
        W = self.input_projection
        return library_elman(x, state, W.weight, U, W.bias, self.activation, self.training)
