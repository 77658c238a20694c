"""Check of the simple recurrent network's gradients at a step and at the step before."""

import torch
from torch import Tensor
from torch.nn import functional

from .. import simple_rnn
from ..check_result import CheckResult, Row, same
from .references import autograd, normal, seeded

VOCABULARY, EMBEDDING, HIDDEN, BATCH = 9, 5, 6, 3


def check() -> CheckResult:
    """Check every gradient of J_t that the course asks for, each use of a parameter separately."""
    network, h0, (x1, x2, y) = _example()
    h1 = simple_rnn.hidden_step(network, h0, x1)
    h2 = simple_rnn.hidden_step(network, h1, x2)

    out = simple_rnn.output_gradients(network, h2, simple_rnn.predict(network, h2), y)
    now = simple_rnn.hidden_gradients(network, h1, x2, h2, out.h)
    before = simple_rnn.hidden_gradients(network, h0, x1, h1, now.h_before)

    recurrence = (network.H, network.I, network.b1)

    def from_output(h: Tensor, U: Tensor, b2: Tensor) -> Tensor:
        return functional.cross_entropy(h @ U + b2, y, reduction="sum")

    def from_now(h: Tensor, e: Tensor, *used_now: Tensor) -> Tensor:
        return from_output(_plain_step(h, e, *used_now), network.U, network.b2)

    def from_before(h: Tensor, e: Tensor, *used_before: Tensor) -> Tensor:
        return from_now(_plain_step(h, e, *used_before), network.L[x2], *recurrence)

    d_h, d_U, d_b2 = autograd(from_output, h2, network.U, network.b2)
    return CheckResult(
        [
            same("dJ_t/dU", out.U, d_U),
            same("dJ_t/db2", out.b2, d_b2),
            same("dJ_t/dh_t", out.h, d_h),
            *_rows(now, autograd(from_now, h1, network.L[x2], *recurrence), "t", "t-1"),
            *_rows(before, autograd(from_before, h0, network.L[x1], *recurrence), "t-1", "t-2"),
        ]
    )


def _example() -> tuple[simple_rnn.Network, Tensor, Tensor]:
    """Draw parameters, h_{t-2}, and the words x_{t-1}, x_t and y_t."""
    generator = seeded()
    V, d, D = VOCABULARY, EMBEDDING, HIDDEN
    shapes = [(V, d), (D, D), (d, D), (D,), (D, V), (V,)]
    network = simple_rnn.Network(*(normal(generator, *shape) for shape in shapes))
    words = torch.randint(V, (3, BATCH), generator=generator)
    return network, torch.sigmoid(normal(generator, BATCH, D)), words


def _plain_step(h: Tensor, e: Tensor, *parameters: Tensor) -> Tensor:
    """Compute the recurrence by torch's functions, for autograd."""
    H, I, b1 = parameters  # noqa: E741 - the letter of the course
    return torch.sigmoid(h @ H + e @ I + b1)


def _rows(
    ours: simple_rnn.HiddenGradients, references: tuple[Tensor, ...], at: str, past: str
) -> list[Row]:
    d_h, *parameters = references
    names = (*(f"{name} at {at}" for name in ("L_x", "H", "I", "b1")), f"h_({past})")
    pairs = zip(names, ours, (*parameters, d_h), strict=True)
    return [same(f"dJ_t/d{name}", mine, theirs) for name, mine, theirs in pairs]
