"""All steps of the GRU with a backward pass written by hand; see layers/gru.py."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


class GRUSequence(Function):
    """All steps of the GRU with a backward pass written by hand.

    Going back in time with d(.) for the gradient of the loss, every product elementwise, and
    u = U h_{t-1} + b_h:

        da_n = dh_t (1 - z) (1 - n^2)            da_z = dh_t (h_{t-1} - n) z (1 - z)
        da_r = da_n u_n r (1 - r)                du = (da_r, da_z, da_n r)
        dh_{t-1} = dh_t z + du U

    and, after the loop, dU = sum over t of du_t^T h_{t-1} as one matrix product.

    Shape:
        a_x: (length, batch, 3 * hidden_size); h: (batch, hidden_size);
        U: (3 * hidden_size, hidden_size); b_h: (3 * hidden_size,);
        mask: (length, batch, 1) or None; result h_1 .. h_T: (length, batch, hidden_size).
    """

    @staticmethod
    def forward(
        ctx: Any,
        a_x: Tensor,
        h: Tensor,
        U: Tensor,
        b_h: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        """Run the steps, keeping r, z, n, u_n and h for the backward pass."""
        length, batch, rows = a_x.shape
        size = rows // 3
        gates = torch.empty_like(a_x, memory_format=torch.contiguous_format)
        hidden = a_x.new_empty(length + 1, batch, size)
        u_candidate = a_x.new_empty(length, batch, size)
        hidden[0] = h
        u = a_x.new_empty(batch, rows)
        transposed = U.t()
        for t in range(length):
            torch.addmm(b_h, hidden[t], transposed, out=u)  # (batch, 3 * hidden_size)
            u_n = u_candidate[t].copy_(u[:, 2 * size :])
            torch.add(a_x[t, :, : 2 * size], u[:, : 2 * size], out=gates[t, :, : 2 * size])
            r, z, n = gates[t].chunk(3, dim=1)  # (batch, hidden_size) each
            gates[t, :, : 2 * size].sigmoid_()
            torch.addcmul(a_x[t, :, 2 * size :], r, u_n, out=n).tanh_()
            torch.lerp(n, hidden[t], z, out=hidden[t + 1])
            if mask is not None:
                torch.where(mask[t], hidden[t + 1], hidden[t], out=hidden[t + 1])
        ctx.save_for_backward(gates, hidden, u_candidate, U, mask)
        ctx.set_materialize_grads(False)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hidden: Tensor | None) -> tuple[Tensor | None, ...]:
        """Go back through time by the equations of the class docstring."""
        if grad_hidden is None:
            return None, None, None, None, None
        gates, hidden, u_candidate, U, mask = ctx.saved_tensors
        length, batch, rows = gates.shape
        size = rows // 3
        d_a_x, d_u = torch.empty_like(gates), torch.empty_like(gates)
        dh = gates.new_zeros(batch, size)
        for t in reversed(range(length)):
            dh.add_(grad_hidden[t])
            if mask is not None:
                passed = dh.masked_fill(mask[t], 0)
                dh.masked_fill_(~mask[t], 0)
            r, z, n = gates[t].chunk(3, dim=1)
            d_r, d_z, d_n = d_a_x[t].chunk(3, dim=1)
            torch.addcmul(dh, dh, z, value=-1, out=d_n)
            _tanh_backward(d_n, n, grad_input=d_n)
            torch.mul(d_n, u_candidate[t], out=d_r)
            torch.sub(hidden[t], n, out=d_z).mul_(dh)
            d_rz = d_a_x[t, :, : 2 * size]
            _sigmoid_backward(d_rz, gates[t, :, : 2 * size], grad_input=d_rz)
            d_u[t, :, : 2 * size] = d_rz
            torch.mul(d_n, r, out=d_u[t, :, 2 * size :])
            dh = torch.addmm(dh.mul_(z), d_u[t], U)
            if mask is not None:
                dh.add_(passed)
        flat = d_u.view(-1, rows)  # (length * batch, 3 * hidden_size)
        dU = flat.t() @ hidden[:-1].reshape(-1, size)  # as U
        return d_a_x, dh, dU, flat.sum(0), None
