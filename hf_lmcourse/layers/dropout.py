"""Dropout of whole features along a sequence."""

import torch
from torch import Tensor, nn

__all__ = ["LockedDropout"]


class LockedDropout(nn.Module):
    """Dropout with one mask for all time steps of a sequence.

        y_t = m * x_t / (1 - p),    m ~ Bernoulli(1 - p), the same m for every t

    Args:
        p: probability that a feature is dropped.

    Shape:
        (batch, length, size) in and out.

    Reference:
        Gal and Ghahramani 2016 (variational dropout); Merity et al. 2018.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop and rescale while training; the identity otherwise."""
        if not self.training or self.p == 0:
            return x
        keep = torch.empty_like(x[:, :1]).bernoulli_(1 - self.p)
        return x * keep.div_(1 - self.p)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"
