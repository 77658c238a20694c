"""Random tensors for the tests of the derivations."""

from collections.abc import Callable

import torch
from torch import Tensor


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal entries in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def gradients(function: Callable[..., Tensor], *arguments: Tensor) -> tuple[Tensor, ...]:
    """By autograd."""
    leaves = [argument.clone().requires_grad_() for argument in arguments]
    return torch.autograd.grad(function(*leaves), leaves)


def assert_same(ours: object, reference: object) -> None:
    """Equal to 1e-10, in shape too."""
    torch.testing.assert_close(ours, reference, rtol=1e-10, atol=1e-10)
