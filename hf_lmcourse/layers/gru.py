"""Gated recurrent unit, in the form of `torch.nn.GRU`.

With x_t the input, h the state and * elementwise:

    a_x = W x_t + b                           split into x_r, x_z, x_n
    u = U h_{t-1} + b_h                       split into u_r, u_z, u_n
    r = sigmoid(x_r + u_r)                    reset gate
    z = sigmoid(x_z + u_z)                    update gate
    n = tanh(x_n + r * u_n)                   candidate
    h_t = (1 - z) * n + z * h_{t-1}

The reset gate acts after the recurrent product, not before it as in the first paper: so all three
products of a step are one matrix product.

Reference:
    Cho et al. 2014; the form with the reset gate after the product: Cho et al. 2014, version 1 of
    arXiv 1406.1078, and cuDNN.
"""

import torch
from torch import Tensor

from ..kernels.dispatch import gru_sequence, library_gru
from .recurrence import DenseRecurrence, State


def gru_step(a_x: Tensor, u: Tensor, h: Tensor) -> Tensor:
    """Compute one step of the recurrence.

    Args:
        a_x: W x_t + b, the input product.
        u: U h_{t-1} + b_h, the recurrent product.
        h: h_{t-1}.

    Returns:
        h_t.

    Shape:
        a_x, u: (batch, 3 * hidden_size); h, result: (batch, hidden_size).
    """
    x_r, x_z, x_n = a_x.chunk(3, dim=-1)  # (batch, hidden_size) each
    u_r, u_z, u_n = u.chunk(3, dim=-1)  # (batch, hidden_size) each
    r, z = torch.sigmoid(x_r + u_r), torch.sigmoid(x_z + u_z)
    n = torch.tanh(x_n + r * u_n)
    return (1 - z) * n + z * h


class GRULayer(DenseRecurrence):
    """A layer of gated recurrent units; the equations are at the top of this file.

    W and b are `input_projection`, U and b_h are `recurrent_projection`; their rows are ordered
    r, z, n as in `torch.nn.GRU`, so that weights can be exchanged with it.

    Shape:
        x: (batch, length, input_size); h: (batch, hidden_size).
    """

    name = "gru"
    gates = 3
    components = 1
    in_library = True
    recurrent_bias = True

    def step(self, a_x: Tensor, u: Tensor, state: State) -> State:
        """`gru_step` on this layer's state."""
        (h,) = state
        return (gru_step(a_x, u, h),)

    def fast_sequence(self, a_x: Tensor, state: State, U: Tensor, mask: Tensor | None) -> State:
        """All steps by the fastest path. Shapes as in `run_steps`."""
        b_h = self.recurrent_projection.bias.to(a_x.dtype)
        return gru_sequence(a_x, state, U, b_h, mask)

    def library_sequence(self, x: Tensor, state: State, U: Tensor) -> tuple[Tensor, State]:
        """All steps by the kernel of `torch.nn.GRU`. Shapes as in `forward`."""
        W, b_h = self.input_projection, self.recurrent_projection.bias
        return library_gru(x, state, W.weight, U, W.bias, b_h, self.training)
