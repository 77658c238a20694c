"""Sparse attention: which earlier positions a position may look at.

Every pattern here is a question of distance alone, so that padding on the left changes nothing. A
pattern is a function of two integer tensors, query and key position, that broadcast; it is used as
a mask. Two patterns also have a computation that never makes the scores that the mask would hide.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "Pattern",
    "attend_at_distances",
    "attend_locally",
    "causal",
    "local_window",
    "log_sparse",
    "log_sparse_distances",
    "strided",
]

Pattern = Callable[[Tensor, Tensor], Tensor]
"""(query positions, key positions) -> true where the query may look at the key."""


def causal(query: Tensor, key: Tensor) -> Tensor:
    """Everything up to the position itself: q looks at k <= q.

    Reference:
        Vaswani et al. 2017, Attention Is All You Need, section 3.2.3.
    """
    return key <= query


def local_window(window: int) -> Pattern:
    """The last `window` positions, itself included: 0 <= q - k < window.

    Information travels up to window - 1 positions a layer. Cost: length * window.

    Reference:
        Luong, Pham and Manning 2015 (local attention); Beltagy, Peters and Cohan 2020, Longformer.
    """

    def pattern(query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (query - key < window)

    return pattern


def strided(stride: int) -> Pattern:
    """The last `stride` positions, and every `stride`-th before: the two heads of the paper in one.

        0 <= q - k <= stride    or    (q - k) mod stride = 0

    With a stride near sqrt(length) two layers connect any two positions at a cost of
    length * sqrt(length).

    Reference:
        Child et al. 2019, Generating Long Sequences with Sparse Transformers, section 4.3.
    """

    def pattern(query: Tensor, key: Tensor) -> Tensor:
        distance = query - key
        return (distance >= 0) & ((distance <= stride) | (distance % stride == 0))

    return pattern


def log_sparse(query: Tensor, key: Tensor) -> Tensor:
    """Itself and what is 1, 2, 4, 8, ... positions back.

        q - k in {0} or {2^i}

    log2(length) layers connect any two positions at a cost of length * log2(length) each.

    Reference:
        Li et al. 2019, Enhancing the Locality and Breaking the Memory Bottleneck of Transformer on
        Time Series Forecasting, section 4.2.
    """
    distance = query - key
    # A power of two has one bit, which one less does not have; 0 & -1 is 0 too.
    return (distance >= 0) & ((distance & (distance - 1)) == 0)


def log_sparse_distances(length: int) -> list[int]:
    """The distances of `log_sparse` inside a sequence: 0, 1, 2, 4, ... below `length`."""
    return [0, *(2**i for i in range(max(0, length - 1).bit_length()))]


def attend_locally(Q: Tensor, K: Tensor, V: Tensor, window: int, *, dropout: float = 0.0) -> Tensor:
    """Attention in a `local_window`, block by block: no score farther than two windows is made.

    Cut into blocks of `window` positions, a position needs its own block and the one before.

    Args:
        Q: queries.
        K: keys at the same positions.
        V: values.
        window: how many positions a query looks at, itself included.
        dropout: probability with which a weight is dropped; give 0 outside training.

    Returns:
        What dense attention with that mask returns.

    Shape:
        Q, K, V, result: (batch, heads, length, size).
    """
    batch, heads, length, size = Q.shape
    blocks = math.ceil(length / window)
    after = blocks * window - length
    q = functional.pad(Q, (0, 0, 0, after)).reshape(batch * heads, blocks, window, size)
    k, v = (
        functional.pad(x, (0, 0, window, after)).view(batch * heads, blocks + 1, window, size)
        for x in (K, V)
    )
    k, v = (torch.cat([x[:, :-1], x[:, 1:]], dim=2) for x in (k, v))
    position = torch.arange(blocks * window, device=Q.device).view(blocks, window, 1)
    before = position[:, :1] - window + torch.arange(2 * window, device=Q.device)
    mask = local_window(window)(position, before) & (before >= 0)
    y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[None], dropout_p=dropout)
    return y.reshape(batch, heads, blocks * window, size)[:, :, :length]


def attend_at_distances(
    Q: Tensor, K: Tensor, V: Tensor, distances: list[int], *, dropout: float = 0.0
) -> Tensor:
    """Attention to a few fixed distances: one shifted product each instead of all the scores.

        score(t, i) = Q_t . K_{t - distances[i]} / sqrt(size)

    Args:
        Q: queries.
        K: keys at the same positions.
        V: values.
        distances: rising, and beginning with 0, so that the first position has itself.
        dropout: probability with which a weight is dropped; give 0 outside training.

    Returns:
        What dense attention with that mask returns.

    Shape:
        Q, K, V, result: (batch, heads, length, size).
    """
    length, size = Q.shape[-2:]
    Q = Q * size**-0.5
    steps = range(len(distances))
    shifted_k, shifted_v = (
        [functional.pad(x, (0, 0, d, 0))[..., :length, :] for d in distances] for x in (K, V)
    )
    scores = torch.stack([(Q * shifted_k[i]).sum(-1) for i in steps], dim=-1)
    time = torch.arange(length, device=Q.device).unsqueeze(-1)
    outside = time < torch.tensor(distances, device=Q.device)
    weights = scores.masked_fill(outside, -math.inf).softmax(-1)
    weights = functional.dropout(weights, dropout).unsqueeze(-1)
    result = weights[..., 0, :] * shifted_v[0]
    for i in steps[1:]:
        result = torch.addcmul(result, weights[..., i, :], shifted_v[i])
    return result
