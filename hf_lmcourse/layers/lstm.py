"""Long short-term memory: the gate equations, step by step and as one fast sequence."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from ..kernels.dispatch import can_compile
from ..kernels.lstm_cpp import CompiledLSTMSequence
from .recurrence import RecurrentLayer, State, run_steps

__all__ = ["LSTMLayer", "LSTMSequence", "lstm_step"]

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


def lstm_step(a_x: Tensor, h: Tensor, c: Tensor, U: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the recurrence, from the equations in `LSTMLayer`.

    Args:
        a_x: W x_t + b, the input product.
        h: h_{t-1}.
        c: c_{t-1}.
        U: the recurrent matrix.

    Returns:
        h_t and c_t.

    Shape:
        a_x: (batch, 4 * hidden_size); h, c: (batch, hidden_size);
        U: (4 * hidden_size, hidden_size).
    """
    a_i, a_f, a_g, a_o = (a_x + h @ U.t()).chunk(4, dim=-1)
    i, f, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.sigmoid(a_o)
    g = torch.tanh(a_g)
    c = f * c + i * g
    h = o * torch.tanh(c)
    return h, c


class LSTMSequence(Function):
    """All steps of the LSTM with a backward pass written by hand.

    Going back in time with d(.) for the gradient of the loss, every product elementwise:

        dc_t += dh_t o (1 - tanh(c_t)^2)
        da_o = dh_t tanh(c_t) o (1 - o)          da_i = dc_t g i (1 - i)
        da_f = dc_t c_{t-1} f (1 - f)            da_g = dc_t i (1 - g^2)
        dc_{t-1} = dc_t f                        dh_{t-1} = da U

    and, after the loop, dU = sum over t of da_t^T h_{t-1} as one matrix product.

    Shape:
        projected: (length, batch, 4 * hidden_size); h, c: (batch, hidden_size);
        U: (4 * hidden_size, hidden_size); mask: (length, batch, 1) or None;
        results h_1 .. h_T and c_1 .. c_T: (length, batch, hidden_size).
    """

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        h: Tensor,
        c: Tensor,
        U: Tensor,
        mask: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Run the steps, keeping the activated gates, tanh(c), h and c for the way back."""
        length, batch, rows = projected.shape
        size = rows // 4
        gates = torch.empty_like(projected, memory_format=torch.contiguous_format)
        hidden, cell = (projected.new_empty(length + 1, batch, size) for _ in range(2))
        tanh_cell = projected.new_empty(length, batch, size)
        hidden[0], cell[0] = h, c
        transposed = U.t()
        for t in range(length):
            a = torch.addmm(projected[t], hidden[t], transposed, out=gates[t])
            i, f, g, o = a.chunk(4, dim=1)
            a[:, : 2 * size].sigmoid_()
            g.tanh_()
            o.sigmoid_()
            torch.mul(f, cell[t], out=cell[t + 1]).addcmul_(i, g)
            torch.tanh(cell[t + 1], out=tanh_cell[t])
            torch.mul(o, tanh_cell[t], out=hidden[t + 1])
            if mask is not None:
                hold = ~mask[t]
                torch.where(hold, cell[t], cell[t + 1], out=cell[t + 1])
                torch.where(hold, hidden[t], hidden[t + 1], out=hidden[t + 1])
        ctx.save_for_backward(gates, hidden, cell, tanh_cell, U, mask)
        ctx.set_materialize_grads(False)
        return hidden[1:], cell[1:]

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hidden: Tensor | None, grad_cell: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        """Walk back through time by the equations of the class docstring."""
        gates, hidden, cell, tanh_cell, U, mask = ctx.saved_tensors
        length, batch, rows = gates.shape
        size = rows // 4
        d_gates = torch.empty_like(gates)
        dh, dc = gates.new_zeros(batch, size), gates.new_zeros(batch, size)
        scratch = torch.empty_like(dc)
        for t in reversed(range(length)):
            dh = dh if grad_hidden is None else dh.add_(grad_hidden[t])
            dc = dc if grad_cell is None else dc.add_(grad_cell[t])
            if mask is not None:
                held = dh.masked_fill(mask[t], 0), dc.masked_fill(mask[t], 0)
                hold = ~mask[t]
                dh, dc = dh.masked_fill_(hold, 0), dc.masked_fill_(hold, 0)
            i, f, g, o = gates[t].chunk(4, dim=1)
            d_i, d_f, d_g, d_o = d_gates[t].chunk(4, dim=1)
            torch.mul(dh, o, out=scratch)
            dc.add_(_tanh_backward(scratch, tanh_cell[t], grad_input=scratch))
            torch.mul(dh, tanh_cell[t], out=d_o)
            torch.mul(dc, g, out=d_i)
            torch.mul(dc, cell[t], out=d_f)
            torch.mul(dc, i, out=d_g)
            _sigmoid_backward(d_o, o, grad_input=d_o)
            _tanh_backward(d_g, g, grad_input=d_g)
            d_if = d_gates[t, :, : 2 * size]
            _sigmoid_backward(d_if, gates[t, :, : 2 * size], grad_input=d_if)
            dc.mul_(f)
            torch.mm(d_gates[t], U, out=dh)
            if mask is not None:
                dh.add_(held[0])
                dc.add_(held[1])
        d_weight = d_gates.view(-1, rows).t() @ hidden[:-1].reshape(-1, size)
        return d_gates, dh, dc, d_weight, None


class LSTMLayer(RecurrentLayer):
    """A layer of long short-term memory without peepholes.

    With x_t the input, and (h, c) the state:

        a_t = W x_t + U h_{t-1} + b               split into a_i, a_f, a_g, a_o
        i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o)    input, forget and output gate
        g = tanh(a_g)                             candidate
        c_t = f * c_{t-1} + i * g
        h_t = o * tanh(c_t)

    W and b are `input_projection`, U is `recurrent_projection`; their rows are ordered i, f, g, o
    as in `torch.nn.LSTM`, so that weights can be exchanged with it (its two biases add up to b).

    Shape:
        x: (batch, length, input_size); h, c: (batch, hidden_size).

    Reference:
        Hochreiter and Schmidhuber 1997 (cell); Gers, Schmidhuber and Cummins 2000 (forget gate);
        Zaremba, Sutskever and Vinyals 2014 (as a language model).
    """

    gates = 4
    components = 2

    def reference_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        """The equations step by step under autograd. Shapes as in `run_steps`."""
        return run_steps(lambda a_x, s: lstm_step(a_x, s[0], s[1], weight), projected, state, mask)

    def fast_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        """`LSTMSequence` on this layer's weights, compiled where it can be. Shapes as there."""
        if can_compile("lstm", projected, state[0]):
            with_gradient = torch.is_grad_enabled()
            return CompiledLSTMSequence.apply(projected, *state, weight, mask, with_gradient)
        return LSTMSequence.apply(projected, *state, weight, mask)

    def library_sequence(self, x: Tensor, state: State, weight: Tensor) -> tuple[Tensor, State]:
        """`torch.lstm`, the kernel of `torch.nn.LSTM`. Shapes as in `forward`."""
        bias = self.input_projection.bias
        weights = [self.input_projection.weight, weight, bias, torch.zeros_like(bias)]
        start = tuple(component.unsqueeze(0) for component in state)
        output, h, c = torch.lstm(x, start, weights, True, 1, 0.0, self.training, False, True)
        return output, (h.transpose(0, 1), c.transpose(0, 1))
