"""The other ways to the same numbers: autograd, differences, and text to count in."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from ...data.corpora import load_corpus

__all__ = ["autograd", "central_differences", "corpus_text", "normal", "seeded"]


def seeded(seed: int = 0) -> torch.Generator:
    """A source of chance that is the same at each run."""
    return torch.Generator().manual_seed(seed)


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Independent standard normal entries in float64."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def autograd(function: Callable[..., Tensor], *arguments: Tensor) -> tuple[Tensor, ...]:
    """The gradient of a scalar function by torch's automatic differentiation."""
    leaves = [argument.detach().clone().requires_grad_() for argument in arguments]
    return torch.autograd.grad(function(*leaves), leaves)


def central_differences(
    function: Callable[[Tensor], Tensor], x: Tensor, step: float = 1e-5
) -> Tensor:
    """(f(x + step e_i) - f(x - step e_i)) / (2 step) for every entry: no calculus at all."""
    gradient = torch.empty_like(x)
    for i in range(x.numel()):
        change = torch.zeros_like(x)
        change.view(-1)[i] = step
        gradient.view(-1)[i] = (function(x + change) - function(x - change)) / (2 * step)
    return gradient


@lru_cache(maxsize=2)
def corpus_text(split: str) -> str:
    """A split of the corpus `cpython-docs`, which every CPython brings along."""
    return load_corpus("cpython-docs").text(split)
