"""Dropout of entries, of whole features along a sequence, and of whole words."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..kernels.build import is_plain
from ..kernels.dropout_cpp import MANTISSA, CompiledDropout, can_drop, kept_below


def drop(x: Tensor, p: float) -> Tensor:
    """Dropout with a mask entry for every entry: `torch.nn.functional.dropout` in less time.

        y = m * x / (1 - p),    m ~ Bernoulli(1 - p)

    On a processor `Tensor.bernoulli_` calls torch's serial generator through a distribution, one
    entry at a time. A kernel draws the same mask from the generator's state, many entries at once,
    and leaves the generator as torch would. Without a kernel the mask comes from torch's own 64 bit
    draws, compared with (1 - p) 2^53, in half the time of `bernoulli_`.

    Args:
        x: The vectors or the matrix.
        p: Probability that an entry is dropped.

    Shape:
        Any; the result has that of x.
    """
    if torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return functional.dropout(x, p)
    if not is_plain(x) or not 0 < p < 1:
        return functional.dropout(x, p)
    if can_drop(x):
        return CompiledDropout.apply(x, p)
    draws = torch.empty_like(x, dtype=torch.int64, requires_grad=False).random_()
    keep = draws.bitwise_and_(2**MANTISSA - 1) < kept_below(p)
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
