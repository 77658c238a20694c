"""Loss of a sampled softmax."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..task import Function, Sizes, Task, change_arguments, draw_normal, sizes_between

_ARGUMENTS = ("h", "W", "b", "targets", "drawn", "pi")


def _correction(drawn: Tensor, certain: Tensor, pi: Tensor) -> Tensor:
    """Return the weight of each word's exponential: 1 for targets, 1 / pi for words drawn."""
    return torch.where(certain, 1, drawn / pi)


def _altered(
    *,
    weight: Callable[[Tensor, Tensor, Tensor], Tensor] = _correction,
    averaged: bool = True,
    base: float = math.e,
    scored: bool = True,
) -> Function:
    """Return the loss with one part replaced; with none replaced it is the reference."""

    def loss(
        h: Tensor, W: Tensor, b: Tensor, targets: Tensor, drawn: Tensor, pi: Tensor
    ) -> tuple[Tensor]:
        certain = torch.zeros_like(drawn, dtype=torch.bool)
        certain[targets] = True
        logits = h @ W.t() + b
        weights = weight(drawn, certain, pi.detach())  # the probabilities are no parameters
        log_z = torch.logsumexp(logits + weights.log(), -1)
        of_target = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        losses = (log_z - of_target if scored else -of_target) / math.log(base)
        return (losses.mean() if averaged else losses.sum(),)

    return loss


_reference = _altered()
_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "the exponentials of the words drawn are not divided by pi": _altered(
        weight=lambda drawn, certain, pi: torch.where(certain, 1, drawn)
    ),
    "the exponentials of the words drawn are multiplied by pi, not divided": _altered(
        weight=lambda drawn, certain, pi: torch.where(certain, 1, drawn * pi)
    ),
    "a target that is also drawn is counted twice": _altered(
        weight=lambda drawn, certain, pi: certain + drawn / pi
    ),
    "the exponentials of the targets are divided by pi too": _altered(
        weight=lambda drawn, certain, pi: (drawn.bool() | certain) / pi
    ),
    "a target that is drawn is divided by pi": _altered(
        weight=lambda drawn, certain, pi: torch.where(drawn.bool(), 1 / pi, certain.to(pi.dtype))
    ),
    "all words are in the sum: this is the full softmax": _with(
        drawn=torch.ones_like, pi=torch.ones_like
    ),
    "the words drawn are left out of the sum": _with(drawn=torch.zeros_like),
    "the loss is summed over the rows, not averaged": _altered(averaged=False),
    "the loss is in bits, not in nats": _altered(base=2),
    "log Z is missing: the loss is minus the logit of the target": _altered(scored=False),
    "the bias b is omitted": _with(b=lambda b: 0 * b),
}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    rows, size, words = sizes["rows"], sizes["size"], sizes["words"]
    drawn = draw_normal(generator, h=(rows, size), W=(words, size), b=(words,))
    pi = 0.2 + 0.6 * torch.rand(words, generator=generator, dtype=torch.float64)
    targets = torch.randint(words, (rows,), generator=generator)
    sample = torch.randint(2, (words,), generator=generator)
    sample[targets[0]] = 1  # a target that is drawn, and a word that is none
    sample[(targets.max() + 1) % words] = 1
    return drawn | {"targets": targets, "drawn": sample, "pi": pi}


SAMPLED_SOFTMAX = Task(
    name="sampled_softmax",
    arguments=_ARGUMENTS,
    outputs=("loss",),
    reference=_reference,
    draw=_draw,
    sizes=sizes_between(3, 7, "rows", "size", "words"),
    special=(
        {"rows": 4, "size": 4, "words": 4},
        {"rows": 2, "size": 3, "words": 9},
        {"rows": 1, "size": 2, "words": 6},
    ),
    variants=_VARIANTS,
)
"""The loss of `hf_lmcourse.layers.sampled_softmax`, with the sample given."""
