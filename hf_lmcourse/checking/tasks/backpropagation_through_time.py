"""Backpropagation through time in the simple recurrent network."""

import random
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ...theory.backpropagation_through_time import loss_and_gradients
from ...theory.simple_rnn import Network, hidden_step, output_gradients, predict
from ..task import Function, Sizes, Task, change_arguments, draw_normal, scale_outputs, zero

_ARGUMENTS = ("tokens", "targets", "h", "L", "H", "I", "b1", "U", "b2")
_OUTPUTS = ("loss", "d_L", "d_H", "d_I", "d_b1", "d_U", "d_b2", "d_h")


def _reference(tokens: Tensor, targets: Tensor, h: Tensor, *parameters: Tensor) -> tuple:
    loss, gradients, d_h, _ = loss_and_gradients(Network(*parameters), tokens, targets, h)
    return torch.tensor(loss, dtype=h.dtype), *gradients, d_h


def _altered(
    *,
    slope: Callable[[Tensor], Tensor] = lambda h: h * (1 - h),
    carried: Callable[[Tensor], Tensor] = lambda dh: dh,
    backward: Callable[[Tensor], Tensor] = lambda H: H.t(),
    before: int = 0,
    counted: Callable[[int, int], bool] = lambda s, length: True,
    repeated: bool = True,
) -> Function:
    """Return the gradients with one part replaced; with none replaced they are the reference.

    `carried` is what a step passes to the one before it, `backward` the matrix on that way,
    `before` is added to the index of h_{s-1}, `counted` selects the steps whose loss is taken to
    the hidden layer, and without `repeated` a word that occurs again overwrites its row of d_L.
    """

    def gradients(tokens: Tensor, targets: Tensor, h: Tensor, *parameters: Tensor) -> tuple:
        network, length = Network(*parameters), tokens.shape[1]
        hidden = [h]
        for t in range(length):
            hidden.append(hidden_step(network, hidden[-1], tokens[:, t]))
        yhat = predict(network, torch.stack(hidden[1:], dim=1))
        total = Network(*map(torch.zeros_like, network))
        dh = torch.zeros_like(h)
        for s in reversed(range(length)):
            out = output_gradients(network, hidden[s + 1], yhat[:, s], targets[:, s])
            total.U.add_(out.U)
            total.b2.add_(out.b2)
            gamma = (dh + out.h if counted(s, length) else dh) * slope(hidden[s + 1])
            total.H.add_(hidden[s + before].t() @ gamma)
            total.I.add_(network.L[tokens[:, s]].t() @ gamma)
            total.b1.add_(gamma.sum(0))
            rows = gamma @ network.I.t()
            if repeated:
                total.L.index_add_(0, tokens[:, s], rows)
            else:
                for row, token in zip(rows, tokens[:, s].tolist(), strict=True):
                    total.L[token] = row
            dh = carried(gamma @ backward(network.H))
        count = targets.numel()
        loss = -yhat.gather(-1, targets.unsqueeze(-1)).log().mean()
        return loss, *(gradient / count for gradient in total), dh / count

    return gradients


def _scaled(factor: Callable[[Tensor], float], *outputs: str) -> Function:
    """Multiply the named outputs by a factor that depends on the tokens."""

    def scaled(tokens: Tensor, *rest: Tensor) -> tuple:
        by = scale_outputs(_reference, _OUTPUTS, outputs, lambda rows: factor(tokens))
        return tuple(by(tokens, *rest))

    return scaled


_with = partial(change_arguments, _reference, _ARGUMENTS)
_GRADIENTS = _OUTPUTS[1:]

_VARIANTS: dict[str, Function] = {
    "the gradient is not passed from a step to the one before it": _altered(carried=zero),
    "dJ/dh_s leaves out the step's own prediction, except at the last step": _altered(
        counted=lambda s, length: s == length - 1
    ),
    "the slope of the sigmoid, h (1 - h), is left out": _altered(slope=torch.ones_like),
    "the slope is that of tanh, 1 - h^2, under a sigmoid": _altered(slope=lambda h: 1 - h**2),
    "H is not transposed in the backward pass: gamma H, not gamma H^T": _altered(
        backward=lambda H: H
    ),
    "d_H takes h_s, not h_{s-1}": _altered(before=1),
    "a word that occurs again overwrites its row of d_L: the parts are to be added": _altered(
        repeated=False
    ),
    "loss and gradients are summed over the words, not averaged": _scaled(Tensor.numel, *_OUTPUTS),
    "the gradients are summed over the words, and the loss is averaged": _scaled(
        Tensor.numel, *_GRADIENTS
    ),
    "loss and gradients are summed over the steps, and averaged over the texts": _scaled(
        lambda tokens: tokens.shape[1], *_OUTPUTS
    ),
    "the sign of the gradients is reversed": _scaled(lambda tokens: -1.0, *_GRADIENTS),
    "the first state h is taken to be zero": _with(h=zero),
    "the bias b1 is omitted": _with(b1=zero),
    "the bias b2 is omitted": _with(b2=zero),
}


def _sizes(rng: random.Random) -> Sizes:
    names = ("batch", "length", "words", "embedding_size", "hidden_size")
    return {name: rng.randint(2, 5) for name in names}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    batch, length, words, embedding, hidden = (
        sizes[name] for name in ("batch", "length", "words", "embedding_size", "hidden_size")
    )
    ids = torch.randint(words, (2, batch, length), generator=generator)
    return {"tokens": ids[0], "targets": ids[1]} | draw_normal(
        generator,
        h=(batch, hidden),
        L=(words, embedding),
        H=(hidden, hidden),
        I=(embedding, hidden),
        b1=(hidden,),
        U=(hidden, words),
        b2=(words,),
    )


BACKPROPAGATION_THROUGH_TIME = Task(
    name="backpropagation_through_time",
    arguments=_ARGUMENTS,
    outputs=_OUTPUTS,
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"batch": 3, "length": 3, "words": 3, "embedding_size": 3, "hidden_size": 3},
        {"batch": 2, "length": 4, "words": 5, "embedding_size": 3, "hidden_size": 2},
        {"batch": 1, "length": 1, "words": 4, "embedding_size": 2, "hidden_size": 3},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The gradients of `hf_lmcourse.theory.backpropagation_through_time`."""
