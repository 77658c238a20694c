"""Logits of a chunk of tokens at a time: how many, and where they are kept."""

from collections.abc import Iterator

import torch
from torch import Tensor

_CHUNK_ELEMENTS = 1 << 22
"""Logits computed at once: 16 MB in float32, small enough to stay in a shared cache."""

_LEAST_CHUNK = 128
"""Tokens computed at once: each chunk reads and writes matrices of the size of W, however few."""


def largest_chunk(vocabulary: int) -> int:
    """The largest number of tokens in a slice of `token_chunks`."""
    return max(_LEAST_CHUNK, _CHUNK_ELEMENTS // vocabulary)


def token_chunks(tokens: int, vocabulary: int) -> Iterator[slice]:
    """Slices of tokens so small that their logits fit into a cache, but not of a few tokens."""
    size = largest_chunk(vocabulary)
    for start in range(0, tokens, size):
        yield slice(start, min(start + size, tokens))


def size_multiple(expected: int) -> int:
    """What a size that differs from step to step is rounded up to a multiple of, by rows of zeros.

    For bfloat16 a processor's library of products makes code for every shape that it meets, which
    takes time, and keeps it: some megabytes per step if each sample has a size of its own.
    """
    return 64 * max(1, -(-expected // 1024))


class ChunkLogits:
    """W h + b of one chunk after the other, in memory that all of them share.

    Args:
        weight: W, in the precision of the products.
        bias: b, or `None`.
        dtype: The precision of what is computed with the logits.
        rows: Of the largest chunk.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, rows: int) -> None:
        self._weight, self._bias = weight, bias
        self._rounded = weight.new_empty(rows, len(weight))
        self._exact = None
        if weight.dtype != dtype:
            self._exact = torch.empty_like(self._rounded, dtype=dtype)

    def of(self, h: Tensor) -> Tensor:
        """The logits of a chunk, in the precision of what is computed with them.

        Shape:
            h: (rows, size); result: (rows, vocabulary).
        """
        products = self.products(h)
        return products if self._exact is None else self._exact[: len(h)].copy_(products)

    def products(self, h: Tensor) -> Tensor:
        """The logits of a chunk, in the precision of the products; shapes as in `of`."""
        out = self._rounded[: len(h)]
        if self._bias is None:
            return torch.mm(h, self._weight.t(), out=out)
        return torch.addmm(self._bias, h, self._weight.t(), out=out)

    def rounded(self, values: Tensor) -> Tensor:
        """What was made of the logits, in the precision of the products."""
        return values if self._exact is None else self._rounded[: len(values)].copy_(values)
