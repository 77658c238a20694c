"""Dropout of whole features along a sequence, of whole words, and of the entries of a matrix."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..kernels.build import is_plain

_LEVELS = 2**16


class LockedDropout(nn.Module):
    """Dropout with one mask for all time steps of a sequence.

        y_t = m * x_t / (1 - p),    m ~ Bernoulli(1 - p), the same m for every t

    Args:
        p: Probability that a feature is dropped.

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


def drop_words(embeddings: Tensor, input_ids: Tensor, vocabulary: int, p: float) -> Tensor:
    """Dropout of whole words: of rows of the embedding matrix, one mask for a training step.

        e_t = m[w_t] E[w_t] / (1 - p),    m[w] ~ Bernoulli(1 - p), one for every word w

    so that a word that is dropped is missing wherever it occurs in the batch. As an output layer a
    tied matrix stays whole.

    Args:
        embeddings: E[w_t].
        input_ids: w_t.
        vocabulary: How many words there are.
        p: Probability that a word is dropped.

    Shape:
        embeddings, result: (batch, length, size); input_ids: (batch, length).

    Reference:
        Gal and Ghahramani 2016; Merity, Keskar and Socher 2018 ("embedding dropout").
    """
    keep = embeddings.new_empty(vocabulary).bernoulli_(1 - p)
    return keep_words(embeddings, input_ids, keep, p)


def keep_words(embeddings: Tensor, input_ids: Tensor, keep: Tensor, p: float) -> Tensor:
    """Apply a mask m of `drop_words` that is given.

    Args:
        embeddings: E[w_t].
        input_ids: w_t.
        keep: m, 1 for each word that is kept and 0 for one that is dropped.
        p: Probability that a word is dropped.

    Shape:
        embeddings, result: (batch, length, size); input_ids: (batch, length);
        keep: (vocabulary,).
    """
    return embeddings * (keep / (1 - p))[input_ids].unsqueeze(-1)


def drop_entries(x: Tensor, p: float) -> Tensor:
    """Dropout of single entries, as `functional.dropout`, in a third of the time on a processor.

        y_i = m_i x_i / (1 - p),    m_i ~ Bernoulli(1 - p)

    torch draws 53 random bits for each entry, one after the other, and this 16; so p counts to the
    nearest multiple of 2^-16. For matrices, such as those of weight drop, that matters.

    Args:
        x: x, of any shape.
        p: Probability that an entry is dropped, below 1.

    Shape:
        result: that of x.

    Reference:
        Wan et al. 2013 (DropConnect), for matrices of weights.
    """
    if torch.compiler.is_compiling() or not is_plain(x):
        return functional.dropout(x, p)
    size = x.numel()
    bits = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None)
    level = bits.view(torch.int16)[:size].view(x.shape)  # uniform from -2^15 on
    dropped = min(round(p * _LEVELS), _LEVELS - 1)
    keep = (level >= dropped - _LEVELS // 2).to(x.dtype)
    return x * keep.div_(1 - p)
