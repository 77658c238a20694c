"""Dropout of entries, of whole features along a sequence, and of whole words."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_MANTISSA = 53
"""torch draws a uniform number of so many bits and keeps an entry where it is below 1 - p."""


def drop(x: Tensor, p: float) -> Tensor:
    """Dropout with a mask entry for every entry: `torch.nn.functional.dropout` in half the time.

        y = m * x / (1 - p),    m ~ Bernoulli(1 - p)

    On a processor `Tensor.bernoulli_` calls torch's serial generator through a distribution, one
    entry at a time. Its 64 bit draws themselves come several times as fast, and compared with
    (1 - p) 2^53 they are the same mask and leave the generator in the same state.

    Args:
        x: The vectors or the matrix.
        p: Probability that an entry is dropped.

    Shape:
        Any; the result has that of x.
    """
    if x.device.type != "cpu" or type(x) not in (Tensor, nn.Parameter) or not 0 < p < 1:
        return functional.dropout(x, p)
    if torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return functional.dropout(x, p)
    draws = torch.empty_like(x, dtype=torch.int64, requires_grad=False).random_()
    keep = draws.bitwise_and_(2**_MANTISSA - 1) < math.ceil((1 - p) * 2**_MANTISSA)
    return x * keep.to(x.dtype).div_(1 - p)


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` by `drop`: the same values, sooner."""

    def forward(self, x: Tensor) -> Tensor:
        """Drop and rescale while training; the identity otherwise."""
        return drop(x, self.p) if self.training else x


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
