"""The position-wise network computes its equations."""

import pytest
import torch
from torch.nn import functional

from hf_lmcourse.layers.feed_forward import FeedForward


@pytest.mark.parametrize("bias", [True, False])
def test_swiglu_is_gated_by_silu(bias: bool) -> None:
    layer = FeedForward(4, 6, "swiglu", bias).double()
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    gate = layer.gate_proj(x)
    expected = layer.down_proj(gate * torch.sigmoid(gate) * layer.up_proj(x))
    torch.testing.assert_close(layer(x), expected)
    assert (layer.up_proj.bias is not None) == bias


@pytest.mark.parametrize("name", ["gelu", "relu"])
def test_the_plain_network_has_one_nonlinearity(name: str) -> None:
    layer = FeedForward(4, 6, name)
    x = torch.randn(2, 3, 4)
    expected = layer.down_proj(getattr(functional, name)(layer.up_proj(x)))
    torch.testing.assert_close(layer(x), expected)
    assert not hasattr(layer, "gate_proj")
