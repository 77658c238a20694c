"""Backpropagation through time against autograd and torch's optimizer, and for training."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.theory.backpropagation_through_time import (
    loss_and_gradients,
    new_network,
    train_step,
)
from hf_lmcourse.theory.simple_rnn import Network

from .draws import assert_same, gradients, normal

sizes = st.integers(1, 5)


def setting(
    vocabulary: int, hidden: int, batch: int, length: int
) -> tuple[Network, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    network = new_network(vocabulary, 3, hidden, generator)
    network = network._replace(b1=normal(hidden), b2=normal(vocabulary))
    tokens, targets = torch.randint(vocabulary, (2, batch, length), generator=generator)
    return network, tokens, targets, torch.sigmoid(normal(batch, hidden, seed=1))


def plain_loss(tokens: Tensor, targets: Tensor, h: Tensor, *network: Tensor) -> Tensor:
    L, H, I, b1, U, b2 = network  # noqa: E741
    logits = []
    for x in tokens.t():
        h = torch.sigmoid(h @ H + L[x] @ I + b1)
        logits.append(h @ U + b2)
    return functional.cross_entropy(torch.stack(logits, dim=2), targets)


@settings(max_examples=25, deadline=None)
@given(vocabulary=sizes, hidden=sizes, batch=sizes, length=st.integers(1, 9))
def test_all_gradients_are_those_of_autograd(
    vocabulary: int, hidden: int, batch: int, length: int
) -> None:
    network, tokens, targets, h = setting(vocabulary, hidden, batch, length)
    loss, ours, d_h, last = loss_and_gradients(network, tokens, targets, h)
    assert_same(loss, plain_loss(tokens, targets, h, *network).item())
    references = gradients(lambda *leaves: plain_loss(tokens, targets, *leaves), h, *network)
    assert_same((d_h, *ours), references)
    assert last.shape == h.shape


def test_a_sequence_in_two_chunks_is_the_whole_one_if_the_gradient_is_passed_back() -> None:
    network, tokens, targets, h = setting(7, 5, 3, 8)
    whole, d_whole, _, last = loss_and_gradients(network, tokens, targets, h)
    first, d_first, _, middle = loss_and_gradients(network, tokens[:, :4], targets[:, :4], h)
    second, d_second, _, end = loss_and_gradients(network, tokens[:, 4:], targets[:, 4:], middle)
    assert_same((whole, end), ((first + second) / 2, last))
    # the output layer sees no difference; what comes before the cut does
    assert_same(d_whole.U, (d_first.U + d_second.U) / 2)
    assert not torch.allclose(d_whole.H, (d_first.H + d_second.H) / 2, rtol=1e-6)


def test_a_training_step_is_that_of_torch() -> None:
    network, tokens, targets, h = setting(7, 5, 3, 8)
    before = [parameter.clone() for parameter in network]
    for max_norm in (0.05, 1e6):
        moved, loss, _ = train_step(network, tokens, targets, h, 0.3, max_norm)
        leaves = [parameter.clone().requires_grad_() for parameter in network]
        reference = plain_loss(tokens, targets, h, *leaves)
        reference.backward()
        grads = [leaf.grad for leaf in leaves if leaf.grad is not None]
        norm = torch.nn.utils.get_total_norm(grads)
        torch.optim.SGD(leaves, lr=0.3 * min(1, max_norm / norm.item())).step()
        assert_same(loss, reference.item())
        assert_same(tuple(moved), tuple(leaf.detach() for leaf in leaves))
    assert_same(list(network), before)  # a step makes new parameters


def test_without_anything_to_learn_the_parameters_stay() -> None:
    network, tokens, targets, h = setting(1, 2, 1, 3)  # the vocabulary has one word
    moved, loss, _ = train_step(network, tokens, targets, h, 1.0, 1.0)
    assert loss == 0
    assert_same(tuple(moved), tuple(network))


def test_the_loss_falls_in_training() -> None:
    network, _, _, h = setting(4, 8, 2, 1)
    stream = torch.arange(33).repeat(2, 1) % 4
    tokens, targets = stream[:, :-1], stream[:, 1:]
    losses = []
    for _ in range(150):
        network, loss, _ = train_step(network, tokens, targets, h, 2.0, 1.0)
        losses.append(loss)
    assert losses[0] > 1.0 and losses[-1] < 0.1
