"""Long short-term memory without peepholes.

With x_t the input, (h, c) the state and * elementwise:

    a_t = W x_t + b + U h_{t-1}               split into a_i, a_f, a_g, a_o
    i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o)    input, forget and output gate
    g = tanh(a_g)                             candidate
    c_t = f * c_{t-1} + i * g
    h_t = o * tanh(c_t)

With a capped input gate, min(i, 1 - f) takes the place of i in c_t: what is added and what is kept
have at most the weight 1 together, so that no entry of c_t leaves [-1, 1].

Reference:
    Hochreiter and Schmidhuber 1997 (cell); Gers, Schmidhuber and Cummins 2000 (forget gate);
    Zaremba, Sutskever and Vinyals 2014 (as a language model); Melis, Dyer and Blunsom 2018, On the
    State of the Art of Evaluation in Neural Language Models (capped input gate).
"""

from typing import Any

import torch
from torch import Tensor, nn

from ..kernels.dispatch import library_lstm, lstm_sequence
from .recurrence import DenseRecurrence, State


def lstm_step(a_x: Tensor, u: Tensor, c: Tensor, capped: bool = False) -> tuple[Tensor, Tensor]:
    """Compute one step of the recurrence.

    Args:
        a_x: W x_t + b, the input product.
        u: U h_{t-1}, the recurrent product.
        c: c_{t-1}.
        capped: Whether the input gate is at most 1 - f.

    Returns:
        h_t and c_t.

    Shape:
        a_x, u: (batch, 4 * hidden_size); c, results: (batch, hidden_size).
    """
    a = a_x + u  # (batch, 4 * hidden_size)
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)  # (batch, hidden_size) each
    i, f, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.sigmoid(a_o)
    g = torch.tanh(a_g)
    if capped:
        i = torch.minimum(i, 1 - f)
    c = f * c + i * g
    h = o * torch.tanh(c)
    return h, c


class LSTMLayer(DenseRecurrence):
    """A layer of long short-term memory; the equations are at the top of this file.

    W and b are `input_projection`, U is `recurrent_projection`; their rows are ordered i, f, g, o
    as in `torch.nn.LSTM`, so that weights can be exchanged with it (its two biases add up to b).

    Args:
        input_size: Width of the input vectors.
        hidden_size: Width of h and c.
        capped_input_gate: Whether the input gate is at most 1 - f.
        **options: `recurrent_dropout` and `backend` of `DenseRecurrence`.

    Raises:
        ValueError: A capped input gate with the library's backend.

    Shape:
        x: (batch, length, input_size); h, c: (batch, hidden_size).
    """

    name = "lstm"
    gates = 4
    components = 2

    def __init__(
        self, input_size: int, hidden_size: int, capped_input_gate: bool = False, **options: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        if capped_input_gate and self.backend == "torch":
            raise ValueError('torch has no capped input gate: use backend="native"')
        self.capped_input_gate = capped_input_gate
        self.in_library = not capped_input_gate

    def reset_parameters(self) -> None:
        """Draw W and U; b is 0, and 1 for the forget gate.

        An open forget gate lets gradients through from the start (Jozefowicz et al. 2015).
        """
        super().reset_parameters()
        with torch.no_grad():
            self.input_projection.bias[self.hidden_size : 2 * self.hidden_size] = 1.0

    def step(self, a_x: Tensor, u: Tensor, state: State) -> State:
        """`lstm_step` on this layer's state."""
        _, c = state
        return lstm_step(a_x, u, c, self.capped_input_gate)

    def fast_sequence(self, a_x: Tensor, state: State, U: Tensor, mask: Tensor | None) -> State:
        """All steps by the fastest path. Shapes as in `run_steps`."""
        return lstm_sequence(a_x, state, U, mask, self.capped_input_gate)

    def library_sequence(self, x: Tensor, state: State, U: Tensor) -> tuple[Tensor, State]:
        """All steps by the kernel of `torch.nn.LSTM`. Shapes as in `forward`."""
        W: nn.Linear = self.input_projection
        return library_lstm(x, state, W.weight, U, W.bias, self.training)
