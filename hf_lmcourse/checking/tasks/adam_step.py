"""One step of Adam."""

import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ..task import Function, Sizes, Task, change_arguments, draw_normal

_ARGUMENTS = ("theta", "g", "m", "v", "t", "lr", "beta1", "beta2", "eps")
_OUTPUTS = ("theta'", "m'", "v'")


class _Settings(NamedTuple):
    """The arguments that are numbers."""

    t: int
    lr: float
    beta1: float
    beta2: float
    eps: float


def _divided(m: Tensor, v: Tensor, settings: _Settings) -> Tensor:
    return m / (v.sqrt() + settings.eps)


def _altered(
    *,
    step: Callable[[Tensor, Tensor, _Settings], Tensor] = _divided,
    corrected: tuple[bool, bool] = (True, True),
    shift: int = 0,
    second: Callable[[Tensor], Tensor] = torch.square,
    sign: int = 1,
    returned: bool = False,
) -> Function:
    """Return the step with one part replaced; with none replaced it is the reference.

    `corrected` says which of m and v are corrected, `shift` is added to t, and with `returned` the
    corrected m and v are returned.
    """

    def adam(theta: Tensor, g: Tensor, m: Tensor, v: Tensor, *numbers: float) -> tuple:
        settings = _Settings(int(numbers[0]), *numbers[1:])
        m = settings.beta1 * m + (1 - settings.beta1) * g
        v = settings.beta2 * v + (1 - settings.beta2) * second(g)
        time = settings.t + shift
        pairs = zip((m, v), (settings.beta1, settings.beta2), corrected, strict=True)
        m_hat, v_hat = (x / (1 - beta**time) if apply else x for x, beta, apply in pairs)
        moved = theta - sign * settings.lr * step(m_hat, v_hat, settings)
        return (moved, m_hat, v_hat) if returned else (moved, m, v)

    return adam


_reference = _altered()
_with = partial(change_arguments, _reference, _ARGUMENTS)


def _swapped_betas(*given: float) -> tuple:
    *rest, beta1, beta2, eps = given
    return tuple(_reference(*rest, beta2, beta1, eps))


_VARIANTS: dict[str, Function] = {
    "the bias of m and v is not corrected": _altered(corrected=(False, False)),
    "the bias of m is not corrected": _altered(corrected=(False, True)),
    "the bias of v is not corrected": _altered(corrected=(True, False)),
    "t is taken to begin with 0: the correction uses t + 1": _altered(shift=1),
    "the corrected m and v are returned, to be corrected again in the next step": _altered(
        returned=True
    ),
    "eps is inside the square root": _altered(
        step=lambda m, v, settings: m / (v + settings.eps).sqrt()
    ),
    "the square root of v is missing": _altered(step=lambda m, v, settings: m / (v + settings.eps)),
    "m is not divided by the root of v: this is SGD with momentum": _altered(
        step=lambda m, v, settings: m
    ),
    "v is the mean of |g|, not of g squared": _altered(second=torch.abs),
    "beta1 and beta2 are swapped": _swapped_betas,
    "beta and 1 - beta are swapped: beta multiplies the gradient": _with(
        beta1=lambda beta: 1 - beta, beta2=lambda beta: 1 - beta
    ),
    "the step goes uphill: theta + ..., not theta - ...": _altered(sign=-1),
}


def _sizes(rng: random.Random) -> Sizes:
    return {
        "parameters": rng.randint(2, 6),
        "t": rng.randint(2, 9),
        "lr": rng.choice([0.1, 0.01]),
        "beta1": 0.9,
        "beta2": rng.choice([0.99, 0.95]),
        "eps": 0.01,
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    shape = (sizes["parameters"],)
    drawn = draw_normal(generator, theta=shape, g=shape, m=shape, v=shape)
    drawn["v"] = drawn["v"].square()
    return drawn


_FIRST = {"parameters": 4, "t": 3, "lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 0.01}

ADAM_STEP = Task(
    name="adam_step",
    arguments=_ARGUMENTS,
    outputs=_OUTPUTS,
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(_FIRST, {**_FIRST, "parameters": 3, "t": 1}),
    variants=_VARIANTS,
    differentiable=False,
)
"""The step of `torch.optim.Adam`, which the tests compare it with."""
