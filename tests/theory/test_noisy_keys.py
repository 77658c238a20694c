"""The variances of one head and two: formulas against simulation and small cases."""

import math

import pytest
import torch

from hf_lmcourse.theory import noisy_keys

from .draws import assert_same, normal


def two_orthonormal() -> tuple[torch.Tensor, torch.Tensor]:
    eye = torch.eye(2, dtype=torch.float64)
    return eye, eye


def test_the_jacobian_is_that_of_autograd() -> None:
    for heads in (1, 3):
        queries, K, V = normal(heads, 4), normal(5, 4, seed=1), normal(5, 2, seed=2)
        reference = torch.autograd.functional.jacobian(
            lambda K, q=queries, V=V: noisy_keys.attend_heads(q, K, V), K
        )
        assert_same(noisy_keys.key_jacobian(queries, K, V), reference.permute(1, 0, 2))


def test_drawn_keys_have_the_given_covariance() -> None:
    means = torch.linalg.qr(normal(4, 3)).Q.t()
    generator = torch.Generator().manual_seed(0)
    keys = noisy_keys.draw_keys(means, 0.01, 40_000, generator, stretched=2)
    noise = 0.01 * torch.eye(4, dtype=torch.float64)
    for i, extra in enumerate((0, 0, 0.5)):
        expected = noise + extra * torch.outer(means[i], means[i])
        torch.testing.assert_close(keys[:, i].t().cov(), expected, atol=0.02, rtol=0)
        torch.testing.assert_close(keys[:, i].mean(0), means[i], atol=0.02, rtol=0)


def test_one_head_on_two_keys_varies_as_a_sigmoid_does() -> None:
    means, V = two_orthonormal()
    beta, alpha = 4.0, 1e-3
    query = beta * means.sum(0, keepdim=True)
    # the weight is sigmoid(beta (g - 1)), which moves the output along v_a - v_b, of length sqrt 2
    z = torch.randn(400_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weight = torch.sigmoid(beta * math.sqrt(0.5) * z)
    mean, wide = noisy_keys.moments_of_uncertain_length(query, means, V, 0)
    torch.testing.assert_close(mean, V.mean(0))  # by symmetry, for any beta
    assert wide == pytest.approx(2 * weight.var().item(), rel=0.01)
    # to first order the logits' difference has variance 4 alpha beta^2, the sigmoid slope 1/4
    small = noisy_keys.variance_of_small_noise(query, means, V, alpha)
    assert small == pytest.approx(2 * 4 * alpha * beta**2 / 16)


def test_two_heads_vary_less_than_one_under_both_models() -> None:
    means, V = torch.eye(6, dtype=torch.float64), normal(6, 3)
    for beta in (5.0, 20.0):
        one, two = beta * means[:2].sum(0, keepdim=True), beta * means[:2]
        for variance in (
            lambda q: noisy_keys.variance_of_small_noise(q, means, V, 1e-4),
            lambda q: noisy_keys.moments_of_uncertain_length(q, means, V, 0)[1],
        ):
            assert variance(two) < 0.2 * variance(one)


def test_long_queries_approach_the_limits() -> None:
    means, V = torch.eye(6, dtype=torch.float64), normal(6, 3)
    queries = (3000 * means[:2].sum(0, keepdim=True), 3000 * means[:2])
    limits = noisy_keys.limits_of_uncertain_length(V, 0, 1)
    for query, (mean_limit, limit) in zip(queries, limits, strict=True):
        mean, ours = noisy_keys.moments_of_uncertain_length(query, means, V, 0, points=20_001)
        assert ours == pytest.approx(limit, rel=0.01)
        torch.testing.assert_close(mean, mean_limit, rtol=0, atol=0.005)
