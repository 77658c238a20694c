"""Check of the mean and the variance of one head and of two, under both models of the keys."""

import torch
from torch import Tensor

from .. import noisy_keys
from ..check_result import CheckResult, Row, Table, same, simulated
from .references import normal, seeded

SIZE, KEYS = 10, 8
A, B = 1, 4
"""The indices of the two values to average."""
ALPHA = 1e-5
"""The small variance of the exercise."""
_DRAWS = 20_000


def check() -> CheckResult:
    """Check the closed forms with simulation, and the derivative behind them with autograd."""
    means, V = orthonormal_setting()
    rows = [*_jacobian_rows(), *_variance_rows(means, V), *_limit_rows(means, V)]
    variances, weights = [], []
    for beta in (1.0, 3.0, 10.0, 30.0, 100.0):
        one, two = heads(means, beta)
        small = [noisy_keys.variance_of_small_noise(q, means, V, ALPHA) for q in (one, two)]
        wide = [noisy_keys.moments_of_uncertain_length(q, means, V, A) for q in (one, two)]
        variances.append((beta, *small, *(variance for _, variance in wide)))
        weights.append((beta, *(mean[i].item() for mean, _ in wide for i in (A, B))))
    columns = ("beta", "small: 1 head", "small: 2 heads", "uncertain: 1 head", "uncertain: 2 heads")
    of_values = ("beta", "1 head: v_a", "1 head: v_b", "2 heads: v_a", "2 heads: v_b")
    title = f"tr Cov c by the closed forms (alpha = {ALPHA:g}, values orthonormal)"
    mean_title = "mean weights of the two values, key of uncertain length: the target is 0.5"
    return CheckResult(
        rows, [Table(title, columns, variances), Table(mean_title, of_values, weights)]
    )


def orthonormal_setting() -> tuple[Tensor, Tensor]:
    """Return orthogonal means of length one, and orthonormal values.

    Shape:
        means: (keys, size); values: (keys, keys).
    """
    means = torch.linalg.qr(normal(seeded(), SIZE, KEYS)).Q.t()
    return means, torch.eye(KEYS, dtype=torch.float64)


def heads(means: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Return the query of one head, and the queries of two."""
    one = beta * (means[A] + means[B]).unsqueeze(0)
    return one, beta * means[[A, B]]


def squared_deviations(
    queries: Tensor, means: Tensor, V: Tensor, stretched: int | None, draws: int = _DRAWS
) -> Tensor:
    """Return ||c - mean c||^2 of simulated keys; the mean over draws estimates tr Cov c."""
    keys = noisy_keys.draw_keys(means, ALPHA, draws, seeded(), stretched)
    c = noisy_keys.attend_heads(queries, keys, V)
    return (c - c.mean(0)).square().sum(-1)


def _jacobian_rows() -> list[Row]:
    generator = seeded(1)
    queries, K, V = normal(generator, 2, 5), normal(generator, 4, 5), normal(generator, 4, 3)
    reference = torch.autograd.functional.jacobian(
        lambda K: noisy_keys.attend_heads(queries, K, V), K
    )
    ours = noisy_keys.key_jacobian(queries, K, V)
    return [same("dc/dk_j", ours, reference.permute(1, 0, 2))]


def _variance_rows(means: Tensor, V: Tensor) -> list[Row]:
    rows = []
    for beta in (1.0, 10.0):
        for name, queries in zip(("1 head", "2 heads"), heads(means, beta), strict=True):
            small = noisy_keys.variance_of_small_noise(queries, means, V, ALPHA)
            mean, wide = noisy_keys.moments_of_uncertain_length(queries, means, V, A)
            drawn = noisy_keys.draw_keys(means, 0.0, _DRAWS, seeded(), A)
            weight = noisy_keys.attend_heads(queries, drawn, V)[:, A]
            rows.append(
                simulated(f"mean weight of v_a, {name}, beta {beta:g}", mean[A].item(), weight)
            )
            for model, ours, stretched in (("small noise", small, None), ("uncertain", wide, A)):
                samples = squared_deviations(queries, means, V, stretched)
                rows.append(simulated(f"tr Cov c, {model}, {name}, beta {beta:g}", ours, samples))
    return rows


def _limit_rows(means: Tensor, V: Tensor) -> list[Row]:
    """Compare the limits with a very long query."""
    limits = noisy_keys.limits_of_uncertain_length(V, A, B)
    rows = []
    for name, (mean_limit, limit), queries in zip(
        ("1 head", "2 heads"), limits, heads(means, 2000.0), strict=True
    ):
        mean, variance = noisy_keys.moments_of_uncertain_length(queries, means, V, A, points=20_001)
        long = f"for beta -> infinity, {name}"
        rows.append(same(f"tr Cov c {long}", limit, variance, allowed=0.005 * limit))
        rows.append(same(f"E c {long}", mean_limit, mean, allowed=0.005))
    return rows
