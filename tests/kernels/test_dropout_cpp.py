"""Dropout in C++ has the bits of torch's: values, gradients and the generator afterwards."""

import math
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from hf_lmcourse.kernels import build, dropout_cpp
from hf_lmcourse.kernels.dropout_cpp import CompiledDropout, can_drop
from hf_lmcourse.layers.dropout import drop

from .threads import num_threads

pytestmark = pytest.mark.skipif(
    build.kernel("dropout_kernel") is None, reason="there is no C++ compiler"
)

WORDS = 624
BITS = {torch.float32: torch.int32, torch.bfloat16: torch.int16}
dtypes = st.sampled_from(list(BITS))


@pytest.fixture(autouse=True, scope="module")
def few_entries_are_enough() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dropout_cpp, "_LEAST_ENTRIES", 0)
        yield


@pytest.fixture(autouse=True)
def same_generator_afterwards() -> Iterator[None]:
    with torch.random.fork_rng():
        yield


def outcome(
    dropout: Callable[[Tensor, float], Tensor], x: Tensor, p: float, words_drawn: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The result, its gradient for a gradient that differs from entry to entry, and the state."""
    torch.manual_seed(7)
    torch.rand(words_drawn)
    leaf = x.detach().requires_grad_()
    y = dropout(leaf, p)
    state = torch.get_rng_state()
    weights = torch.arange(1, y.numel() + 1).view(y.shape).to(x.dtype)
    (grad,) = torch.autograd.grad(y, leaf, weights)
    return y.detach(), grad, state


def assert_same_bits(found: Tensor, expected: Tensor) -> None:
    """Zeros of either sign, infinities and subnormal numbers included; any NaN equals any."""
    numbers = ~expected.isnan()
    assert torch.equal(found.isnan(), ~numbers)
    bits = BITS[expected.dtype]
    assert torch.equal(found[numbers].view(bits), expected[numbers].view(bits))


def assert_as_torch(x: Tensor, p: float, words_drawn: int = 0) -> None:
    assert can_drop(x)
    results = [outcome(f, x, p, words_drawn) for f in (CompiledDropout.apply, functional.dropout)]
    (y, grad, state), (expected_y, expected_grad, expected_state) = results
    assert y.stride() == expected_y.stride()
    assert_same_bits(y, expected_y)
    assert_same_bits(grad, expected_grad)
    assert torch.equal(state, expected_state)


@given(
    size=st.integers(1, 3 * WORDS),
    words_drawn=st.integers(0, 2 * WORDS),
    p=st.floats(0, 1, exclude_min=True, exclude_max=True),
    dtype=dtypes,
)
@example(1, 0, 0.5, torch.float32)
@example(311, 0, 0.5, torch.float32)
@example(312, 1, 0.5, torch.bfloat16)
@example(623, WORDS - 1, 0.5, torch.float32)
@example(1249, WORDS, 1e-300, torch.bfloat16)
@example(1249, WORDS + 1, 1 - 2**-53, torch.float32)
@settings(deadline=None, max_examples=40)
def test_any_number_of_entries_from_any_state(
    size: int, words_drawn: int, p: float, dtype: torch.dtype
) -> None:
    x = torch.linspace(-3, 3, size).to(dtype)
    assert_as_torch(x, p, words_drawn)


@pytest.mark.parametrize("dtype", BITS, ids=str)
def test_infinite_and_subnormal_numbers_and_what_is_none(dtype: torch.dtype) -> None:
    about = torch.finfo(dtype)
    values = [math.inf, -math.inf, math.nan, -0.0, about.max, -about.max, about.tiny / 4]
    x = torch.tensor(values, dtype=dtype).repeat(200)
    assert_as_torch(x, 0.4)
    assert drop(x, 0.4).isnan().sum() > 200  # infinity times 0


@pytest.mark.parametrize("dtype", BITS, ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_many_entries(dtype: torch.dtype, threads: int) -> None:
    with num_threads(threads):
        assert_as_torch(torch.randn(300, 401).to(dtype), 0.45, words_drawn=5)


@pytest.mark.parametrize(
    "x",
    [
        torch.randn(30, 40).t(),
        torch.randn(5, 6, 7).permute(2, 0, 1),
        torch.randn(30, 40)[:, ::3],
        torch.randn(30, 1).expand(30, 40),
        torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.randn(()),
        torch.randn(3, 0),
    ],
    ids=lambda x: f"{tuple(x.shape)} {x.stride()}",
)
def test_any_layout_in_memory(x: Tensor) -> None:
    assert_as_torch(x, 0.3)


def test_the_gradient_of_the_gradient_has_the_same_mask() -> None:
    results = []
    for dropout in (CompiledDropout.apply, functional.dropout):
        torch.manual_seed(3)
        x = torch.linspace(-1, 1, 999).requires_grad_()
        (first,) = torch.autograd.grad(dropout(x**3, 0.4).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad((first**2).sum(), x)
        results.append((first.detach(), second))
    for found, expected in zip(*results, strict=True):
        assert torch.equal(found, expected)


def replace_position(state: Tensor, left: int, following: int) -> Tensor:
    position = torch.frombuffer(
        bytearray(struct.pack("=iiQ", left, 1, following)), dtype=torch.uint8
    )
    return torch.cat([state[:8], position, state[24:]])


@pytest.mark.parametrize(
    "changed",
    [
        lambda state: replace_position(state, 600, 500),  # beyond the words there are
        lambda state: replace_position(state, 0, 625),
        lambda state: state[:-8],
        lambda state: torch.cat([state, state[-8:]]),
    ],
    ids=["beyond the end", "none left", "shorter", "longer"],
)
def test_a_state_of_another_form_is_not_read(
    changed: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.ones(9)
    state = changed(torch.get_rng_state())
    assert can_drop(x)
    monkeypatch.setattr(torch, "get_rng_state", lambda: state)
    assert not can_drop(x)


def test_a_generator_that_draws_otherwise_is_left_to_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropout_cpp._draws_as_torch.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(Tensor, "bernoulli_", lambda x, *_, generator: x.zero_())
        assert not can_drop(torch.ones(9))
    dropout_cpp._draws_as_torch.cache_clear()
    assert can_drop(torch.ones(9))


def test_threads_draw_numbers_of_their_own() -> None:
    x = torch.ones(50_000)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: drop(x, 0.5), range(40)))
    assert len({tuple(result[:200].tolist()) for result in results}) == len(results)


def test_gradients_that_a_mode_counts() -> None:
    x = torch.ones(500, requires_grad=True)
    y = drop(x, 0.5)
    with FlopCounterMode(display=False):
        y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_each_of_a_mapped_batch_has_a_mask_of_its_own() -> None:
    x = torch.ones(3, 500)
    mapped = torch.func.vmap(lambda row: drop(row, 0.5), randomness="different")(x)
    assert not torch.equal(mapped[0], mapped[1])


def test_a_transformed_function_has_its_gradient() -> None:
    gradient = torch.func.grad(lambda row: drop(row, 0.5).sum())(torch.ones(500))
    assert gradient.unique().tolist() == [0, 2]


def test_a_recorded_graph_draws_anew() -> None:
    x = torch.ones(500)
    graph = make_fx(lambda x: drop(x, 0.5))(x)
    assert not torch.equal(graph(x), graph(x))


def test_forward_derivatives_go_through() -> None:
    with forward_ad.dual_level():
        tangent = torch.arange(500.0)
        y, of_y = forward_ad.unpack_dual(drop(forward_ad.make_dual(torch.ones(500), tangent), 0.5))
        assert torch.equal(of_y, y * tangent)


def test_forward_derivatives_of_the_gradient_go_through() -> None:
    x = torch.ones(500, requires_grad=True)
    with forward_ad.dual_level():
        weights, tangent = torch.ones(500), torch.arange(500.0)
        y = drop(x, 0.5)
        (grad,) = torch.autograd.grad((y * forward_ad.make_dual(weights, tangent)).sum(), x)
        assert torch.equal(forward_ad.unpack_dual(grad).tangent, y.detach() * tangent)


def test_gradients_of_a_batch_at_once() -> None:
    x = torch.ones(300, requires_grad=True)
    y = drop(x, 0.5)
    (rows,) = torch.autograd.grad(y, x, torch.eye(300), is_grads_batched=True)
    assert torch.equal(rows, torch.diag(y.detach()))


def test_a_view_of_negatives_is_negative() -> None:
    x = torch._neg_view(torch.ones(400))
    y = drop(x, 0.5)
    assert y.unique().tolist() == [-2, 0]


def test_few_entries_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropout_cpp, "_LEAST_ENTRIES", 10)
    assert can_drop(torch.ones(10)) and not can_drop(torch.ones(9))
    assert not can_drop(torch.ones(10, dtype=torch.float64))


def test_the_default_type_and_device_of_new_tensors_change_nothing() -> None:
    x = torch.ones(9)
    dropout_cpp._draws_as_torch.cache_clear()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            assert can_drop(x)
            assert drop(x, 0.5).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
