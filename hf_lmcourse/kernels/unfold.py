"""Windows over a sequence with a backward pass written by hand; see layers/ngram.py."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .build import is_plain


def unfold(x: Tensor, k: int) -> Tensor:
    """The windows of `Unfold`; by torch alone where somebody transforms or traces the call.

    Shape:
        As in `Unfold`.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or not is_plain(x):
        return _windows(x, k)
    return Unfold.apply(x, k)


def _windows(x: Tensor, k: int) -> Tensor:
    return x.unfold(1, k, 1).mT.flatten(2)


class Unfold(Function):
    """Of each position the vectors that end there, the oldest first, concatenated.

        y_t = (x_t, x_{t+1}, ..., x_{t+k-1})        dx_t = sum over j of dy_{t-j, j}

    with dy_{t, j} the part of dy_t at x_{t+j}. `Tensor.unfold` is the reference, whose gradient is
    added up number by number.

    Shape:
        x: (batch, k - 1 + length, size); y: (batch, length, k * size).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, k: int) -> Tensor:
        """Copy the vectors."""
        ctx.k = k
        return _windows(x, k)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        """The windows of a tangent: the map is linear."""
        return _windows(tangent, ctx.k)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Add up what each vector gets from the windows that it is in."""
        batch, length, width = grad.shape
        size = width // ctx.k
        parts = grad.unflatten(-1, (ctx.k, size))  # (batch, length, k, size)
        total = grad.new_zeros(batch, ctx.k - 1 + length, size)
        for j in range(ctx.k):
            total[:, j : j + length] += parts[:, :, j]
        return total, None
