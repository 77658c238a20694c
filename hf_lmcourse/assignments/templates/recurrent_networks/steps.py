"""One step of each recurrent network; x is the input, h (and c) the state before the step.

A step that passes its check can be trained: `lmcourse train RECIPE --cell steps.py:lstm_step`.
"""

import torch
from torch import Tensor


def elman_step(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """Return the new state tanh(W x + U h + b).

    Shape:
        x: (batch, input_size); h, result: (batch, hidden_size); W: (hidden_size, input_size);
        U: (hidden_size, hidden_size); b: (hidden_size,).
    """
    return torch.tanh(x @ W.T + h @ U.T + b)  # SOLUTION


def lstm_step(
    x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the new hidden vector h' and the new cell c'.

    With a = W x + U h + b, whose rows are four blocks a_i, a_f, a_g, a_o,

        i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o)      g = tanh(a_g)
        c' = f * c + i * g                                      h' = o * tanh(c')

    Shape:
        x: (batch, input_size); h, c, h', c': (batch, hidden_size);
        W: (4 * hidden_size, input_size); U: (4 * hidden_size, hidden_size); b: (4 * hidden_size,).
    """
    a_i, a_f, a_g, a_o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    # the gates and the candidate
    # BEGIN SOLUTION
    i, f, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.sigmoid(a_o)
    g = torch.tanh(a_g)
    # END SOLUTION
    # the cell, and what the step shows of it
    # BEGIN SOLUTION
    c = f * c + i * g
    h = o * torch.tanh(c)
    # END SOLUTION
    return h, c


def gru_step(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor, b_h: Tensor) -> Tensor:
    """Return the new state h'.

    With W x + b in three blocks x_r, x_z, x_n and U h + b_h in three blocks u_r, u_z, u_n,

        r = sigmoid(x_r + u_r)      z = sigmoid(x_z + u_z)      n = tanh(x_n + r * u_n)
        h' = (1 - z) * n + z * h

    Shape:
        x: (batch, input_size); h, h': (batch, hidden_size); W: (3 * hidden_size, input_size);
        U: (3 * hidden_size, hidden_size); b, b_h: (3 * hidden_size,).
    """
    x_r, x_z, x_n = (x @ W.T + b).chunk(3, dim=1)
    u_r, u_z, u_n = (h @ U.T + b_h).chunk(3, dim=1)
    # BEGIN SOLUTION
    r, z = torch.sigmoid(x_r + u_r), torch.sigmoid(x_z + u_z)
    n = torch.tanh(x_n + r * u_n)
    # END SOLUTION
    return (1 - z) * n + z * h  # SOLUTION
