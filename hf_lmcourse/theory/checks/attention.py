"""Check of attention with orthogonal keys, and with values from two subspaces."""

import torch
from torch import Tensor
from torch.nn import functional

from .. import attention
from ..check_result import CheckResult, Row, Table, same
from .references import normal, seeded

SIZE, KEYS = 16, 8
BETAS = (1.0, 2.0, 5.0, 10.0, 20.0)


def check() -> CheckResult:
    """Check weights, copying, averaging, and the projection that takes a value out of a sum."""
    generator = seeded()
    K = torch.linalg.qr(normal(generator, SIZE, KEYS)).Q.t()  # orthogonal keys of length one
    V = normal(generator, KEYS, SIZE)
    return CheckResult(
        [
            *_distribution_rows(K, V, 3 * normal(generator, SIZE)),
            *_aligned_rows(K),
            *_projection_rows(),
        ],
        [_distance_table(K, V)],
    )


def _distribution_rows(K: Tensor, V: Tensor, q: Tensor) -> list[Row]:
    a = attention.attention_weights(q, K)
    library = functional.scaled_dot_product_attention(
        q.view(1, 1, -1), K.unsqueeze(0), V.unsqueeze(0), scale=1.0
    )
    return [
        same("sum of the weights of a random query", a.sum(), 1.0),
        same("sum of |a_i|, so that none is negative", a.abs().sum(), 1.0),
        same("c against torch's attention", attention.attend(q, K, V), library.view(-1)),
    ]


def _aligned_rows(K: Tensor) -> list[Row]:
    """Compare the closed form of the weights with the softmax itself."""
    rows = []
    for name, chosen in (("copy", [2]), ("average", [2, 5]), ("average", [0, 1, 7])):
        for beta in BETAS:
            a = attention.attention_weights(attention.aligned_query(K, chosen, beta), K)
            formula = attention.aligned_weight(beta, KEYS, len(chosen))
            quantity = f"{name} {len(chosen)} of {KEYS}, beta {beta:g}: weight of each"
            rows.append(same(quantity, torch.full_like(a[chosen], formula), a[chosen]))
    return rows


def _projection_rows() -> list[Row]:
    """Check the projection of v_a and v_b from orthogonal subspaces."""
    generator = seeded(1)
    basis = torch.linalg.qr(normal(generator, SIZE, 7)).Q
    A, B = basis[:, :3], basis[:, 3:]
    v_a, v_b = A @ normal(generator, 3), B @ normal(generator, 4)
    return [
        same("M (v_a + v_b) = v_a", attention.projection(A) @ (v_a + v_b), v_a),
        same("M' (v_a + v_b) = v_b", attention.projection(B) @ (v_a + v_b), v_b),
    ]


def _distance_table(K: Tensor, V: Tensor) -> Table:
    """Tabulate the distance of c from its target for longer and longer queries."""
    rows = []
    for beta in BETAS:
        copy = attention.attend(attention.aligned_query(K, [2], beta), K, V)
        mean = attention.attend(attention.aligned_query(K, [2, 5], beta), K, V)
        distances = ((copy - V[2]).norm().item(), (mean - (V[2] + V[5]) / 2).norm().item())
        rows.append((beta, attention.aligned_weight(beta, KEYS, 1), distances[0], distances[1]))
    columns = ("beta", "a_j of the copy", "|c - v_j|", "|c - (v_a + v_b)/2|")
    return Table("Longer queries copy and average more exactly", columns, rows)
