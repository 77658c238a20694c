"""`LSTMSequence` in C++: see lstm_kernel.cpp, and lstm.py for the equations."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .build import kernel_function


class CompiledLSTMSequence(Function):
    """All steps of the LSTM, and its backward pass, in one call each.

    Shape:
        As in `LSTMSequence`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        a_x: Tensor,
        h: Tensor,
        c: Tensor,
        U: Tensor,
        mask: Tensor | None,
        with_gradient: bool,
        capped: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Run the steps, keeping what `LSTMSequence` keeps if there will be a backward pass."""
        a_x, U = a_x.contiguous(), U.contiguous()
        length, batch, rows = a_x.shape
        size = rows // 4
        hidden = a_x.new_empty(length + 1, batch, size)
        cell = hidden.new_empty(hidden.shape, dtype=torch.float32)
        gates = tanh_cell = None
        if with_gradient:
            gates, tanh_cell = torch.empty_like(a_x), torch.empty_like(hidden[1:])
        hidden[0], cell[0] = h, c
        mask = None if mask is None else mask.to(torch.uint8).contiguous()
        run = kernel_function("lstm_kernel", "lstm_forward", a_x, size)
        assert run is not None
        run(a_x, U, mask, hidden, gates, cell, tanh_cell, length, batch, size, int(capped))
        ctx.save_for_backward(gates, hidden, cell, tanh_cell, U, mask)
        ctx.set_materialize_grads(False)
        ctx.capped = int(capped)
        return hidden[1:], cell[1:].to(hidden.dtype)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hidden: Tensor | None, grad_cell: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        """Go back through time; the gradient of U is one product over all steps."""
        gates, hidden, cell, tanh_cell, U, mask = ctx.saved_tensors
        length, batch, rows = gates.shape
        size = rows // 4
        d_gates = torch.empty_like(gates)
        dh, dc = cell.new_zeros(batch, size), cell.new_zeros(batch, size)
        grads = (None if g is None else g.contiguous() for g in (grad_hidden, grad_cell))
        run = kernel_function("lstm_kernel", "lstm_backward", U, size)
        assert run is not None
        sizes = (length, batch, size, ctx.capped)
        run(gates, cell, tanh_cell, *grads, U, mask, d_gates, dh, dc, *sizes)
        dU = d_gates.view(-1, rows).t() @ hidden[:-1].reshape(-1, size)
        return d_gates, dh.to(U.dtype), dc.to(U.dtype), dU, None, None, None
