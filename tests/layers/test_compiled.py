"""The compiled LSTM equals the one in torch, and is done without where it cannot be compiled."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hf_lmcourse.layers import LSTMLayer, compiled
from hf_lmcourse.layers.compiled_lstm import CompiledLSTMSequence, can_compile
from hf_lmcourse.layers.lstm import LSTMSequence

from .threads import num_threads

needs_compiler = pytest.mark.skipif(
    compiled.kernel("lstm_kernel") is None, reason="there is no C++ compiler"
)


@pytest.fixture
def no_kernel_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has not asked for a kernel, with an empty cache folder."""
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path))
    compiled.kernel.cache_clear()
    yield
    compiled.kernel.cache_clear()


def draw(length: int, batch: int, size: int, scale: float = 1.0) -> list[Tensor]:
    """Projected input, h, c and U, so small that rounding errors do not grow from step to step."""
    generator = torch.Generator().manual_seed(length + 100 * batch + 10_000 * size)
    shapes = (length, batch, 4 * size), (batch, size), (batch, size), (4 * size, size)
    *inputs, U = (scale * torch.randn(*shape, generator=generator) for shape in shapes)
    return [*inputs, U / math.sqrt(size)]


def run_compiled(*arguments: Tensor | None) -> tuple[Tensor, Tensor]:
    return CompiledLSTMSequence.apply(*arguments, True)


def outcome(
    run: Callable[..., tuple[Tensor, Tensor]],
    tensors: list[Tensor],
    mask: Tensor | None,
    parts: tuple[bool, bool],
) -> list[Tensor]:
    """The states, and the gradients of a sum in which every entry weighs something else."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    history = run(*leaves, mask)
    total = torch.zeros((), dtype=leaves[0].dtype)
    for component, counts in zip(history, parts, strict=True):
        if counts:
            weights = torch.linspace(-1, 2, component.numel(), dtype=total.dtype)
            total = total + (component * weights.view_as(component)).sum()
    return [*history, *torch.autograd.grad(total, leaves)]


@needs_compiler
@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 6),
    batch=st.integers(1, 14),
    size=st.integers(1, 150),
    masked=st.booleans(),
    parts=st.sampled_from([(True, True), (True, False), (False, True)]),
    threads=st.integers(1, 3),
)
def test_values_and_gradients_are_those_of_the_sequence_in_float64(
    length: int, batch: int, size: int, masked: bool, parts: tuple[bool, bool], threads: int
) -> None:
    tensors = draw(length, batch, size)
    generator = torch.Generator().manual_seed(size)
    mask = torch.rand(length, batch, 1, generator=generator) < 0.7 if masked else None
    with num_threads(threads):
        found = outcome(run_compiled, tensors, mask, parts)
    expected = outcome(LSTMSequence.apply, [tensor.double() for tensor in tensors], mask, parts)
    for actual, reference in zip(found, expected, strict=True):
        scale = reference.norm().clamp(min=1e-3)
        assert (actual.double() - reference).norm() / scale < 1e-5


@needs_compiler
@settings(max_examples=20, deadline=None)
@given(batch=st.integers(1, 9), size=st.integers(1, 40).map(lambda n: 2 * n), masked=st.booleans())
def test_bfloat16_is_nearer_to_float64_than_the_sequence_in_torch(
    batch: int, size: int, masked: bool
) -> None:
    if not hasattr(compiled.kernel("lstm_kernel"), "lstm_forward_bfloat16"):
        pytest.skip("this processor does not multiply bfloat16")
    tensors = [tensor.bfloat16() for tensor in draw(9, batch, size, scale=0.5)]
    generator = torch.Generator().manual_seed(size)
    mask = torch.rand(9, batch, 1, generator=generator) < 0.7 if masked else None
    both = (True, True)
    expected = outcome(LSTMSequence.apply, [tensor.double() for tensor in tensors], mask, both)
    errors = [
        [
            ((actual.double() - reference).norm() / reference.norm().clamp(min=1e-3)).item()
            for actual, reference in zip(outcome(run, tensors, mask, both), expected, strict=True)
        ]
        for run in (run_compiled, LSTMSequence.apply)
    ]
    assert max(errors[0]) < 0.02
    assert sum(errors[0]) < sum(errors[1])


@needs_compiler
@pytest.mark.parametrize("masked", [False, True])
def test_the_values_are_the_same_where_nothing_is_kept_for_a_way_back(
    masked: bool,
) -> None:
    tensors = draw(9, 3, 20)
    mask = torch.arange(27).view(9, 3, 1) % 4 > 0 if masked else None
    expected = CompiledLSTMSequence.apply(*tensors, mask, True)
    for actual, kept in zip(
        CompiledLSTMSequence.apply(*tensors, mask, False), expected, strict=True
    ):
        assert torch.equal(actual, kept)


@needs_compiler
def test_gates_saturate_as_they_do_in_torch() -> None:
    tensors = draw(9, 3, 20)
    tensors[0] *= 1000
    found = outcome(run_compiled, tensors, None, (True, True))
    expected = outcome(LSTMSequence.apply, tensors, None, (True, True))
    for actual, reference in zip(found, expected, strict=True):
        assert actual.isfinite().all()
        torch.testing.assert_close(actual, reference, rtol=1e-4, atol=1e-4)


@needs_compiler
def test_a_layer_takes_the_kernel_for_long_sequences_of_types_that_it_knows() -> None:
    assert can_compile(torch.zeros(8, 1, 4))
    assert not can_compile(torch.zeros(7, 1, 4)), "arranging U would cost more than it saves"
    assert not can_compile(torch.zeros(8, 1, 4, dtype=torch.float64))
    assert not can_compile(torch.zeros(8, 1, 4, dtype=torch.float16))
    assert not can_compile(torch.zeros(8, 1, 12, dtype=torch.bfloat16)), "three units: no pairs"
    assert not can_compile(torch.zeros(8, 0, 4))


def layer_outcome() -> Tensor:
    torch.manual_seed(0)
    layer, x = LSTMLayer(5, 6), torch.randn(3, 12, 5)
    output, _ = layer(x)
    return output.detach()


@pytest.mark.parametrize(
    ("name", "value"), [("LMCOURSE_KERNELS", "0"), ("CXX", "no-such-compiler"), ("CXX", "false")]
)
@pytest.mark.usefixtures("no_kernel_yet")
def test_without_a_compiler_torch_does_the_same(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = layer_outcome()
    compiled.kernel.cache_clear()
    monkeypatch.setenv(name, value)
    assert compiled.kernel("lstm_kernel") is None
    torch.testing.assert_close(layer_outcome(), expected, rtol=1e-5, atol=1e-6)


@needs_compiler
@pytest.mark.usefixtures("no_kernel_yet")
def test_a_kernel_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled.kernel("lstm_kernel") is not None
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]
    compiled.kernel.cache_clear()
    monkeypatch.setattr(compiled, "_compile", lambda *_: pytest.fail("it was compiled before"))
    assert compiled.kernel("lstm_kernel") is not None
