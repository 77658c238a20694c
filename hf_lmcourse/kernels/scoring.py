"""Each token's loss when a text is scored: in torch, and of a linear output layer in C++.

Neither keeps the logits. The C++ is scoring_kernel.cpp.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from .build import kernel_function
from .logit_chunks import token_chunks
from .softmax_loss import IGNORED

_LEAST_TOKENS = 64
_MOST_TOKENS = 8192
"""Of one call. The kernel packs W before it multiplies, which does not pay for itself with a few
tokens; and it keeps some 250 bytes per token and thread, and in tiles of AMX 6 per value of h."""


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
    """Each token's loss under softmax(W h + b), and whether the likeliest token is the target.

    Args:
        hidden: The vectors h, as `can_score` wants them.
        weight: W; rounded to the precision of h.
        bias: b, or `None`.
        targets: Token ids; `-100` counts as a loss of 0 and as wrong.

    Returns:
        The losses in nats, float64, and the hits.

    Raises:
        IndexError: A target outside the vocabulary.

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


@torch.no_grad()
def token_losses(
    head: Callable[[Tensor], Tensor],
    hidden: Tensor,
    targets: Tensor,
    vocabulary: int,
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Each token's loss, and whether the likeliest token is the target; chunk by chunk.

    Args:
        head: Maps hidden vectors to logits or log-probabilities, whose memory is then reused.
        hidden: The vectors h.
        targets: Token ids; `-100` counts as a loss of 0 and as wrong.
        vocabulary: How many tokens there are.
        temperature: What logits or log-probabilities are divided by.

    Returns:
        The losses in nats, float64, and the hits.

    Shape:
        hidden: (tokens, size); targets: (tokens,); results: (tokens,).
    """
    losses = torch.zeros(targets.shape, dtype=torch.float64, device=targets.device)
    hits = torch.zeros_like(targets, dtype=torch.bool)
    for chunk in token_chunks(hidden.shape[0], vocabulary):
        logits = head(hidden[chunk])
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if temperature != 1:
            logits = logits / temperature
        hits[chunk] = right_tokens(logits, targets[chunk])
        log_p = torch.log_softmax(logits, dim=-1, out=logits)
        losses[chunk] = functional.nll_loss(
            log_p, targets[chunk], ignore_index=IGNORED, reduction="none"
        ).double()
    return losses, hits


def right_tokens(logits: Tensor, targets: Tensor) -> Tensor:
    """Whether the likeliest token, the first one of several, is the target.

    An argmax costs ten times as much as a maximum: it is taken only if no logit is above the
    target's.

    Args:
        logits: Or log-probabilities.
        targets: Token ids; `-100` is never right.

    Shape:
        logits: (tokens, vocabulary); targets and result: (tokens,).
    """
    some = targets.masked_fill(targets == IGNORED, 0)
    own = logits.gather(-1, some.unsqueeze(-1)).squeeze(-1)
    right = own == logits.amax(-1)
    right[right.clone()] = logits[right].argmax(-1) == targets[right]
    return right
