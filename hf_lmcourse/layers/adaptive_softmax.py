"""Adaptive softmax: frequent words in a small head, rare ones in clusters of smaller width."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..kernels.logit_chunks import size_multiple
from ..kernels.readable_weights import readable
from ..kernels.softmax_loss import IGNORED, linear_cross_entropy


class AdaptiveOutput(nn.Module):
    """The output layer of an adaptive softmax.

        p(w) = p_head(w)                          for a frequent word
        p(w) = p_head(cluster) p(w | cluster)     for a rare one

    It needs token ids sorted by falling frequency, which the word tokenizer gives. The matrices and
    the log-probabilities are those of `torch.nn.AdaptiveLogSoftmaxWithLoss`; the loss is its loss,
    without all logits of the head or of a cluster at once.

    Args:
        hidden_size: Width of the vectors that come in.
        vocab_size: Number of tokens.
        cutoffs: The first id of each cluster, rising, below `vocab_size`.
        div_value: Each cluster's width is that of the one before divided by this.

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

    @property
    def is_readable(self) -> bool:
        """Whether `loss` may read the weights; otherwise it is that of the log-probabilities."""
        tails: Iterable[Any] = self.softmax.tail
        return readable(self.softmax.head, *(tail[1] for tail in tails))

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
