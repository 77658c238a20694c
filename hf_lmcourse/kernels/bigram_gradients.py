"""The gradients of the bigram network by hand, from tokens or exactly from the counts of bigrams.

The network itself is in layers/bigram.py.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .logit_chunks import token_chunks


class BigramParameters(NamedTuple):
    """The parameters of the network, or the gradients with respect to them.

    Shape:
        W1: (input_size, hidden_size); b1: (hidden_size,); W2: (hidden_size, vocabulary);
        b2: (vocabulary,).
    """

    W1: Tensor
    b1: Tensor
    W2: Tensor
    b2: Tensor


def _forward(x: Tensor, parameters: BigramParameters) -> tuple[Tensor, Tensor]:
    """The hidden vectors h and the logits o. Shapes as in `bigram_backward`."""
    W1, b1, W2, b2 = parameters
    h = torch.sigmoid(torch.addmm(b1, x, W1))  # (rows, hidden_size)
    return h, torch.addmm(b2, h, W2)  # (rows, vocabulary)


def bigram_backward(
    x: Tensor, h: Tensor, d_o: Tensor, parameters: BigramParameters
) -> tuple[Tensor, BigramParameters]:
    """Compute the gradients of everything else from that with respect to the logits.

    With d(.) for the gradient of the loss, a = x W1 + b1 and * elementwise,

        dW2 = h^T do        db2 = sum over rows of do        da = (do W2^T) * h * (1 - h)
        dW1 = x^T da        db1 = sum over rows of da        dx = da W1^T

    Args:
        x: The vectors of the previous words.
        h: The hidden vectors.
        d_o: Do, the gradient with respect to the logits.
        parameters: Of the network.

    Returns:
        dx, and the gradients with respect to the parameters.

    Shape:
        x, dx: (rows, input_size); h: (rows, hidden_size); d_o: (rows, vocabulary).
    """
    W1, _, W2, _ = parameters
    d_a = (d_o @ W2.t()) * h * (1 - h)
    d_parameters = BigramParameters(x.t() @ d_a, d_a.sum(0), h.t() @ d_o, d_o.sum(0))
    return d_a @ W1.t(), d_parameters


def token_gradients(
    x: Tensor, targets: Tensor, parameters: BigramParameters
) -> tuple[Tensor, Tensor, BigramParameters]:
    """Mean cross-entropy over tokens and its gradients, without autograd.

        loss = - 1/N sum over tokens of log p(y | x)        do = (p - e_y) / N

    with e_y the one-hot vector of the target y.

    Args:
        x: The vector of the word before each token.
        targets: The tokens y.
        parameters: Of the network.

    Returns:
        The loss in nats, dx, and the gradients with respect to the parameters.

    Shape:
        x: (N, input_size); targets: (N,); loss: ().
    """
    h, o = _forward(x, parameters)
    log_p = o.log_softmax(-1)
    rows = torch.arange(len(targets), device=targets.device)
    loss = -log_p[rows, targets].mean()
    d_o = log_p.exp()
    d_o[rows, targets] -= 1
    return loss, *bigram_backward(x, h, d_o / len(targets), parameters)


@dataclass(frozen=True)
class BigramCounts:
    """How often each word follows each other one: all that a bigram model can learn of a text.

    Attributes:
        previous: The distinct words that something follows, rising.
        occurrences: c(u), how often each of them is followed.
        first_pair: Where the pairs of each of them begin, and where the last ones end.
        row: Which of the distinct words a pair begins with.
        following: The word v that a pair ends with.
        counts: c(u v), how often the pair occurs.

    Shape:
        previous, occurrences: (distinct words,); first_pair: (distinct words + 1,);
        row, following, counts: (distinct pairs,), sorted by `row`.
    """

    previous: Tensor
    occurrences: Tensor
    first_pair: Tensor
    row: Tensor
    following: Tensor
    counts: Tensor

    @staticmethod
    def of(contexts: Tensor, targets: Tensor) -> "BigramCounts":
        """Count the pairs of a text.

        Args:
            contexts: The word before each predicted word.
            targets: The predicted words.

        Shape:
            contexts, targets: (tokens,), int64.
        """
        base = int(targets.max()) + 1
        packed, counts = torch.unique(contexts * base + targets, return_counts=True)
        previous, row, pairs = torch.unique_consecutive(
            packed // base, return_inverse=True, return_counts=True
        )
        occurrences = torch.zeros_like(pairs).index_add_(0, row, counts)
        first_pair = torch.nn.functional.pad(pairs.cumsum(0), (1, 0))
        return BigramCounts(previous, occurrences, first_pair, row, packed % base, counts)

    @property
    def total(self) -> int:
        """How many words were predicted."""
        return int(self.counts.sum())


def count_gradients(
    x: Tensor, counts: BigramCounts, parameters: BigramParameters
) -> tuple[Tensor, Tensor, BigramParameters]:
    """The exact loss over a whole text and its gradients, from the counts of its bigrams.

    Each distinct previous word u has one row of logits o_u, however often it occurs:

        loss = 1/N sum_u (c(u) logsumexp(o_u) - sum_v c(u v) o_uv)
        do_uv = (c(u) p(v | u) - c(u v)) / N

    which is what `token_gradients` gives on all N tokens. The rows are worked through in chunks.

    Args:
        x: The vector of each distinct previous word.
        counts: Of the text.
        parameters: Of the network.

    Returns:
        The loss in nats per token (float64), dx, and the gradients with respect to the parameters.

    Shape:
        x, dx: (distinct words, input_size); loss: ().
    """
    loss = torch.zeros((), dtype=torch.float64, device=x.device)
    d_x = torch.empty_like(x)
    d_parameters = BigramParameters(*map(torch.zeros_like, parameters))
    vocabulary, total = parameters.b2.shape[0], counts.total
    for rows in token_chunks(len(x), vocabulary):
        h, o = _forward(x[rows], parameters)
        pairs = slice(*counts.first_pair[[rows.start, rows.stop]].tolist())
        place = (counts.row[pairs] - rows.start) * vocabulary + counts.following[pairs]
        share_uv = counts.counts[pairs].to(o.dtype) / total
        share_u = counts.occurrences[rows].to(o.dtype).unsqueeze(-1) / total

        loss -= (share_uv * o.view(-1)[place]).sum(dtype=loss.dtype)
        highest = o.amax(-1, keepdim=True)
        e = o.sub_(highest).exp_()  # in the place of o, and do in that of e: one exponential each
        z = e.sum(-1, keepdim=True)
        loss += (share_u * (z.log() + highest)).sum(dtype=loss.dtype)
        d_o = e.mul_(share_u / z)
        d_o.view(-1).index_add_(0, place, share_uv, alpha=-1)
        d_x[rows], chunk = bigram_backward(x[rows], h, d_o, parameters)
        for summed, part in zip(d_parameters, chunk, strict=True):
            summed += part
    return loss, d_x, d_parameters
