"""Sparse patterns are what their papers say; sparse computations equal masked dense ones."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hf_lmcourse.layers.attention import attend
from hf_lmcourse.layers.sparse_attention import (
    Pattern,
    attend_at_distances,
    attend_in_strides,
    attend_locally,
    causal,
    local_window,
    log_sparse,
    log_sparse_distances,
    strided,
)

PATTERNS: dict[str, Pattern] = {
    "causal": causal,
    "local": local_window(3),
    "strided": strided(4),
    "log_sparse": log_sparse,
}
LAST_ROW_OF_12 = {
    "causal": set(range(12)),
    "local": {9, 10, 11},
    "strided": {7, 8, 9, 10, 11, 3},
    "log_sparse": {11, 10, 9, 7, 3},
}


def mask_of(pattern: Pattern, length: int) -> Tensor:
    position = torch.arange(length)
    return pattern(position[:, None], position[None, :])


@pytest.mark.parametrize("name", PATTERNS)
def test_a_row_is_the_set_of_the_paper(name: str) -> None:
    row = mask_of(PATTERNS[name], 12)[11]
    assert set(row.nonzero().flatten().tolist()) == LAST_ROW_OF_12[name]


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("length", [1, 2, 17])
def test_a_position_sees_itself_and_nothing_later_wherever_it_is(name: str, length: int) -> None:
    mask = mask_of(PATTERNS[name], length)
    assert mask.diagonal().all()
    assert not mask.triu(1).any()
    position = torch.arange(100, 100 + length)
    assert torch.equal(PATTERNS[name](position[:, None], position[None, :]), mask)


@pytest.mark.parametrize(("name", "layers"), [("log_sparse", 5), ("strided", 2), ("local", 16)])
def test_enough_layers_connect_every_two_positions(name: str, layers: int) -> None:
    pattern = strided(6) if name == "strided" else PATTERNS[name]
    step = mask_of(pattern, 32).double()
    assert (torch.matrix_power(step, layers).tril() > 0).sum() == 32 * 33 / 2
    assert (torch.matrix_power(step, layers - 1).tril() > 0).sum() < 32 * 33 / 2


@pytest.mark.parametrize("length", [1, 2, 4, 5, 16, 33])
def test_the_distances_are_those_of_the_mask(length: int) -> None:
    seen = mask_of(log_sparse, length)[-1].nonzero().flatten()
    assert log_sparse_distances(length) == (length - 1 - seen).flip(0).tolist()


def values_and_gradients(output: Tensor, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    slopes = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).double()
    return [output, *torch.autograd.grad((output * slopes).sum(), inputs)]


@pytest.mark.parametrize(
    ("pattern", "attend_sparsely"),
    [(local_window, attend_locally), (strided, attend_in_strides)],
    ids=["local", "strided"],
)
@settings(max_examples=40, deadline=None)
@given(length=st.integers(1, 40), window=st.integers(1, 8), batch=st.integers(1, 2))
def test_block_by_block_equals_a_masked_softmax(
    pattern: Callable[[int], Pattern],
    attend_sparsely: Callable[..., Tensor],
    length: int,
    window: int,
    batch: int,
) -> None:
    inputs = torch.randn(3, batch, 2, length, 4, dtype=torch.float64, requires_grad=True).unbind()
    dense, _ = attend(*inputs, mask_of(pattern(window), length))
    sparse = attend_sparsely(*inputs, window)
    torch.testing.assert_close(
        values_and_gradients(sparse, inputs), values_and_gradients(dense, inputs)
    )


@settings(max_examples=20, deadline=None)
@given(length=st.integers(1, 20), batch=st.integers(1, 2))
def test_distance_by_distance_equals_a_masked_softmax(length: int, batch: int) -> None:
    inputs = torch.randn(3, batch, 2, length, 4, dtype=torch.float64, requires_grad=True).unbind()
    dense, _ = attend(*inputs, mask_of(log_sparse, length))
    sparse = attend_at_distances(*inputs, log_sparse_distances(length))
    torch.testing.assert_close(
        values_and_gradients(sparse, inputs), values_and_gradients(dense, inputs)
    )


def test_sparse_computations_drop_weights_too() -> None:
    inputs = torch.randn(3, 1, 2, 8, 4).unbind()
    for once, twice in (
        [attend_locally(*inputs, 2, dropout=0.5) for _ in range(2)],
        [attend_in_strides(*inputs, 2, dropout=0.5) for _ in range(2)],
        [attend_at_distances(*inputs, [0, 1, 2, 4], dropout=0.5) for _ in range(2)],
    ):
        assert not torch.equal(once, twice)
