"""What output layers cost, against torch's modules and a count of operations."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hf_lmcourse.layers.adaptive_softmax import AdaptiveOutput
from hf_lmcourse.theory import softmax_cost as costs


@pytest.mark.parametrize(
    ("cutoffs", "div_value"), [([4], 4.0), ([4, 8], 4.0), ([2, 5, 9], 2.0), ([3, 9], 3.0)]
)
def test_adaptive_costs_are_those_of_the_module(cutoffs: list[int], div_value: float) -> None:
    D, V, B = 18, 15, 12
    torch.manual_seed(0)
    layer = AdaptiveOutput(D, V, cutoffs, div_value)
    targets = torch.randint(V, (B,))
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        layer.softmax(torch.randn(B, D), targets)
    ends = [*cutoffs[1:], V]
    shares = [
        ((targets >= a) & (targets < b)).double().mean().item()
        for a, b in zip(cutoffs, ends, strict=True)
    ]
    ours = costs.adaptive_multiply_adds(D, V, cutoffs, shares, div_value)
    assert ours == pytest.approx(counter.get_total_flops() / 2 / B)
    parameters = sum(parameter.numel() for parameter in layer.parameters())
    assert costs.adaptive_parameters(D, V, cutoffs, div_value) == parameters


@pytest.mark.parametrize("direct", [False, True])
def test_the_feed_forward_costs_are_its_matrix_sizes(direct: bool) -> None:
    hidden, output = costs.feed_forward_multiply_adds(50, 3, 4, 7, direct)
    assert hidden == torch.nn.Linear(3 * 4, 7).weight.numel()
    matrices = [torch.nn.Linear(7, 50), *([torch.nn.Linear(3 * 4, 50)] if direct else [])]
    assert output == sum(matrix.weight.numel() for matrix in matrices)
    assert costs.full_multiply_adds(7, 50) == matrices[0].weight.numel()


def test_the_words_to_be_scored_by_counting_all_cases() -> None:
    pi = torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64)
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    # two targets; a word is left out if it is not drawn and neither target is it
    expected = 1 + (1 - 0.5 * 0.7**2) + (1 - 0.75 * 0.8**2)
    assert costs.expected_words(pi, p, 2) == pytest.approx(expected)


def test_the_whole_vocabulary_drawn_is_the_whole_vocabulary_scored() -> None:
    everything = torch.ones(9, dtype=torch.float64)
    assert costs.expected_words(everything, everything / 9, 4) == 9
