"""`GRUSequence` in C++: see gru_kernel.cpp, and gru.py for the equations."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .build import kernel_function


class CompiledGRUSequence(Function):
    """All steps of the GRU, and its backward pass, in one call each.

    Shape:
        As in `GRUSequence`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        a_x: Tensor,
        h: Tensor,
        U: Tensor,
        b_h: Tensor,
        mask: Tensor | None,
        with_gradient: bool,
    ) -> Tensor:
        """Run the steps, keeping what `GRUSequence` keeps if there will be a backward pass."""
        a_x, U, b_h = a_x.contiguous(), U.contiguous(), b_h.contiguous()
        length, batch, rows = a_x.shape
        size = rows // 3
        hidden = a_x.new_empty(length + 1, batch, size)
        hidden[0] = h
        state = hidden.new_empty(batch, size, dtype=torch.float32).copy_(h)
        gates = u_candidate = None
        if with_gradient:
            gates, u_candidate = torch.empty_like(a_x), torch.empty_like(hidden[1:])
        mask = None if mask is None else mask.to(torch.uint8).contiguous()
        run = kernel_function("gru_kernel", "gru_forward", a_x, size)
        assert run is not None
        run(a_x, b_h, U, mask, hidden, state, gates, u_candidate, length, batch, size)
        ctx.save_for_backward(gates, u_candidate, hidden, U, mask)
        ctx.set_materialize_grads(False)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hidden: Tensor | None) -> tuple[Tensor | None, ...]:
        """Go back through time; the gradient of U is one product over all steps."""
        if grad_hidden is None:
            return None, None, None, None, None, None
        gates, u_candidate, hidden, U, mask = ctx.saved_tensors
        length, batch, rows = gates.shape
        size = rows // 3
        d_a_x, du = torch.empty_like(gates), torch.empty_like(gates)
        dh = gates.new_zeros(batch, size, dtype=torch.float32)
        run = kernel_function("gru_kernel", "gru_backward", U, size)
        assert run is not None
        grad_hidden = grad_hidden.contiguous()
        run(
            *(gates, u_candidate, hidden, grad_hidden, U, mask, d_a_x, du, dh),
            *(length, batch, size),
        )
        flat = du.view(-1, rows)
        dU = flat.t() @ hidden[:-1].reshape(-1, size)
        return d_a_x, dh.to(U.dtype), dU, flat.sum(0), None, None
