"""Why the logits of attention are divided by the square root of d.

Let q and the keys k_1 .. k_n in R^d have independent entries of mean 0 and variance 1. Then

    E q . k = 0          Var q . k = sum_i Var(q_i k_i) = d          Var (q . k / sqrt d) = 1

The smaller s is, the flatter is the softmax of the logits s o_i. For p = softmax(s o) and its
entropy S = - sum_i p_i ln p_i,

    ln p_i = s o_i - ln Z,   S = ln Z - s E_p o,   d ln Z / ds = E_p o,   d E_p o / ds = Var_p o
    dS / ds = - s Var_p o <= 0

With s = 1 the logits grow like sqrt d, and S falls to zero: the softmax selects a single key. For
many keys with normal logits of variance s^2, S = ln n - s^2 / 2 as long as s^2 < 2 ln n, and beyond
that almost zero (the random energy model). Divided by sqrt d, S = ln n - 1/2 for every d.

For the gradient, with c = sum_i p_i v_i, p = softmax(s K q) and g = dJ/dc,

    dJ/d(logits) = (diag(p) - p p^T) V g          dJ/dq = s K^T (diag(p) - p p^T) V g

The trace of that matrix is 1 - sum_i p_i^2, zero if one weight is one: no gradient passes,
except where two keys happen to tie. So without the division the typical gradient of q vanishes as d
grows, while its mean, dominated by the rare ties, does not.

Sources: Vaswani et al. 2017, Attention is all you need, section 3.2.1; Derrida 1981, Random-energy
model.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .softmax import softmax


def logit_variance(d: int, scale: float) -> float:
    """Return Var (scale q . k) = scale^2 d for independent entries of mean 0 and variance 1."""
    return scale**2 * d


def entropy(p: Tensor) -> Tensor:
    """Return S = - sum_i p_i ln p_i in nats; 0 ln 0 is 0.

    Shape:
        p: (..., n); result: (...).
    """
    return -torch.special.xlogy(p, p).sum(-1)


def entropy_slope(o: Tensor, s: float) -> Tensor:
    """Return dS/ds = - s Var_p o for p = softmax(s o).

    Shape:
        o: (..., n); result: (...).
    """
    p = softmax(s * o)
    mean = (p * o).sum(-1, keepdim=True)
    return -s * (p * (o - mean).square()).sum(-1)


def query_gradient(q: Tensor, K: Tensor, V: Tensor, g: Tensor, scale: float) -> Tensor:
    """Return dJ/dq = scale K^T (diag(p) - p p^T) V g for g = dJ/dc, for each row of a batch.

    Shape:
        q: (batch, d); K: (batch, n, d); V: (batch, n, value size); g: (batch, value size);
        result: (batch, d).
    """
    p = softmax(scale * torch.einsum("bnd,bd->bn", K, q))
    slope = torch.einsum("bnv,bv->bn", V, g)
    d_logits = p * (slope - (p * slope).sum(-1, keepdim=True))
    return scale * torch.einsum("bnd,bn->bd", K, d_logits)


class ScalingPoint(NamedTuple):
    """Measurements on random queries at one size and one scale, one per query.

    Shape:
        logits: (draws, keys); entropy, passed, gradient: (draws,).
    """

    logits: Tensor
    entropy: Tensor
    passed: Tensor
    """1 - sum_i p_i^2, the trace of the softmax's Jacobian."""
    gradient: Tensor
    """||dJ/dq||."""


def draw_attention(
    d: int, keys: int, draws: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw queries q, keys K and values V with standard normal entries, and a gradient g.

    For g of length one v . g is standard normal for any size of v, so values of size one and g = 1
    are sufficient.

    Shape:
        q: (draws, d); K: (draws, keys, d); V: (draws, keys, 1); g: (draws, 1).
    """
    shapes = ((draws, d), (draws, keys, d), (draws, keys, 1))
    q, K, V = (torch.randn(*s, generator=generator, dtype=torch.float64) for s in shapes)
    return q, K, V, torch.ones(draws, 1, dtype=torch.float64)


def scaling_point(q: Tensor, K: Tensor, V: Tensor, g: Tensor, scale: float) -> ScalingPoint:
    """Attend with p = softmax(scale K q). Arguments and shapes as in `query_gradient`."""
    logits = scale * torch.einsum("bnd,bd->bn", K, q)
    p = softmax(logits)
    return ScalingPoint(
        logits=logits,
        entropy=entropy(p),
        passed=1 - p.square().sum(-1),
        gradient=query_gradient(q, K, V, g, scale).norm(dim=-1),
    )
