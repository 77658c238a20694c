"""Clipping takes sparse gradients for what they are."""

import copy

import pytest
import torch
from torch import nn

from hf_lmcourse.training.sparse_gradients import clip_gradients


def model_with_gradients(sparse: bool) -> nn.ModuleList:
    torch.manual_seed(0)
    embedding, linear = nn.Embedding(6, 3, sparse=sparse), nn.Linear(3, 1)
    for ids in ([0, 2, 2], [2, 5, 0]):  # twice: rows occur more than once
        linear(embedding(torch.tensor(ids))).square().sum().backward()
    return nn.ModuleList([embedding, linear])


@pytest.mark.parametrize("max_norm", [1e-3, 1e3, float("inf")])
def test_clipping_equals_that_of_dense_gradients(max_norm: float) -> None:
    dense, sparse = model_with_gradients(False), model_with_gradients(True)
    expected = nn.utils.clip_grad_norm_(copy.copy(dense).parameters(), max_norm)
    torch.testing.assert_close(clip_gradients(sparse, max_norm), expected)
    for ours, theirs in zip(sparse.parameters(), dense.parameters(), strict=True):
        assert ours.grad is not None and theirs.grad is not None
        torch.testing.assert_close(ours.grad.to_dense(), theirs.grad, rtol=1e-4, atol=1e-7)


def test_a_norm_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="max_norm must be above 0"):
        clip_gradients(model_with_gradients(True), 0.0)
