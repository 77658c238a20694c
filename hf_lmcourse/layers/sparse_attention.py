"""Sparse attention: which earlier positions a position may look at.

Every pattern here is a question of distance alone, so that padding on the left changes nothing. A
pattern is a function of two integer tensors, query and key position, that broadcast; it is used as
a mask. Each also has a computation that makes few of the scores, or none, that its mask would hide.

Two known selections are not here: with them, what a position sees depends on later tokens, which
are there in training and not yet in generation. A causal mask on the scores does not change that.

- ProbSparse (Zhou et al. 2021, Informer) computes attention for the queries whose scores are the
  most uneven of the whole sequence, by a sample of the keys, and gives the others a mean of the
  values. Whether position t is among them depends on the queries after t. Generated token by token,
  each query would be the only one, and always chosen: another function than the one trained.
- LSH attention (Kitaev, Kaiser and Levskaya 2020, Reformer) sorts the positions by hash and cuts
  them into chunks of equal size. Where the cuts fall, and so which earlier keys are in the chunk of
  t, depends on the hashes of later tokens.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from .dropout import drop

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
        Q: Queries.
        K: Keys at the same positions.
        V: Values.
        window: How many positions a query looks at, itself included.
        dropout: Probability with which a weight is dropped; give 0 outside training.

    Returns:
        What dense attention with that mask returns.

    Shape:
        Q, K, V, result: (batch, heads, length, size).
    """
    q, k, v = (_blocks(x, window) for x in (Q, K, V))  # (., blocks, window, size)
    k, v = _with_block_before(k), _with_block_before(v)  # (., blocks, 2 * window, size)
    mask = _near_positions(q.shape[1], window, window, Q.device)
    y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[None], dropout_p=dropout)
    return y.flatten(1, 2)[:, : Q.shape[2]].view(Q.shape)


def attend_in_strides(
    Q: Tensor, K: Tensor, V: Tensor, stride: int, *, dropout: float = 0.0
) -> Tensor:
    """Attention in the pattern `strided`: about 2 stride + length / stride scores a position.

    Cut into blocks of `stride` positions, a position needs its own block and the one before, and
    the positions at its own place in the blocks before these: position a stride + r is row a of
    column r, and the columns are attended to as sequences of their own. Arguments and result are
    those of `attend_locally`.
    """
    q, k, v = (_blocks(x, stride) for x in (Q * Q.shape[-1] ** -0.5, K, V))
    blocks = q.shape[1]
    near = q @ _with_block_before(k).transpose(2, 3)  # (., blocks, stride, 2 * stride)
    far = (q.transpose(1, 2) @ k.permute(0, 2, 3, 1)).transpose(1, 2)  # (., blocks, stride, blocks)
    row = torch.arange(blocks, device=Q.device)
    far_rows = (row < row.view(-1, 1, 1) - 1).expand(-1, stride, -1)
    mask = torch.cat([_near_positions(blocks, stride, stride + 1, Q.device), far_rows], dim=-1)
    weights = torch.cat([near, far], dim=-1).masked_fill(~mask, -math.inf).softmax(-1)
    weights = drop(weights, dropout)
    near, far = weights.split([2 * stride, blocks], dim=-1)
    y = near @ _with_block_before(v) + (far.transpose(1, 2) @ v.transpose(1, 2)).transpose(1, 2)
    return y.flatten(1, 2)[:, : Q.shape[2]].view(Q.shape)


def _blocks(x: Tensor, block: int) -> Tensor:
    """(batch, heads, length, size) -> (batch * heads, blocks, block, size), zeros at the end."""
    batch, heads, length, size = x.shape
    filled = functional.pad(x, (0, 0, 0, -length % block))
    return filled.reshape(batch * heads, -1, block, size)


def _with_block_before(x: Tensor) -> Tensor:
    """(., blocks, block, size) -> (., blocks, 2 * block, size), with zeros before the first."""
    return torch.cat([functional.pad(x[:, :-1], (0, 0, 0, 0, 1, 0)), x], dim=2)


def _near_positions(blocks: int, block: int, window: int, device: torch.device) -> Tensor:
    """`local_window` between the positions of each block, and of it and the block before.

    Shape:
        Result: (blocks, block, 2 * block).
    """
    position = torch.arange(blocks * block, device=device).view(blocks, block, 1)
    before = position[:, :1] - block + torch.arange(2 * block, device=device)
    return local_window(window)(position, before) & (before >= 0)


def attend_at_distances(
    Q: Tensor, K: Tensor, V: Tensor, distances: list[int], *, dropout: float = 0.0
) -> Tensor:
    """Attention to a few fixed distances: one shifted product each instead of all the scores.

        score(t, i) = Q_t . K_{t - distances[i]} / sqrt(size)

    The distances rise from 0, so that the first position has itself. Arguments and result are those
    of `attend_locally`.
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
    weights = drop(weights, dropout).unsqueeze(-1)
    result = weights[..., 0, :] * shifted_v[0]
    for i in steps[1:]:
        result = torch.addcmul(result, weights[..., i, :], shifted_v[i])
    return result
