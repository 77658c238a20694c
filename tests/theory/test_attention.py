"""What attention can do, for any number of keys."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse.theory import attention

from .draws import assert_same, normal


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 8), scale=st.floats(0, 50))
def test_the_weights_are_a_distribution(n: int, scale: float) -> None:
    a = attention.attention_weights(scale * normal(4), normal(n, 4, seed=1))
    assert bool((a >= 0).all())
    assert_same(a.sum().item(), 1.0)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 8), beta=st.floats(0, 30), data=st.data())
def test_an_aligned_query_gives_the_weights_of_the_formula(
    n: int, beta: float, data: st.DataObject
) -> None:
    m = data.draw(st.integers(1, n))
    K = torch.linalg.qr(normal(9, n)).Q.t()
    a = attention.attention_weights(attention.aligned_query(K, list(range(m)), beta), K)
    assert_same(a[:m], torch.full_like(a[:m], attention.aligned_weight(beta, n, m)))


def test_a_long_aligned_query_copies_and_averages() -> None:
    K, V = torch.linalg.qr(normal(9, 6)).Q.t(), normal(6, 3, seed=1)
    for chosen in ([4], [0, 3]):
        c = attention.attend(attention.aligned_query(K, chosen, 40.0), K, V)
        assert_same(c, V[chosen].mean(0))


def test_the_projection_leaves_its_space_alone_and_empties_the_other() -> None:
    basis = torch.linalg.qr(normal(7, 5)).Q
    A, B = basis[:, :2], basis[:, 2:]
    M = attention.projection(A)
    assert_same(M @ A, A)
    assert_same(M @ B, torch.zeros_like(B))
    assert_same(M @ M, M)


def test_a_basis_that_is_not_orthonormal_is_refused() -> None:
    with pytest.raises(ValueError, match="QR decomposition"):
        attention.projection(normal(7, 2))
