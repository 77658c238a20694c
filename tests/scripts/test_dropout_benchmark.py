"""The benchmark of dropout compares ways that compute the same."""

import pytest
import torch
from torch.nn import functional

from benchmarks import dropout
from hf_lmcourse.layers.dropout import drop


@pytest.mark.parametrize("name", dropout.SHAPES)
def test_every_way_has_the_same_values_and_gradients(name: str) -> None:
    shape, dtype = dropout.SHAPES[name]
    x = torch.randn(shape).to(dtype).requires_grad_()
    results = []
    for way in (drop, functional.dropout, dropout._uncompiled):
        torch.manual_seed(4)
        results.append(dropout.dropout_step(way, x))
    for of_way in results[1:]:
        for found, expected in zip(of_way, results[0], strict=True):
            assert torch.equal(found, expected)


def test_a_row_for_everything_that_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropout, "SHAPES", {"few": ((3, 4), torch.float32)})
    (row,) = dropout.dropout(1)
    assert row.name == "dropout, few" and len(row.seconds) == 3
