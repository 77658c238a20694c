"""`token_losses` of a linear output layer in C++: see scoring_kernel.cpp."""

from collections.abc import Callable

import torch
from torch import Tensor

from .build import kernel_function
from .softmax_loss import IGNORED

__all__ = ["can_score", "compiled_token_losses"]

_LEAST_TOKENS = 64
_MOST_TOKENS = 8192
"""Of one call. The kernel arranges W before it multiplies, which a few tokens do not make up for;
and it keeps some 200 bytes a token and thread."""


def can_score(hidden: Tensor) -> bool:
    """Whether there is a kernel for vectors, and enough of them.

    Shape:
        hidden: (tokens, size).
    """
    return len(hidden) >= _LEAST_TOKENS and _function(hidden) is not None


@torch.no_grad()
def compiled_token_losses(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """Each token's loss under softmax(W h + b), and whether the likeliest token is the right one.

    Args:
        hidden: the vectors h, as `can_score` wants them.
        weight: W; rounded to the precision of h.
        bias: b, or `None`.
        targets: token ids; `-100` counts as a loss of 0 and as wrong.

    Returns:
        The losses in nats, float64, and the hits.

    Raises:
        IndexError: a target outside the vocabulary.

    Shape:
        hidden: (tokens, size); weight: (vocabulary, size); bias: (vocabulary,);
        targets, results: (tokens,).
    """
    vocabulary, size = weight.shape
    outside = targets[(targets != IGNORED) & ((targets < 0) | (targets >= vocabulary))]
    if len(outside):
        raise IndexError(f"target {int(outside[0])} is outside a vocabulary of {vocabulary}")
    hidden, weight = hidden.contiguous(), weight.to(hidden.dtype).contiguous()
    bias = None if bias is None else bias.float().contiguous()
    targets = targets.long().contiguous()  # the kernel reads 64 bits each
    losses = torch.zeros_like(targets, dtype=torch.float64)
    hits = torch.zeros_like(targets, dtype=torch.bool)
    target_logits = torch.empty_like(targets, dtype=torch.float32)
    run = _function(hidden)
    assert run is not None
    for start in range(0, len(targets), _MOST_TOKENS):
        part = slice(start, start + _MOST_TOKENS)
        results = (target_logits[part], losses[part], hits[part])
        tokens = len(targets[part])
        run(hidden[part], weight, bias, targets[part], *results, tokens, size, vocabulary)
    return losses, hits


def _function(hidden: Tensor) -> Callable[..., None] | None:
    return kernel_function("scoring_kernel", "score", hidden, hidden.shape[-1])
