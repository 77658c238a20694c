"""With noisy keys, two heads average two values while one head switches between them.

The keys are k_i ~ N(mu_i, Sigma_i), the mu_i orthogonal and of length one. The target is (v_a +
v_b) / 2. One head uses q = beta (mu_a + mu_b). Two heads use q_1 = beta mu_a and q_2 = beta mu_b,
and c = (c_1 + c_2) / 2. The variation of c is measured by the trace of its covariance, E ||c - E
c||^2.

Small noise: Sigma_i = alpha I for every key, alpha small. To first order in the noise

    dc = 1/H sum_h sum_j a_hj (q_h . dk_j) (v_j - c_h) = sum_j G_j dk_j
    G_j = 1/H sum_h a_hj (v_j - c_h) q_h^T
    tr Cov c = alpha sum_j ||G_j||^2          (Frobenius norms)

For large beta that is alpha beta^2 ||v_a - v_b||^2 / 4 for one head, and almost zero for two: each
attends to one key only, and a_hj (v_j - c_h) vanishes for the others as for that one.

A key of uncertain length: Sigma_a = alpha I + 1/2 mu_a mu_a^T. For alpha -> 0 this is

    k_a = g mu_a,   g ~ N(1, 1/2)          k_i = mu_i for the others

    one head:    a_a / a_b = e^(beta (g - 1))     c is close to v_a if g > 1, to v_b if g < 1
    two heads:   c_2 = v_b always;                c_1 = v_a if g is well above zero

so that for beta -> infinity, with P(g > 0) = Phi(sqrt 2) = 0.921 and w the mean of the values other
than v_a,

    one head:    tr Cov c -> 1/4 ||v_a - v_b||^2
    two heads:   tr Cov c -> 1/4 P(g > 0) P(g < 0) ||v_a - w||^2 = 0.018 ||v_a - w||^2

The expectation of both is close to the target; it does not show the variation:

    one head:    E c -> 1/2 v_a + 1/2 v_b
    two heads:   E c -> 1/2 v_b + 1/2 (P(g > 0) v_a + P(g < 0) w)

For finite beta the expectation over g is an integral over one variable.

Source: an exercise in courses on language models; the first-order formula is the delta method.
"""

import math

import torch
from torch import Tensor

from .attention import attend, attention_weights

KEY_VARIANCE = 0.5
"""The 1/2 of Sigma_a = alpha I + 1/2 mu_a mu_a^T."""


def attend_heads(queries: Tensor, K: Tensor, V: Tensor) -> Tensor:
    """Return the mean c of the outputs c_h of all heads, which share keys and values.

    Shape:
        queries: (H, size); K: (..., n, size); V: (n, value size); result: (..., value size).
    """
    return torch.stack([attend(q, K, V) for q in queries]).mean(0)


def draw_keys(
    means: Tensor, alpha: float, draws: int, generator: torch.Generator, stretched: int | None
) -> Tensor:
    """Draw sets of keys k_i ~ N(mu_i, alpha I).

    If the index a of a stretched key is given, 1/2 mu_a mu_a^T is added to the covariance of k_a.

    Shape:
        means: (n, size); result: (draws, n, size).
    """
    noise = torch.randn(draws, *means.shape, generator=generator, dtype=means.dtype)
    keys = means + alpha**0.5 * noise
    if stretched is not None:
        length = torch.randn(draws, 1, generator=generator, dtype=means.dtype)
        keys[:, stretched] += KEY_VARIANCE**0.5 * length * means[stretched]
    return keys


def key_jacobian(queries: Tensor, K: Tensor, V: Tensor) -> Tensor:
    """Return G_j = dc/dk_j = 1/H sum_h a_hj (v_j - c_h) q_h^T.

    Shape:
        queries: (H, size); K: (n, size); V: (n, value size); result: (n, value size, size).
    """
    a = torch.stack([attention_weights(q, K) for q in queries])  # (H, n)
    deviations = V - (a @ V).unsqueeze(1)  # (H, n, value size)
    return torch.einsum("hj,hjv,hs->jvs", a, deviations, queries) / len(queries)


def variance_of_small_noise(queries: Tensor, means: Tensor, V: Tensor, alpha: float) -> float:
    """Return tr Cov c = alpha sum_j ||G_j||^2 for keys N(mu_j, alpha I), to first order in alpha.

    Shape:
        queries: (H, size); means: (n, size); V: (n, value size).
    """
    return alpha * key_jacobian(queries, means, V).square().sum().item()


def moments_of_uncertain_length(
    queries: Tensor, means: Tensor, V: Tensor, stretched: int, points: int = 4001
) -> tuple[Tensor, float]:
    """Integrate E c and tr Cov c over g for k_a = g mu_a, g ~ N(1, 1/2), by the trapezoidal rule.

    The grid points extend over eight standard deviations to each side; `stretched` is the index a.

    Shape:
        queries: (H, size); means: (n, size); V: (n, value size); E c: (value size,).
    """
    z = torch.linspace(-8, 8, points, dtype=means.dtype)
    density = torch.exp(-z.square() / 2)
    density /= density.sum()  # the spacing is constant, so the rule is a weighted mean
    keys = means.repeat(points, 1, 1)
    keys[:, stretched] *= (1 + KEY_VARIANCE**0.5 * z).unsqueeze(-1)
    c = attend_heads(queries, keys, V)
    mean = density @ c
    return mean, (density @ (c - mean).square().sum(-1)).item()


def limits_of_uncertain_length(
    V: Tensor, a: int, b: int
) -> tuple[tuple[Tensor, float], tuple[Tensor, float]]:
    """Return the limits of E c and tr Cov c for one head and for two, alpha -> 0, beta -> infinity.

    Shape:
        V: (n, value size); E c: (value size,).
    """
    p = 0.5 * math.erfc((2 * KEY_VARIANCE) ** -0.5)  # P(g < 0): the key is reversed
    others = (V.sum(0) - V[a]) / (len(V) - 1)
    one = 0.25 * (V[a] - V[b]).square().sum().item()
    two = 0.25 * p * (1 - p) * (V[a] - others).square().sum().item()
    return ((V[a] + V[b]) / 2, one), ((V[b] + (1 - p) * V[a] + p * others) / 2, two)
