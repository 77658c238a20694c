"""Both directions of a bigram model agree, for any texts."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse.theory.bigram_factorisation import (
    left_to_right,
    pair_probabilities,
    right_to_left,
)

from .draws import assert_same


@settings(max_examples=50, deadline=None)
@given(
    text=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    scored=st.lists(st.integers(0, 5), min_size=1, max_size=10),
    added=st.floats(0.001, 10),
)
def test_both_directions_agree(text: list[int], scored: list[int], added: float) -> None:
    pairs = pair_probabilities(torch.tensor(text), 6, added)  # word 5 does not occur
    assert_same(pairs.sum().item(), 1.0)
    assert_same(pairs.sum(0), pairs.sum(1))
    words = torch.tensor(scored)
    assert_same(left_to_right(pairs, words), right_to_left(pairs, words))


def test_a_small_text_by_hand() -> None:
    pairs = pair_probabilities(torch.tensor([0, 1, 0, 0]), 2)  # the ring 0 1 0 0 (0)
    assert_same(pairs, torch.tensor([[0.5, 0.25], [0.25, 0.0]], dtype=torch.float64))
    scored = torch.tensor([0, 1, 0])
    by_hand = math.log(3 / 4 * 1 / 3 * 1)  # p(0) p(1|0) p(0|1)
    assert left_to_right(pairs, scored).item() == pytest.approx(by_hand)


def test_inconsistent_marginals_tell_the_directions_apart() -> None:
    pairs = torch.tensor([[0.1, 0.6], [0.2, 0.1]], dtype=torch.float64)
    scored = torch.tensor([0, 1, 1])
    assert left_to_right(pairs, scored).item() == pytest.approx(math.log(0.6 * 0.1 / 0.3))
    assert right_to_left(pairs, scored).item() == pytest.approx(math.log(0.6 * 0.1 / 0.7))
