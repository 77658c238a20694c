"""Attention from the equations equals the kernel and torch.nn.MultiheadAttention."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from hf_lmcourse.layers.attention import MultiHeadAttention, attend

TOLERANCES = {torch.float32: 1e-6, torch.float64: 1e-12}


def random_layer(dtype: torch.dtype, heads: int = 4, bias: bool = True) -> MultiHeadAttention:
    torch.manual_seed(0)
    layer = MultiHeadAttention(12, heads, bias=bias).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=0.5)
    return layer


def library_layer(layer: MultiHeadAttention) -> nn.MultiheadAttention:
    """`torch.nn.MultiheadAttention` with the same weights."""
    bias = layer.qkv_proj.bias is not None
    dtype = layer.qkv_proj.weight.dtype
    library = nn.MultiheadAttention(12, layer.num_heads, bias=bias, batch_first=True).to(dtype)
    with torch.no_grad():
        library.in_proj_weight.copy_(layer.qkv_proj.weight)
        library.out_proj.weight.copy_(layer.o_proj.weight)
        if bias:
            library.in_proj_bias.copy_(layer.qkv_proj.bias)
            library.out_proj.bias.copy_(layer.o_proj.bias)
    return library


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual - expected).norm() / expected.norm()).item()


def values_and_gradients(module: nn.Module, x: Tensor, output: Tensor) -> list[Tensor]:
    slopes = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).to(output)
    inputs = [x, *module.parameters()]
    return [output, *torch.autograd.grad((output * slopes).sum(), inputs)]


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("heads", [1, 3, 4])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_it_equals_torchs_module_in_values_and_gradients(
    dtype: torch.dtype, heads: int, bias: bool, need_weights: bool
) -> None:
    layer = random_layer(dtype, heads, bias)
    library = library_layer(layer)
    x = torch.randn(3, 9, 12, dtype=dtype, requires_grad=True)
    after = torch.ones(9, 9, dtype=torch.bool).triu(1)  # there true means "may not look"
    expected, expected_weights = library(
        x, x, x, attn_mask=after, need_weights=True, average_attn_weights=False
    )
    output, weights = layer(x, need_weights=need_weights)
    ours = values_and_gradients(layer, x, output)
    theirs = values_and_gradients(library, x, expected)
    names = ["qkv_proj.weight", *(["qkv_proj.bias"] if bias else []), "o_proj.weight"]
    assert [name for name, _ in layer.named_parameters()][: len(names)] == names
    for actual, wanted in zip(ours, theirs, strict=True):
        assert relative_error(actual, wanted) < TOLERANCES[dtype]
    assert (weights is not None) == need_weights
    if weights is not None:
        assert relative_error(weights, expected_weights) < TOLERANCES[dtype]


@settings(max_examples=20, deadline=None)
@given(
    batch=st.integers(1, 3),
    length=st.integers(1, 9),
    heads=st.sampled_from([1, 2, 6]),
    masked=st.booleans(),
)
def test_both_paths_are_equal_and_weights_are_distributions(
    batch: int, length: int, heads: int, masked: bool
) -> None:
    layer = random_layer(torch.float64, heads)
    x = torch.randn(batch, length, 12, dtype=torch.float64)
    mask = None
    if masked:
        mask = (torch.rand(batch, 1, length, length) < 0.5) | torch.eye(length, dtype=torch.bool)
    fast, none = layer(x, mask)
    slow, weights = layer(x, mask, need_weights=True)
    assert none is None
    torch.testing.assert_close(slow, fast, rtol=1e-12, atol=1e-12)
    assert weights.shape == (batch, heads, length, length)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert not weights.triu(1).any()
    if mask is not None:
        assert not weights.masked_select(~mask).any()


def test_the_definition_element_by_element() -> None:
    layer = random_layer(torch.float64, heads=3)
    x = torch.randn(1, 4, 12, dtype=torch.float64)
    Q, K, V = (part.view(4, 3, 4) for part in layer.qkv_proj(x[0]).detach().chunk(3, dim=-1))
    heads = torch.zeros(4, 3, 4, dtype=torch.float64)
    for t in range(4):
        for i in range(3):
            scores = [math.exp(float(Q[t, i] @ K[s, i]) / math.sqrt(12 / 3)) for s in range(t + 1)]
            for s, score in enumerate(scores):
                heads[t, i] += score / sum(scores) * V[s, i]
    expected = layer.o_proj(heads.flatten(1))
    torch.testing.assert_close(layer(x)[0][0], expected, rtol=1e-12, atol=1e-12)


def test_an_attention_that_is_not_causal_sees_everything() -> None:
    layer = MultiHeadAttention(12, 2, causal=False)
    _, weights = layer(torch.randn(1, 5, 12), need_weights=True)
    assert (weights > 0).all()
    fast, _ = layer(x := torch.randn(1, 5, 12))
    torch.testing.assert_close(layer(x, need_weights=True)[0], fast)


def test_numbers_in_a_mask_are_added_to_the_scores() -> None:
    Q, K, V = torch.randn(3, 2, 5, 4, dtype=torch.float64)
    allowed = torch.rand(5, 5) < 0.5
    allowed |= torch.eye(5, dtype=torch.bool)
    bias = torch.zeros(5, 5, dtype=torch.float64).masked_fill(~allowed, -math.inf)
    torch.testing.assert_close(attend(Q, K, V, bias), attend(Q, K, V, allowed))


def test_a_row_that_may_look_nowhere_stays_finite() -> None:
    Q, K, V = torch.randn(3, 2, 5, 4)
    output, _ = attend(Q, K, V, torch.zeros(5, 5, dtype=torch.bool))
    assert output.isfinite().all()


@pytest.mark.parametrize("need_weights", [True, False])
def test_weights_are_dropped_in_training_only(need_weights: bool) -> None:
    layer = MultiHeadAttention(12, 2, dropout=0.5)
    x = torch.randn(2, 6, 12)
    first, second = (layer(x, need_weights=need_weights)[0] for _ in range(2))
    assert not torch.equal(first, second)
    layer.eval()
    first, second = (layer(x, need_weights=need_weights)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_the_scale_keeps_the_variance_of_the_scores_at_one() -> None:
    torch.manual_seed(0)
    for size in (4, 64, 256):
        Q, K = torch.randn(2, 200, size)
        scores = Q @ K.t() * MultiHeadAttention(size, 1).scaling
        assert scores.var().item() == pytest.approx(1, rel=0.15)


def test_the_bias_of_the_keys_has_no_gradient_and_no_effect() -> None:
    layer, x = random_layer(torch.float64), torch.randn(2, 6, 12, dtype=torch.float64)
    output, _ = layer(x)
    slopes = torch.randn(output.shape, dtype=torch.float64)
    (grad,) = torch.autograd.grad((output * slopes).sum(), layer.qkv_proj.bias)
    of_queries, of_keys, of_values = grad.chunk(3)
    assert of_keys.abs().max() < 1e-12
    assert min(of_queries.abs().max(), of_values.abs().max()) > 1e-3
    with torch.no_grad():
        layer.qkv_proj.bias[12:24] += 5
    torch.testing.assert_close(layer(x)[0], output)


def test_heads_must_divide_the_size() -> None:
    with pytest.raises(ValueError, match="hidden_size 10 is not a multiple of 3"):
        MultiHeadAttention(10, 3)
