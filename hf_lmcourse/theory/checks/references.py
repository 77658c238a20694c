"""References for the checks: autograd, finite differences, and a corpus to count in."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from ...data.corpora import load_corpus


def seeded(seed: int = 0) -> torch.Generator:
    """Return a seeded random generator."""
    return torch.Generator().manual_seed(seed)


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Draw independent standard normal entries in float64."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def autograd(function: Callable[..., Tensor], *arguments: Tensor) -> tuple[Tensor, ...]:
    """Differentiate a scalar function by torch's automatic differentiation."""
    leaves = [argument.detach().clone().requires_grad_() for argument in arguments]
    return torch.autograd.grad(function(*leaves), leaves)


def central_differences(
    function: Callable[[Tensor], Tensor], x: Tensor, step: float = 1e-5
) -> Tensor:
    """Return (f(x + step e_i) - f(x - step e_i)) / (2 step) for every entry."""
    changes = step * torch.eye(x.numel(), dtype=x.dtype).view(-1, *x.shape)
    differences = [function(x + change) - function(x - change) for change in changes]
    return torch.stack(differences).view_as(x) / (2 * step)


@lru_cache(maxsize=2)
def corpus_text(split: str) -> str:
    """Return a split of the corpus `cpython-docs`, which is part of every CPython."""
    return load_corpus("cpython-docs").text(split)


def corpus_characters() -> tuple[Tensor, Tensor, int]:
    """Return the ids of the training and of the validation characters, and the vocabulary size.

    Validation characters that the training text does not have are left out.
    """
    train, held_out = corpus_text("train"), corpus_text("validation")
    ids = {character: index for index, character in enumerate(sorted(set(train)))}
    first, second = (torch.tensor([ids[c] for c in text if c in ids]) for text in (train, held_out))
    return first, second, len(ids)
