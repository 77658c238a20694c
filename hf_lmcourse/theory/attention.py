"""Attention can copy a value and average two; a projection recovers one from their sum.

With a query q, keys k_1 .. k_n and values v_1 .. v_n,

    a_i = exp(k_i . q) / sum_j exp(k_j . q)          c = sum_i a_i v_i

1. The weights are a distribution: each a_i is positive, and they sum to one.
2. Copying. A query that is far more similar to one key than to every other selects that key, and
   attention returns its value as it is: if k_j . q is far above every other k_i . q, then a_j is
   almost one and c almost v_j.
3. Averaging two values. Let the keys be orthogonal and of length one. Then q = beta (k_a + k_b) has
   k_a . q = k_b . q = beta, and zero with all others, so that

       a_a = a_b = e^beta / (2 e^beta + n - 2) -> 1/2          c -> (v_a + v_b) / 2

   With beta times the sum of m keys each of them gets e^beta / (m e^beta + n - m); m = 1 copies.
4. Separating. Let v_a = A s and v_b = B t, where the columns of A are orthonormal and A^T B = 0.
   Then M = A A^T recovers v_a from the sum:

       M (v_a + v_b) = A A^T A s + A A^T B t = A s = v_a

Sources: Bahdanau, Cho and Bengio 2015; Vaswani et al. 2017, Attention is all you need; 2 to 4 as an
exercise in courses on language models.
"""

import math

import torch
from torch import Tensor

from .softmax import softmax


def attention_weights(q: Tensor, K: Tensor) -> Tensor:
    """Return a_i = exp(k_i . q) / sum_j exp(k_j . q).

    Shape:
        q: (size,); K: (..., n, size), the rows are keys; result: (..., n).
    """
    return softmax(K @ q)


def attend(q: Tensor, K: Tensor, V: Tensor) -> Tensor:
    """Return the weighted mean c = sum_i a_i v_i.

    Shape:
        q: (size,); K: (..., n, size); V: (n, value size); result: (..., value size).
    """
    return attention_weights(q, K) @ V


def aligned_query(K: Tensor, chosen: list[int], beta: float) -> Tensor:
    """Return the query q = beta * (sum of the chosen keys).

    Shape:
        K: (n, size); result: (size,).
    """
    return beta * K[chosen].sum(0)


def aligned_weight(beta: float, n: int, m: int) -> float:
    """Return e^beta / (m e^beta + n - m), the weight of each of m keys of n in an aligned query."""
    return 1 / (m + (n - m) * math.exp(-beta))


def projection(A: Tensor) -> Tensor:
    """Return M = A A^T, the orthogonal projection on the space that the columns of A span.

    Raises:
        ValueError: The columns of A are not orthonormal.

    Shape:
        A: (size, dimensions); result: (size, size).
    """
    if not torch.allclose(A.t() @ A, torch.eye(A.shape[1], dtype=A.dtype), atol=1e-8):
        raise ValueError("the columns of A must be orthonormal: take the Q of its QR decomposition")
    return A @ A.t()
