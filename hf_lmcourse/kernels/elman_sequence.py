"""All steps of Elman's recurrence with a backward pass written by hand; see layers/elman.py."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

_IN_PLACE = {"tanh": torch.tanh_, "sigmoid": torch.sigmoid_, "relu": torch.relu_}
_BACKWARD: dict[
    str, Callable[..., Tensor]
] = {  # from the gradient and the activated value, as each has a derivative in that value
    "tanh": torch.ops.aten.tanh_backward.grad_input,
    "sigmoid": torch.ops.aten.sigmoid_backward.grad_input,
    "relu": lambda grad, value, grad_input: torch.mul(grad, value > 0, out=grad_input),
}


class ElmanSequence(Function):
    """All steps of Elman's recurrence with a backward pass written by hand.

    Going back in time with d(.) for the gradient of the loss:

        da_t = dh_t * phi'(a_t)                  dh_{t-1} = da_t U

    and, after the loop, dU = sum over t of da_t^T h_{t-1} as one matrix product.

    Shape:
        a_x: (length, batch, hidden_size); h: (batch, hidden_size);
        U: (hidden_size, hidden_size); mask: (length, batch, 1) or None;
        result h_1 .. h_T: (length, batch, hidden_size).
    """

    @staticmethod
    def forward(
        ctx: Any,
        a_x: Tensor,
        h: Tensor,
        U: Tensor,
        mask: Tensor | None,
        activation: str,
    ) -> Tensor:
        """Run the steps, keeping h for the backward pass."""
        length, batch, size = a_x.shape
        hidden = a_x.new_empty(length + 1, batch, size)
        hidden[0] = h
        transposed = U.t()
        for t in range(length):
            torch.addmm(a_x[t], hidden[t], transposed, out=hidden[t + 1])
            _IN_PLACE[activation](hidden[t + 1])
            if mask is not None:
                torch.where(mask[t], hidden[t + 1], hidden[t], out=hidden[t + 1])
        ctx.save_for_backward(hidden, U, mask)
        ctx.activation = activation
        ctx.set_materialize_grads(False)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hidden: Tensor | None) -> tuple[Tensor | None, ...]:
        """Go back through time by the equations of the class docstring."""
        if grad_hidden is None:
            return None, None, None, None, None
        hidden, U, mask = ctx.saved_tensors
        size = hidden.shape[-1]
        d_a_x = torch.empty_like(hidden[1:])
        dh = torch.zeros_like(hidden[0])
        for t in reversed(range(d_a_x.shape[0])):
            dh.add_(grad_hidden[t])
            if mask is not None:
                passed = dh.masked_fill(mask[t], 0)
                dh.masked_fill_(~mask[t], 0)
            _BACKWARD[ctx.activation](dh, hidden[t + 1], grad_input=d_a_x[t])
            torch.mm(d_a_x[t], U, out=dh)
            if mask is not None:
                dh.add_(passed)
        dU = d_a_x.view(-1, size).t() @ hidden[:-1].reshape(-1, size)  # (hidden_size, hidden_size)
        return d_a_x, dh, dU, None, None
