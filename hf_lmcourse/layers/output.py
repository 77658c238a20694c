"""Output layers: from hidden vectors to a distribution over the vocabulary, and to its loss.

Every loss here works on a chunk of tokens at a time, so that the (tokens x vocabulary) matrix of
logits never exists as a whole: at 33,278 words and 700 tokens it would take 93 MB a copy.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

__all__ = ["AdaptiveOutput", "linear_cross_entropy", "token_chunks", "token_losses"]

IGNORED = -100
"""The label of a position that is not predicted, as everywhere in transformers."""

_CHUNK_ELEMENTS = 1 << 21
"""Logits computed at once: 8 MB in float32, small enough to stay in a shared cache."""


def token_chunks(tokens: int, vocabulary: int) -> Iterator[slice]:
    """Slices of tokens so small that their logits fit into a cache."""
    size = max(1, _CHUNK_ELEMENTS // vocabulary)
    for start in range(0, tokens, size):
        yield slice(start, start + size)


class _LinearCrossEntropy(Function):
    """Sum of -log softmax(W h + b)[y], its gradient taken together with its value.

    With p = softmax(W h + b) and e_y the one-hot target, for one token

        d/d logits = p - e_y        d/dh = W^T (p - e_y)        dW = (p - e_y) h^T

    which needs the logits only while their chunk is in hand.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
    ) -> Tensor:
        """Sum the losses; keep the gradients for a loss of slope one."""
        with_gradient = any(ctx.needs_input_grad)
        d_hidden = torch.empty_like(hidden) if with_gradient else None
        d_weight = torch.zeros_like(weight) if with_gradient else None
        d_bias = torch.zeros_like(bias) if with_gradient and bias is not None else None
        total = torch.zeros((), dtype=torch.promote_types(hidden.dtype, torch.float32))
        total = total.to(hidden.device)
        for chunk in token_chunks(hidden.shape[0], weight.shape[0]):
            logits = functional.linear(hidden[chunk], weight, bias)
            scores = logits.to(total.dtype)
            log_normaliser = torch.logsumexp(scores, dim=-1, keepdim=True)
            kept = targets[chunk] != IGNORED
            index = targets[chunk].clamp(min=0).unsqueeze(-1)
            nll = (log_normaliser - scores.gather(-1, index)).squeeze(-1)
            total += nll.masked_fill(~kept, 0).sum()
            if d_hidden is None or d_weight is None:
                continue
            d_logits = scores.sub_(log_normaliser).exp_()
            d_logits.scatter_add_(-1, index, d_logits.new_full((), -1).expand_as(index))
            d_logits = d_logits.masked_fill_(~kept.unsqueeze(-1), 0).to(weight.dtype)
            torch.mm(d_logits, weight, out=d_hidden[chunk])
            d_weight.addmm_(d_logits.t(), hidden[chunk])
            if d_bias is not None:
                d_bias += d_logits.sum(0)
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the kept gradients by the slope of whatever the loss went into."""
        kept = (None if g is None else g * grad for g in ctx.saved_tensors)
        return (*kept, None)


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> Tensor:
    """Summed cross-entropy of a linear output layer, without the whole matrix of logits.

        loss = - sum over tokens with target y of log softmax(W h + b)[y]

    Args:
        hidden: the vectors h. Under autocast they decide the precision of the products.
        weight: W.
        bias: b, or `None`.
        targets: token ids; `-100` is not counted.

    Returns:
        The sum in nats, in float32 or better. Divide by the number of targets for a mean.

    Shape:
        hidden: (tokens, size); weight: (vocabulary, size); bias: (vocabulary,); targets: (tokens,);
        result: ().
    """
    bias = None if bias is None else bias.to(hidden.dtype)
    return _LinearCrossEntropy.apply(hidden, weight.to(hidden.dtype), bias, targets)


class AdaptiveOutput(nn.Module):
    """Adaptive softmax: frequent words in a small head, rare ones in clusters of smaller width.

        p(w) = p_head(w)                          for a frequent word
        p(w) = p_head(cluster) p(w | cluster)     for a rare one

    It needs token ids sorted by falling frequency, which the word tokenizer gives. The computation
    is `torch.nn.AdaptiveLogSoftmaxWithLoss`.

    Args:
        hidden_size: width of the vectors that come in.
        vocab_size: number of tokens.
        cutoffs: the first id of each cluster, rising, below `vocab_size`.
        div_value: each cluster's width is that of the one before divided by this.

    Shape:
        input: (..., hidden_size); log-probabilities: (..., vocab_size).

    Reference:
        Grave et al. 2017, Efficient softmax approximation for GPUs.
    """

    def __init__(
        self, hidden_size: int, vocab_size: int, cutoffs: list[int], div_value: float = 4.0
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            hidden_size, vocab_size, cutoffs, div_value=div_value, head_bias=True
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Log-probabilities of every token: normalised, so they serve as logits."""
        flat = self.softmax.log_prob(hidden.reshape(-1, hidden.shape[-1]))
        return flat.view(*hidden.shape[:-1], self.vocab_size)

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Summed cross-entropy in nats; a target of `-100` is not counted.

        Shape:
            hidden: (tokens, hidden_size); targets: (tokens,); result: ().
        """
        kept = targets != IGNORED
        scores = self.softmax(hidden[kept], targets[kept]).output
        return -scores.sum(dtype=torch.promote_types(scores.dtype, torch.float32))


@torch.no_grad()
def token_losses(head: nn.Module, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Each token's loss, and whether the likeliest token is the right one; chunk by chunk.

    Args:
        head: maps hidden vectors to logits or log-probabilities.
        hidden: the vectors h.
        targets: token ids; `-100` counts as a loss of 0 and as wrong.

    Returns:
        The losses in nats, float64, and the hits.

    Shape:
        hidden: (tokens, size); targets: (tokens,); results: (tokens,).
    """
    losses = torch.zeros(targets.shape, dtype=torch.float64, device=targets.device)
    hits = torch.zeros_like(targets, dtype=torch.bool)
    vocabulary: Any = getattr(head, "vocab_size", None) or head.out_features
    for chunk in token_chunks(hidden.shape[0], vocabulary):
        logits = head(hidden[chunk])
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        loss = functional.cross_entropy(
            logits, targets[chunk], ignore_index=IGNORED, reduction="none"
        )
        losses[chunk] = loss.double()
        hits[chunk] = logits.argmax(-1) == targets[chunk]
    return losses, hits
