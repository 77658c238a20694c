"""Perplexity in any base is the geometric mean of the inverse probabilities."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse.theory.perplexity import cross_entropy, perplexity


@given(
    values=st.lists(st.floats(1e-6, 1), min_size=1, max_size=20),
    base=st.one_of(st.floats(0.01, 0.9), st.floats(1.1, 100)),
)
def test_the_base_does_not_matter(values: list[float], base: float) -> None:
    probabilities = torch.tensor(values, dtype=torch.float64)
    expected = math.prod(1 / value for value in values) ** (1 / len(values))
    assert perplexity(probabilities, base).item() == pytest.approx(expected, rel=1e-9)


def test_bits_and_nats_differ_by_the_logarithm_of_two() -> None:
    probabilities = torch.tensor([0.5, 0.25, 0.125], dtype=torch.float64)
    assert cross_entropy(probabilities, 2).item() == pytest.approx(2)
    assert cross_entropy(probabilities).item() == pytest.approx(2 * math.log(2))
