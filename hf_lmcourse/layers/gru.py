"""Gated recurrent unit: the equations, step by step and as one fast sequence."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from ..kernels.dispatch import can_compile
from ..kernels.gru_cpp import CompiledGRUSequence
from .recurrence import RecurrentLayer, State, run_steps

__all__ = ["GRULayer", "GRUSequence", "gru_step"]

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


def gru_step(a_x: Tensor, h: Tensor, U: Tensor, b_h: Tensor) -> Tensor:
    """One step of the recurrence, from the equations in `GRULayer`.

    Args:
        a_x: W x_t + b, the input product.
        h: h_{t-1}.
        U: the recurrent matrix.
        b_h: the bias of the recurrent product.

    Returns:
        h_t.

    Shape:
        a_x, b_h: (batch, 3 * hidden_size), (3 * hidden_size,); h: (batch, hidden_size);
        U: (3 * hidden_size, hidden_size).
    """
    x_r, x_z, x_n = a_x.chunk(3, dim=-1)
    u_r, u_z, u_n = (h @ U.t() + b_h).chunk(3, dim=-1)
    r, z = torch.sigmoid(x_r + u_r), torch.sigmoid(x_z + u_z)
    n = torch.tanh(x_n + r * u_n)
    return (1 - z) * n + z * h


class GRUSequence(Function):
    """All steps of the GRU with a backward pass written by hand.

    Going back in time with d(.) for the gradient of the loss, every product elementwise, and
    u = U h_{t-1} + b_h:

        da_n = dh_t (1 - z) (1 - n^2)            da_z = dh_t (h_{t-1} - n) z (1 - z)
        da_r = da_n u_n r (1 - r)                du = (da_r, da_z, da_n r)
        dh_{t-1} = dh_t z + du U

    and, after the loop, dU = sum over t of du_t^T h_{t-1} as one matrix product.

    Shape:
        projected: (length, batch, 3 * hidden_size); h: (batch, hidden_size);
        U: (3 * hidden_size, hidden_size); b_h: (3 * hidden_size,);
        mask: (length, batch, 1) or None; result h_1 .. h_T: (length, batch, hidden_size).
    """

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        h: Tensor,
        U: Tensor,
        b_h: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        """Run the steps, keeping r, z, n, u_n and h for the way back."""
        length, batch, rows = projected.shape
        size = rows // 3
        gates = torch.empty_like(projected, memory_format=torch.contiguous_format)
        hidden = projected.new_empty(length + 1, batch, size)
        u_candidate = projected.new_empty(length, batch, size)
        hidden[0] = h
        u = projected.new_empty(batch, rows)
        transposed = U.t()
        for t in range(length):
            torch.addmm(b_h, hidden[t], transposed, out=u)
            u_n = u_candidate[t].copy_(u[:, 2 * size :])
            torch.add(projected[t, :, : 2 * size], u[:, : 2 * size], out=gates[t, :, : 2 * size])
            r, z, n = gates[t].chunk(3, dim=1)
            gates[t, :, : 2 * size].sigmoid_()
            torch.addcmul(projected[t, :, 2 * size :], r, u_n, out=n).tanh_()
            torch.lerp(n, hidden[t], z, out=hidden[t + 1])
            if mask is not None:
                torch.where(mask[t], hidden[t + 1], hidden[t], out=hidden[t + 1])
        ctx.save_for_backward(gates, hidden, u_candidate, U, mask)
        ctx.set_materialize_grads(False)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hidden: Tensor | None) -> tuple[Tensor | None, ...]:
        """Walk back through time by the equations of the class docstring."""
        if grad_hidden is None:
            return None, None, None, None, None
        gates, hidden, u_candidate, U, mask = ctx.saved_tensors
        length, batch, rows = gates.shape
        size = rows // 3
        d_projected, d_u = torch.empty_like(gates), torch.empty_like(gates)
        dh = gates.new_zeros(batch, size)
        for t in reversed(range(length)):
            dh.add_(grad_hidden[t])
            if mask is not None:
                held = dh.masked_fill(mask[t], 0)
                dh.masked_fill_(~mask[t], 0)
            r, z, n = gates[t].chunk(3, dim=1)
            d_r, d_z, d_n = d_projected[t].chunk(3, dim=1)
            torch.addcmul(dh, dh, z, value=-1, out=d_n)
            _tanh_backward(d_n, n, grad_input=d_n)
            torch.mul(d_n, u_candidate[t], out=d_r)
            torch.sub(hidden[t], n, out=d_z).mul_(dh)
            d_rz = d_projected[t, :, : 2 * size]
            _sigmoid_backward(d_rz, gates[t, :, : 2 * size], grad_input=d_rz)
            d_u[t, :, : 2 * size] = d_rz
            torch.mul(d_n, r, out=d_u[t, :, 2 * size :])
            dh = torch.addmm(dh.mul_(z), d_u[t], U)
            if mask is not None:
                dh.add_(held)
        flat = d_u.view(-1, rows)
        d_weight = flat.t() @ hidden[:-1].reshape(-1, size)
        return d_projected, dh, d_weight, flat.sum(0), None


class GRULayer(RecurrentLayer):
    """A layer of gated recurrent units, in the form of `torch.nn.GRU`.

    With x_t the input, h the state, and * elementwise:

        r = sigmoid(W_r x_t + b_r + U_r h_{t-1} + b_hr)           reset gate
        z = sigmoid(W_z x_t + b_z + U_z h_{t-1} + b_hz)           update gate
        n = tanh(W_n x_t + b_n + r * (U_n h_{t-1} + b_hn))        candidate
        h_t = (1 - z) * n + z * h_{t-1}

    W and b are `input_projection`, U and b_h are `recurrent_projection`; their rows are ordered
    r, z, n as in `torch.nn.GRU`, so that weights can be exchanged with it. The reset gate acts
    after the recurrent product, not before it as in the first paper: so all three products of a
    step are one matrix product.

    Shape:
        x: (batch, length, input_size); h: (batch, hidden_size).

    Reference:
        Cho et al. 2014; the form with the reset gate after the product: Cho et al. 2014, version 1
        of arXiv 1406.1078, and cuDNN.
    """

    gates = 3
    components = 1
    recurrent_bias = True

    def reference_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        """The equations step by step under autograd. Shapes as in `run_steps`."""
        bias = self._bias(projected)
        return run_steps(lambda a, s: (gru_step(a, s[0], weight, bias),), projected, state, mask)

    def fast_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        """`GRUSequence` on this layer's weights, compiled where it can be. Shapes as there."""
        bias = self._bias(projected)
        if can_compile("gru", projected, state[0]):
            with_gradient = torch.is_grad_enabled()
            hidden = CompiledGRUSequence.apply(projected, *state, weight, bias, mask, with_gradient)
        else:
            hidden = GRUSequence.apply(projected, *state, weight, bias, mask)
        return (hidden,)

    def library_sequence(self, x: Tensor, state: State, weight: Tensor) -> tuple[Tensor, State]:
        """`torch.gru`, the kernel of `torch.nn.GRU`. Shapes as in `forward`."""
        inputs, recurrent = self.input_projection, self.recurrent_projection
        weights = [inputs.weight, weight, inputs.bias, recurrent.bias]
        start = state[0].unsqueeze(0)
        output, h = torch.gru(x, start, weights, True, 1, 0.0, self.training, False, True)
        return output, (h.transpose(0, 1),)

    def _bias(self, projected: Tensor) -> Tensor:
        return self.recurrent_projection.bias.to(projected.dtype)
