"""The convolution over time equals the sum over the window, position by position."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hf_lmcourse.layers.elman import ACTIVATIONS
from hf_lmcourse.layers.ngram import NGramLayer, ResidualLayer, ngram_hidden

EXACT = {"rtol": 1e-10, "atol": 1e-10}
SIZE, HIDDEN = 3, 5


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def layer(context_size: int, activation: str = "tanh") -> NGramLayer:
    torch.manual_seed(0)
    return NGramLayer(SIZE, HIDDEN, context_size, activation).double()


def with_zeros_before(x: Tensor, context_size: int) -> Tensor:
    return torch.nn.functional.pad(x, (0, 0, context_size - 1, 0))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("context_size", [1, 2, 4])
@pytest.mark.parametrize("length", [1, 6])
def test_the_convolution_equals_the_equation_in_values_and_gradients(
    activation: str, context_size: int, length: int
) -> None:
    model, x = layer(context_size, activation), draw(2, length, SIZE)
    leaves = [x, *model.parameters()]
    H, d = model.projection.weight, model.projection.bias
    assert d is not None
    expected = ngram_hidden(with_zeros_before(x, context_size), H, d, activation)
    slopes = draw(*expected.shape, seed=1).detach()
    torch.testing.assert_close(model(x), expected, **EXACT)
    torch.testing.assert_close(
        torch.autograd.grad((model(x) * slopes).sum(), leaves),
        torch.autograd.grad((expected * slopes).sum(), leaves),
        **EXACT,
    )


def test_the_product_and_the_convolution_have_the_same_values_and_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, x = layer(4), draw(2, 7, SIZE)
    leaves = [x, *model.parameters()]
    assert model.is_product(x)
    with torch.no_grad():
        assert not model.is_product(x)
    results = []
    for is_product in (True, False):
        monkeypatch.setattr(model, "is_product", lambda _, kept=is_product: kept)
        h = model(x)
        results.append((h, torch.autograd.grad(h.square().sum(), leaves)))
    torch.testing.assert_close(*results, **EXACT)


def test_the_gradient_is_the_numerical_one() -> None:
    model = layer(3)
    assert torch.autograd.gradcheck(model, (draw(2, 4, SIZE),))


@given(context_size=st.integers(1, 4), length=st.integers(1, 6), cut=st.integers(0, 6))
@settings(max_examples=25, deadline=None)
def test_windows_hold_the_newest_words_first(context_size: int, length: int, cut: int) -> None:
    model, x = layer(context_size), draw(2, length, SIZE).detach()
    windows = model.windows(x).view(2, length, context_size, SIZE)
    for t in range(length):
        for k in range(context_size):
            expected = x[:, t - k] if t >= k else torch.zeros(2, SIZE, dtype=x.dtype)
            assert torch.equal(windows[:, t, k], expected)


@given(context_size=st.integers(1, 5), cut=st.integers(1, 6), every_step=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_sequence_in_two_pieces_equals_one(context_size: int, cut: int, every_step: bool) -> None:
    model, x = layer(context_size), draw(2, 7, SIZE)
    states = model.states(x[:, :cut], every_step=every_step)
    assert states.shape == (2, cut if every_step else 1, (context_size - 1) * SIZE)
    pieces = [model(x[:, :cut]), model(x[:, cut:], states[:, -1])]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(x), **EXACT)


@given(
    context_size=st.integers(1, 4),
    mask=st.lists(st.booleans(), min_size=7, max_size=7),
    with_state=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_masked_words_are_passed_over(
    context_size: int, mask: list[bool], with_state: bool
) -> None:
    model, x, real = layer(context_size), draw(1, 7, SIZE), torch.tensor(mask)
    state = draw(1, (context_size - 1) * SIZE, seed=1) if with_state else None
    alone, masked = x[:, real], real[None]
    if alone.shape[1]:
        for method in (model, model.windows):
            actual = method(x, state, masked)[:, real]
            torch.testing.assert_close(actual, method(alone, state), **EXACT)
    after = model.states(x, state, masked, every_step=True)
    before = torch.zeros_like(after[:, 0]) if state is None else state
    for t in range(7):
        seen = x[:, : t + 1][:, real[: t + 1]]
        expected = model.states(seen, state)[:, -1] if seen.shape[1] else before
        torch.testing.assert_close(after[:, t], expected, **EXACT)
    assert torch.equal(model.states(x, state, masked)[:, 0], after[:, -1])


@pytest.mark.parametrize("residual", [True, False])
def test_a_further_layer_follows_its_equation(residual: bool) -> None:
    torch.manual_seed(0)
    model, x = ResidualLayer(HIDDEN, "tanh", residual).double(), draw(2, 3, HIDDEN)
    W, b = model.projection.weight, model.projection.bias
    normal = (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    expected = x + torch.tanh(normal @ W.t() + b) if residual else torch.tanh(x @ W.t() + b)
    torch.testing.assert_close(model(x), expected, **EXACT)


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ValueError, match="'gelu' is none of .*'tanh'"):
        NGramLayer(SIZE, HIDDEN, 2, "gelu")
