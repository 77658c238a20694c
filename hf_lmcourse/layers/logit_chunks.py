"""Logits of a chunk of tokens at a time: how many, and where they are kept."""

from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["ChunkLogits", "token_chunks"]

_CHUNK_ELEMENTS = 1 << 21
"""Logits computed at once: 8 MB in float32, small enough to stay in a shared cache."""

_LEAST_CHUNK = 128
"""Tokens computed at once: each chunk reads and writes matrices of the size of W, however few."""


def token_chunks(tokens: int, vocabulary: int) -> Iterator[slice]:
    """Slices of tokens so small that their logits fit into a cache, but not of a few tokens."""
    size = max(_LEAST_CHUNK, _CHUNK_ELEMENTS // vocabulary)
    for start in range(0, tokens, size):
        yield slice(start, min(start + size, tokens))


class ChunkLogits:
    """W h + b of one chunk after the other, in memory that all of them share.

    Args:
        weight: W, in the precision of the products.
        bias: b, or `None`.
        kind: the precision of what is computed with the logits.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, kind: torch.dtype) -> None:
        self._weight, self._bias = weight, bias
        self._rounded = weight.new_empty(0)
        self._exact = self._rounded if weight.dtype == kind else self._rounded.to(kind)

    def of(self, h: Tensor) -> Tensor:
        """The logits of a chunk.

        Shape:
            h: (rows, size); result: (rows, vocabulary).
        """
        shape = len(h), len(self._weight)
        rounded = self._rounded.resize_(shape)
        if self._bias is None:
            torch.mm(h, self._weight.t(), out=rounded)
        else:
            torch.addmm(self._bias, h, self._weight.t(), out=rounded)
        if self._exact is self._rounded:
            return rounded
        return self._exact.resize_(shape).copy_(rounded)

    def rounded(self, values: Tensor) -> Tensor:
        """What was made of the logits, in the precision of the products."""
        return values if self._exact is self._rounded else self._rounded.copy_(values)
