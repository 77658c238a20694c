"""Logits of a chunk of tokens at a time: how many, where they are kept, and their gradients."""

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
        return self.exact(self.products(h))

    def exact(self, products: Tensor) -> Tensor:
        """Logits in the precision of the products, in that of what is computed with them."""
        return products if self._exact is None else self._exact[: len(products)].copy_(products)

    def products(self, h: Tensor) -> Tensor:
        """The logits of a chunk, in the precision of the products; shapes as in `of`."""
        out = self._rounded[: len(h)]
        if self._bias is None:
            return torch.mm(h, self._weight.t(), out=out)
        return torch.addmm(self._bias, h, self._weight.t(), out=out)

    def rounded(self, values: Tensor) -> Tensor:
        """What was made of the logits, in the precision of the products."""
        return values if self._exact is None else self._rounded[: len(values)].copy_(values)


class LayerGradients:
    """The gradients of a sum of losses by h, W and b, which chunk after chunk enters.

    With d the gradient by the logits W h + b of a token

        dh = W^T d        dW = sum d h^T        db = sum d

    Args:
        hidden: The vectors h.
        weight: W.
        bias: b, or `None`.
    """

    def __init__(self, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        self._inputs = hidden, weight
        self.by_hidden, self.by_weight = torch.zeros_like(hidden), torch.zeros_like(weight)
        self.by_bias = None if bias is None else torch.zeros_like(bias)

    def enter(self, chunk: slice, d: Tensor, counted: Tensor) -> None:
        """Enter a chunk of tokens, those alone that are counted.

        Shape:
            d: (rows, vocabulary); counted: (rows, 1).
        """
        hidden, weight = self._inputs
        kept = counted.to(hidden.dtype)
        torch.mm(d, weight, out=self.by_hidden[chunk]).mul_(kept)  # (rows, size)
        self.by_weight.addmm_(d.t(), hidden[chunk] * kept)
        if self.by_bias is not None:
            self.by_bias.addmv_(d.t(), kept.squeeze(-1))


def saved_gradients(gradients: LayerGradients | None) -> tuple[Tensor | None, ...]:
    """The gradients by h, W and b for `save_for_backward`."""
    if gradients is None:
        return None, None, None
    return gradients.by_hidden, gradients.by_weight, gradients.by_bias
