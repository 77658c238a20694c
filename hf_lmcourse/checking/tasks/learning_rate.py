"""A learning-rate schedule with warm-up and cosine decay."""

import math
import random
from collections.abc import Callable

import torch
from torch import Tensor

from ..task import Function, Sizes, Task

_ARGUMENTS = ("steps", "peak", "warmup", "total")


def _reference(steps: Tensor, peak: float, warmup: int, total: int) -> tuple[Tensor]:
    from transformers import get_cosine_schedule_with_warmup  # slow to import

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    (factor,) = get_cosine_schedule_with_warmup(optimizer, warmup, total).lr_lambdas
    rates = [peak * factor(step) for step in steps.tolist()]
    return (torch.tensor(rates, dtype=torch.float64),)


def _altered(
    *,
    rising: Callable[[float], float] = lambda share: share,
    decayed: Callable[[float], float] = lambda share: (1 + math.cos(math.pi * share)) / 2,
    from_start: bool = False,
    shift: int = 0,
) -> Function:
    """Return the schedule with one part replaced; with none replaced it is the reference.

    `rising` and `decayed` are functions of the share of the warm-up or of the decay that is over;
    `from_start` counts the decay from step 0, and `shift` is added to the step.
    """

    def schedule(steps: Tensor, peak: float, warmup: int, total: int) -> tuple[Tensor]:
        def rate(step: int) -> float:
            if step < warmup:
                return peak * rising(step / warmup)
            first = 0 if from_start else warmup
            return peak * max(0.0, decayed((step - first) / (total - first)))

        rates = [rate(step + shift) for step in steps.tolist()]
        return (torch.tensor(rates, dtype=torch.float64),)

    return schedule


_VARIANTS: dict[str, Function] = {
    "the decay is linear, not a cosine": _altered(decayed=lambda share: 1 - share),
    "the cosine is not shifted: it reaches zero halfway": _altered(
        decayed=lambda share: math.cos(math.pi * share)
    ),
    "the decay is a quarter of a cosine, cos(pi/2 s), not half of one": _altered(
        decayed=lambda share: math.cos(math.pi * share / 2)
    ),
    "the cosine goes up again: 2 pi, not pi": _altered(
        decayed=lambda share: (1 + math.cos(2 * math.pi * share)) / 2
    ),
    "1 + cos is not halved": _altered(decayed=lambda share: 1 + math.cos(math.pi * share)),
    "there is no decay": _altered(decayed=lambda share: 1.0),
    "there is no warm-up: the rate is at its peak from the first step": _altered(
        rising=lambda share: 1.0
    ),
    "the decay is counted from step 0, not from the end of the warm-up": _altered(from_start=True),
    "the rate is that of the next step": _altered(shift=1),
    "the warm-up falls from the peak, it does not rise to it": _altered(
        rising=lambda share: 1 - share
    ),
}


def _sizes(rng: random.Random) -> Sizes:
    warmup = rng.randint(2, 6)
    return {
        "peak": rng.choice([0.1, 1.0, 3.0]),
        "warmup": warmup,
        "total": warmup + rng.randint(4, 12),
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    return {"steps": torch.randperm(sizes["total"], generator=generator)}


LEARNING_RATE = Task(
    name="learning_rate",
    arguments=_ARGUMENTS,
    outputs=("rates",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=({"peak": 1.0, "warmup": 4, "total": 12}, {"peak": 0.1, "warmup": 2, "total": 5}),
    variants=_VARIANTS,
    differentiable=False,
)
"""The schedule "cosine" of transformers."""
