"""A mixture of softmaxes: normalised, its loss and gradients those of the definition."""

from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.kernels import logit_chunks
from hf_lmcourse.kernels.mixture_loss import adversarial_cross_entropy
from hf_lmcourse.kernels.softmax_loss import linear_cross_entropy
from hf_lmcourse.layers.mixture_of_softmaxes import MixtureOfSoftmaxes

from ..kernels.test_softmax_loss import draw, some_targets


def mixture(components: int = 3, input_size: int = 4, size: int = 5) -> Any:
    torch.manual_seed(0)
    return MixtureOfSoftmaxes(input_size, size, components).double()


def definition(module: Any, g: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Log p as the equations say, one token at a time."""
    rows = []
    for token in g:
        pi = torch.softmax(module.prior.weight @ token, dim=0)
        h = torch.tanh(module.latent.weight @ token + module.latent.bias).view(len(pi), -1)
        p = torch.softmax(functional.linear(h, weight, bias), dim=-1)
        rows.append(torch.log(pi @ p))
    return torch.stack(rows)


@pytest.mark.parametrize("with_bias", [True, False])
def test_log_probabilities_are_those_of_the_equations_and_normalised(with_bias: bool) -> None:
    module, g, weight = mixture(), draw(6, 4), draw(9, 5, seed=1)
    bias = draw(9, seed=2) if with_bias else None
    head = partial(functional.linear, weight=weight, bias=bias)
    log_p = module.log_probabilities(g, head)
    expected = definition(module, g, weight, bias)
    torch.testing.assert_close(log_p, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(6, dtype=torch.float64))
    folded = module.log_probabilities(g.view(2, 3, 4), head)
    torch.testing.assert_close(folded.view(6, 9), log_p, rtol=1e-12, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(
    tokens=st.integers(1, 7),
    components=st.integers(1, 4),
    vocabulary=st.integers(1, 9),
    epsilon=st.sampled_from([0.0, 0.4]),
    chunk=st.integers(1, 60),
)
def test_the_chunked_loss_equals_the_definition_in_value_and_gradient(
    tokens: int, components: int, vocabulary: int, epsilon: float, chunk: int
) -> None:
    module = mixture(components)
    g, weight = draw(tokens, 4), draw(vocabulary, 5, seed=1)
    bias, targets = draw(vocabulary, seed=2), some_targets(tokens, vocabulary)
    leaves = [g, weight, bias, *module.parameters()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logit_chunks, "_CHUNK_ELEMENTS", chunk)
        patch.setattr(logit_chunks, "_LEAST_CHUNK", 1)
        h, log_prior = module(g)
        loss, cross_entropy = adversarial_cross_entropy(
            h, weight, bias, targets, epsilon, log_prior
        )
    log_p = definition(module, g, weight, bias)
    plain = functional.nll_loss(log_p, targets, reduction="sum")
    torch.testing.assert_close(cross_entropy, plain.detach(), rtol=1e-10, atol=1e-10)
    h, log_prior = module(g)
    index = targets.clamp(min=0)
    radius = epsilon * weight.detach()[index].norm(dim=-1)
    margin = radius[:, None, None] * h.norm(dim=-1, keepdim=True)
    scores = functional.linear(h, weight, bias)
    place = index[:, None, None].expand(-1, components, 1)
    lowered = torch.log_softmax(scores.scatter_add(-1, place, -margin), dim=-1)
    joint = torch.logsumexp(lowered + log_prior.unsqueeze(-1), dim=1)
    expected = functional.nll_loss(joint, targets, reduction="sum")
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-10)
    grads, plain_grads = (
        torch.autograd.grad(value, leaves, allow_unused=True) for value in (loss, expected)
    )
    torch.testing.assert_close(grads, plain_grads, rtol=1e-10, atol=1e-10)


def test_one_component_is_a_plain_softmax_of_its_vector() -> None:
    module, g, weight, targets = mixture(1), draw(6, 4), draw(9, 5, seed=1), some_targets(6, 9)
    h, log_prior = module(g)
    assert not log_prior.any()
    loss, _ = adversarial_cross_entropy(h, weight, None, targets, 0.0, log_prior)
    torch.testing.assert_close(loss, linear_cross_entropy(h[:, 0], weight, None, targets))
