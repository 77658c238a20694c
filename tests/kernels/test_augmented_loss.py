"""The augmented loss by chunks equals the one that is written out, in value and in gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.kernels import logit_chunks
from hf_lmcourse.kernels.augmented_loss import augmented_cross_entropy
from hf_lmcourse.kernels.softmax_loss import linear_cross_entropy

from .test_softmax_loss import draw, some_targets


def plain(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    embeddings: Tensor,
    gamma: float,
    temperature: float,
) -> tuple[Tensor, Tensor]:
    """The two terms from all logits, under autograd."""
    kept = targets != -100
    z, y = functional.linear(hidden, weight, bias)[kept], targets[kept]
    near = embeddings.detach()[y] @ embeddings.detach().t()
    t = torch.softmax(near / temperature, -1)
    divergence = (t * (t.log() - torch.log_softmax(z / temperature, -1))).sum()
    cross_entropy = functional.cross_entropy(z, y, reduction="sum")
    return cross_entropy + gamma * temperature * divergence, cross_entropy


@settings(max_examples=25, deadline=None)
@given(
    tokens=st.integers(1, 9),
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    vocabulary=st.integers(1, 12),
    with_bias=st.booleans(),
    gamma=st.floats(0, 2),
    temperature=st.sampled_from([0.5, 1.0, 20.0]),
    chunk=st.integers(1, 40),
)
def test_values_and_gradients_are_those_of_the_definition(
    tokens: int,
    sizes: tuple[int, int],
    vocabulary: int,
    with_bias: bool,
    gamma: float,
    temperature: float,
    chunk: int,
) -> None:
    hidden, weight = draw(tokens, sizes[0]), draw(vocabulary, sizes[0], seed=1)
    bias = draw(vocabulary, seed=2) if with_bias else None
    embeddings = draw(vocabulary, sizes[1], seed=4)
    arguments = (hidden, weight, bias, some_targets(tokens, vocabulary), embeddings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logit_chunks, "_CHUNK_ELEMENTS", chunk)
        patch.setattr(logit_chunks, "_LEAST_CHUNK", 1)
        found = augmented_cross_entropy(*arguments, gamma, temperature)
    expected = plain(*arguments, gamma, temperature)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    leaves = [tensor for tensor in (hidden, weight, bias) if tensor is not None]
    grads = torch.autograd.grad(0.7 * found[0], leaves)
    torch.testing.assert_close(
        grads, torch.autograd.grad(0.7 * expected[0], leaves), rtol=1e-9, atol=1e-9
    )
    assert not found[1].requires_grad
    assert embeddings.grad is None, "the words near the target are a constant"


def test_of_a_tied_matrix_only_the_logits_have_a_gradient() -> None:
    hidden, weight, targets = draw(5, 3), draw(11, 3, seed=1), some_targets(5)
    found, _ = augmented_cross_entropy(hidden, weight, None, targets, weight, 0.5, 2.0)
    expected, _ = plain(hidden, weight, None, targets, weight, 0.5, 2.0)
    grads = (torch.autograd.grad(loss, [hidden, weight]) for loss in (found, expected))
    torch.testing.assert_close(*grads, rtol=1e-10, atol=1e-10)


def test_without_its_weight_it_is_the_cross_entropy() -> None:
    hidden, weight, bias, targets = draw(6, 3), draw(11, 3, seed=1), draw(11, seed=2), None
    targets = some_targets(6)
    total, summed = augmented_cross_entropy(hidden, weight, bias, targets, weight, 0.0, 3.0)
    torch.testing.assert_close(total, linear_cross_entropy(hidden, weight, bias, targets))
    assert total.item() == summed.item()


def test_nothing_to_predict_and_low_precision() -> None:
    hidden, weight = draw(3, 4).detach(), draw(11, 4, seed=1).detach()
    ignored = torch.full((3,), -100)
    assert augmented_cross_entropy(hidden, weight, None, ignored, weight, 1.0, 1.0)[0] == 0
    half = hidden.bfloat16()
    total, summed = augmented_cross_entropy(half, weight, None, some_targets(3), weight, 1.0, 1.0)
    assert total.dtype == summed.dtype == torch.float32
