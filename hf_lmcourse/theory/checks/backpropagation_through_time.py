"""Check of backpropagation through time: gradients, a training step, and training on text."""

import math

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import get_total_norm, parameters_to_vector

from ...layers.elman import ElmanLayer
from .. import backpropagation_through_time as bptt
from ..check_result import CheckResult, Row, Table, below, same
from ..simple_rnn import Network
from .references import autograd, corpus_characters, normal, seeded


def check() -> CheckResult:
    """Check gradients with autograd and the package's layer; then train a network on characters."""
    rows = [*_gradient_rows(), *_step_rows()]
    curve, unigram = _train_on_characters(steps=300)
    rows.append(below("nats per character at the end, below the unigram's", curve[-1][1], unigram))
    title = f"Training on cpython-docs by characters (unigram entropy {unigram:.4f} nats)"
    return CheckResult(rows, [Table(title, ("step", "nats per character"), curve)])


def _example() -> tuple[Network, Tensor, Tensor, Tensor]:
    generator = seeded()
    network = bptt.new_network(vocabulary=9, embedding=5, hidden=6, generator=generator)
    network = network._replace(b1=normal(generator, 6), b2=normal(generator, 9))
    tokens, targets = torch.randint(9, (2, 4, 8), generator=generator)
    return network, tokens, targets, torch.sigmoid(normal(generator, 4, 6))


def _plain_loss(tokens: Tensor, targets: Tensor, h: Tensor, *network: Tensor) -> Tensor:
    """Compute the loss by torch's functions and a plain loop, for autograd."""
    L, H, I, b1, U, b2 = network  # noqa: E741
    logits = []
    for x in tokens.t():
        h = torch.sigmoid(h @ H + functional.embedding(x, L) @ I + b1)
        logits.append(h @ U + b2)
    return functional.cross_entropy(torch.stack(logits, dim=2), targets)


def _gradient_rows() -> list[Row]:
    network, tokens, targets, h = _example()
    loss, ours, d_h, last = bptt.loss_and_gradients(network, tokens, targets, h)

    def plain(h: Tensor, *parameters: Tensor) -> Tensor:
        return _plain_loss(tokens, targets, h, *parameters)

    d_h_reference, *references = autograd(plain, h, *network)
    layer = ElmanLayer(5, 6, activation="sigmoid").double()
    layer.load_state_dict(
        {
            "input_projection.weight": network.I.t(),
            "input_projection.bias": network.b1,
            "recurrent_projection.weight": network.H.t(),
        }
    )
    with torch.no_grad():
        (layer_last,) = layer(network.L[tokens], (h,))[1]
    return [
        same("J in nats a token", loss, plain(h, *network)),
        same("h_T against layers/elman.py", last, layer_last[:, -1]),
        *(
            same(f"dJ/d{name}", mine, theirs)
            for name, mine, theirs in zip(ours._fields, ours, references, strict=True)
        ),
        same("dJ/dh_0", d_h, d_h_reference),
    ]


def _step_rows() -> list[Row]:
    """Compare a training step with torch's optimizer, once clipped and once not."""
    network, tokens, targets, h = _example()
    rows = []
    for max_norm in (0.1, 100.0):
        moved, _, _ = bptt.train_step(network, tokens, targets, h, 0.5, max_norm)
        leaves = [parameter.clone().requires_grad_() for parameter in network]
        _plain_loss(tokens, targets, h, *leaves).backward()
        # not clip_grad_norm_, which adds 1e-6 to the norm that it divides by
        norm = get_total_norm([leaf.grad for leaf in leaves if leaf.grad is not None])
        torch.optim.SGD(leaves, lr=0.5 * min(1.0, max_norm / norm.item())).step()
        ours, reference = (parameters_to_vector(found).detach() for found in (moved, leaves))
        rows.append(same(f"a step, norm at most {max_norm:g}", ours, reference))
    return rows


def _train_on_characters(
    steps: int, batch: int = 16, length: int = 32
) -> tuple[list[tuple[float, float]], float]:
    """Train on parallel streams of characters, carrying the state from one chunk to the next.

    Returns:
        The step and the mean loss in nats per character of every 50 steps, and the entropy of
        single characters, which a model without context cannot beat.
    """
    tokens, _, vocabulary = corpus_characters()
    streams = tokens[: len(tokens) // batch * batch].view(batch, -1)
    shares = torch.bincount(tokens).double() / len(tokens)
    network = bptt.new_network(vocabulary, 16, 64, seeded())
    h = torch.zeros(batch, 64, dtype=torch.float64)
    curve: list[tuple[float, float]] = []
    losses: list[float] = []
    for step in range(steps):
        start = step * length % (streams.shape[1] - length)
        x, y = streams[:, start : start + length], streams[:, start + 1 : start + length + 1]
        network, loss, h = bptt.train_step(network, x, y, h, learning_rate=2.0, max_norm=1.0)
        losses.append(loss)
        if (step + 1) % 50 == 0:
            curve.append((step + 1, math.fsum(losses[-50:]) / 50))
    return curve, -(shares * shares.log()).sum().item()
