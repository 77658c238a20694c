"""Windows over a sequence are those of torch, with the same gradient."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hf_lmcourse.kernels.unfold import Unfold, unfold


def windows_of_torch(x: Tensor, k: int) -> Tensor:
    return x.unfold(1, k, 1).mT.flatten(2)


@given(
    batch=st.integers(0, 3), length=st.integers(1, 6), size=st.integers(1, 4), k=st.integers(1, 5)
)
@settings(max_examples=40, deadline=None)
def test_values_and_gradient_are_those_of_unfold(
    batch: int, length: int, size: int, k: int
) -> None:
    torch.manual_seed(0)
    x = torch.randn(batch, k - 1 + length, size, dtype=torch.float64, requires_grad=True)
    slopes = torch.randn(batch, length, k * size, dtype=torch.float64)
    found, expected = Unfold.apply(x, k), windows_of_torch(x, k)
    assert torch.equal(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, x, slopes), torch.autograd.grad(expected, x, slopes)
    )


def test_the_gradients_are_the_numerical_ones_twice() -> None:
    x = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: Unfold.apply(x, 3).sin(), x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: Unfold.apply(x, 3).sin(), x)


def test_it_is_transformed_and_traced_as_any_function_of_torch() -> None:
    x = torch.randn(2, 6, 3, dtype=torch.float64)

    def total(x: Tensor) -> Tensor:
        return unfold(x, 3).sin().sum()

    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(total(leaf), leaf)
    torch.testing.assert_close(torch.func.grad(total)(x), expected)
    torch.testing.assert_close(torch.func.jvp(total, (x,), (x,))[1], (expected * x).sum())
    by_row = torch.func.vmap(lambda row: unfold(row[None], 3)[0])(x)
    assert torch.equal(by_row, unfold(x, 3))
    traced = torch.jit.trace(lambda x: unfold(x, 3), (x,))
    assert torch.equal(traced(x), unfold(x, 3))
