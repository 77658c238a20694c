"""All steps of the LSTM with a backward pass written by hand; see layers/lstm.py."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


class LSTMSequence(Function):
    """All steps of the LSTM with a backward pass written by hand.

    Going back in time with d(.) for the gradient of the loss, every product elementwise:

        dc_t += dh_t o (1 - tanh(c_t)^2)
        da_o = dh_t tanh(c_t) o (1 - o)          da_i = dc_t g i (1 - i)
        da_f = dc_t c_{t-1} f (1 - f)            da_g = dc_t i (1 - g^2)
        dc_{t-1} = dc_t f                        dh_{t-1} = da U

    With a capped input gate, where i > 1 - f,

        da_i = 0        da_f = dc_t (c_{t-1} - g) f (1 - f)        da_g = dc_t (1 - f) (1 - g^2)

    and, after the loop, dU = sum over t of da_t^T h_{t-1} as one matrix product.

    Shape:
        a_x: (length, batch, 4 * hidden_size); h, c: (batch, hidden_size);
        U: (4 * hidden_size, hidden_size); mask: (length, batch, 1) or None;
        results h_1 .. h_T and c_1 .. c_T: (length, batch, hidden_size).
    """

    @staticmethod
    def forward(
        ctx: Any,
        a_x: Tensor,
        h: Tensor,
        c: Tensor,
        U: Tensor,
        mask: Tensor | None,
        capped: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Run the steps, keeping the activated gates, tanh(c), h and c for the backward pass."""
        length, batch, rows = a_x.shape
        size = rows // 4
        gates = torch.empty_like(a_x, memory_format=torch.contiguous_format)
        hidden, cell = (a_x.new_empty(length + 1, batch, size) for _ in range(2))
        tanh_cell = a_x.new_empty(length, batch, size)
        hidden[0], cell[0] = h, c
        transposed = U.t()
        for t in range(length):
            a = torch.addmm(a_x[t], hidden[t], transposed, out=gates[t])  # (batch, 4 * hidden_size)
            i, f, g, o = a.chunk(4, dim=1)  # (batch, hidden_size) each
            a[:, : 2 * size].sigmoid_()
            g.tanh_()
            o.sigmoid_()
            used = torch.minimum(i, 1 - f) if capped else i
            torch.mul(f, cell[t], out=cell[t + 1]).addcmul_(used, g)
            torch.tanh(cell[t + 1], out=tanh_cell[t])
            torch.mul(o, tanh_cell[t], out=hidden[t + 1])
            if mask is not None:
                padded = ~mask[t]
                torch.where(padded, cell[t], cell[t + 1], out=cell[t + 1])
                torch.where(padded, hidden[t], hidden[t + 1], out=hidden[t + 1])
        ctx.save_for_backward(gates, hidden, cell, tanh_cell, U, mask)
        ctx.set_materialize_grads(False)
        ctx.capped = capped
        return hidden[1:], cell[1:]

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hidden: Tensor | None, grad_cell: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        """Go back through time by the equations of the class docstring."""
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
                passed = dh.masked_fill(mask[t], 0), dc.masked_fill(mask[t], 0)
                padded = ~mask[t]
                dh, dc = dh.masked_fill_(padded, 0), dc.masked_fill_(padded, 0)
            i, f, g, o = gates[t].chunk(4, dim=1)
            d_i, d_f, d_g, d_o = d_gates[t].chunk(4, dim=1)
            torch.mul(dh, o, out=scratch)
            dc.add_(_tanh_backward(scratch, tanh_cell[t], grad_input=scratch))
            torch.mul(dh, tanh_cell[t], out=d_o)
            torch.mul(dc, g, out=d_i)
            torch.mul(dc, cell[t], out=d_f)
            torch.mul(dc, i, out=d_g)
            if ctx.capped:
                rest = 1 - f
                over = i > rest
                d_f.sub_(d_i.where(over, 0))
                d_i.masked_fill_(over, 0)
                torch.mul(dc, torch.minimum(i, rest), out=d_g)
            _sigmoid_backward(d_o, o, grad_input=d_o)
            _tanh_backward(d_g, g, grad_input=d_g)
            d_if = d_gates[t, :, : 2 * size]
            _sigmoid_backward(d_if, gates[t, :, : 2 * size], grad_input=d_if)
            dc.mul_(f)
            torch.mm(d_gates[t], U, out=dh)  # (batch, hidden_size)
            if mask is not None:
                dh.add_(passed[0])
                dc.add_(passed[1])
        dU = d_gates.view(-1, rows).t() @ hidden[:-1].reshape(-1, size)  # as U
        return d_gates, dh, dc, dU, None, None
