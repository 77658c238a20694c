"""Output layers: from hidden vectors to a distribution over the vocabulary, and to its loss."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..kernels.logit_chunks import size_multiple, token_chunks
from ..kernels.softmax_loss import IGNORED, adversarial_cross_entropy, linear_cross_entropy

__all__ = [
    "IGNORED",
    "AdaptiveOutput",
    "adversarial_cross_entropy",
    "linear_cross_entropy",
    "right_tokens",
    "token_losses",
]


class AdaptiveOutput(nn.Module):
    """Adaptive softmax: frequent words in a small head, rare ones in clusters of smaller width.

        p(w) = p_head(w)                          for a frequent word
        p(w) = p_head(cluster) p(w | cluster)     for a rare one

    It needs token ids sorted by falling frequency, which the word tokenizer gives. The matrices and
    the log-probabilities are those of `torch.nn.AdaptiveLogSoftmaxWithLoss`; the loss is its loss,
    without all logits of the head or of a cluster at once.

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

            - log p_head(w)  for a frequent word,  - log p_head(cluster) - log p(w | cluster)  else

        A cluster sees its own tokens alone. Their number is rounded up by tokens that are not
        counted, so that few steps differ in shapes; see `size_multiple`.

        Shape:
            hidden: (tokens, hidden_size); targets: (tokens,); result: ().
        """
        starts, head = self.softmax.cutoffs[:-1], self.softmax.head
        tails: Iterable[Any] = self.softmax.tail
        cluster = torch.bucketize(targets, targets.new_tensor(starts), right=True)
        places = torch.where(cluster > 0, starts[0] - 1 + cluster, targets)
        total = linear_cross_entropy(hidden, head.weight, head.bias, places)
        for number, (start, tail) in enumerate(zip(starts, tails, strict=True), 1):
            rows = (cluster == number).nonzero().squeeze(-1)
            missing = -len(rows) % size_multiple(len(targets))
            words = functional.pad(targets[rows] - start, (0, missing), value=IGNORED)
            narrow = tail[0](hidden[functional.pad(rows, (0, missing))])
            total = total + linear_cross_entropy(narrow, tail[1].weight, None, words)
        return total


@torch.no_grad()
def token_losses(
    head: Callable[[Tensor], Tensor], hidden: Tensor, targets: Tensor, vocabulary: int
) -> tuple[Tensor, Tensor]:
    """Each token's loss, and whether the likeliest token is the right one; chunk by chunk.

    Args:
        head: maps hidden vectors to logits or log-probabilities, whose memory is then used again.
        hidden: the vectors h.
        targets: token ids; `-100` counts as a loss of 0 and as wrong.
        vocabulary: how many tokens there are.

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
        hits[chunk] = right_tokens(logits, targets[chunk])
        log_p = torch.log_softmax(logits, dim=-1, out=logits)
        losses[chunk] = functional.nll_loss(
            log_p, targets[chunk], ignore_index=IGNORED, reduction="none"
        ).double()
    return losses, hits


def right_tokens(logits: Tensor, targets: Tensor) -> Tensor:
    """Whether the likeliest token, of several the first, is the right one.

    The place of the largest number costs ten times the number: it is looked for only where no logit
    is above the target's.

    Args:
        logits: or log-probabilities.
        targets: token ids; `-100` is wrong.

    Shape:
        logits: (tokens, vocabulary); targets and result: (tokens,).
    """
    some = targets.masked_fill(targets == IGNORED, 0)
    own = logits.gather(-1, some.unsqueeze(-1)).squeeze(-1)
    right = own == logits.amax(-1)
    right[right.clone()] = logits[right].argmax(-1) == targets[right]
    return right
